/** The module's own rules, one call after another on one account, as what concurrent calls are judged by. */
import type { Account } from '../../src/accounts/account.js';
import { TestTotpClock } from 'nestjs-totp/testing';
import { InMemoryTotpAccountStore } from '../../src/testing/in-memory-account-store.js';
import type { Call } from '../processes/fleet.js';
import { recipeOver } from '../support/recipe.js';
import type { Specification } from './checker.js';

/** The user of the specification, whatever the user of the history is called. */
export const USER = 'user';

/** An account without anything in it. */
export const NOTHING = 'null';

/** @param now of every call, in epoch ms */
export function specificationAt(now: number): Specification<Call> {
  const known = new Map<string, Promise<{ state: string; answer: string }>>();

  async function apply(state: string, call: Call): Promise<{ state: string; answer: string }> {
    const store = new InMemoryTotpAccountStore();
    const account = JSON.parse(state) as Account | null;
    if (account !== null) await store.commit(USER, null, account);
    const { totp } = recipeOver({ store, clock: new TestTotpClock(now), trustedBrowsers: {} });
    const answer = await answerOf(totp, { ...call, input: { ...call.input, userId: USER } } as Call);
    return { state: JSON.stringify((await store.load(USER))?.account ?? null), answer };
  }

  return (state, call) => {
    const key = `${state} ${call.name} ${JSON.stringify({ ...call.input, userId: USER })}`;
    const answer = known.get(key) ?? apply(state, call);
    known.set(key, answer);
    return answer;
  };
}

/** As JSON, as it comes from another process. */
async function answerOf(totp: object, { name, input }: Call): Promise<string> {
  const method: unknown = Reflect.get(totp, name);
  if (typeof method !== 'function') throw new Error(`There is no function ${name}.`);
  return JSON.stringify(await Reflect.apply(method, totp, [input]));
}
