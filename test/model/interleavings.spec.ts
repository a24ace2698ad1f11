/**
 * Loads and commits of concurrent calls in every order: some order of the same calls one after the other must explain the
 * answers (linearizability). That is what "exact for any number of parallel requests" means.
 */
import type { TotpService } from 'nestjs-totp';
import { InMemoryTotpAccountStore, TestTotpClock, totpCode } from 'nestjs-totp/testing';
import { recipeOver } from '../support/recipe.js';
import { TurnByTurnStore } from './turn-by-turn-store.js';

const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const otherKey = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const clock = new TestTotpClock();
const now = clock.now();
const userId = 'ann';
const wrong = '000000';
const recoveryCodes = ['aBcDeFgHiJkLmNoPqRsT', 'bCdEfGhIjKlMnOpQrStU'];
const otherCodes = ['cDeFgHiJkLmNoPqRsTuV'];

type Step = (totp: TotpService) => Promise<unknown>;
type Calls = Readonly<Record<string, Step>>;

const calls: Calls = {
  'a right code': (totp) => totp.verifyTOTP({ userId, totp: totpCode(secretKey, now) }),
  'the code before it': (totp) => totp.verifyTOTP({ userId, totp: totpCode(secretKey, now - 30_000) }),
  'the other device’s code': (totp) => totp.verifyTOTP({ userId, totp: totpCode(otherKey, now) }),
  'a wrong code': (totp) => totp.verifyTOTP({ userId, totp: wrong }),
  'a wrong enrolment code': (totp) =>
    totp.verifyDevice({ userId, deviceName: 'new', totp: wrong, onBehalfOf: 'application' }),
  'a removal': (totp) => totp.removeDevice({ userId, deviceName: 'phone', onBehalfOf: 'application' }),
  'an import of the same secret': (totp) => totp.importDevice({ userId, deviceName: 'again', secretKey }),
  'a renaming': (totp) =>
    totp.updateDevice({ userId, existingDeviceName: 'phone', newDeviceName: 'old', onBehalfOf: 'application' }),
  'a new device': async (totp) =>
    (await totp.createDevice({ userId, deviceName: 'new', onBehalfOf: 'application' })).status,
  'an unlocking': (totp) => totp.unlockUser({ userId }),
  'a recovery code': (totp) => totp.verifyRecoveryCode({ userId, recoveryCode: recoveryCodes[0] ?? '' }),
  'another recovery code': (totp) => totp.verifyRecoveryCode({ userId, recoveryCode: recoveryCodes[1] ?? '' }),
  'a new set of recovery codes': (totp) => totp.importRecoveryCodes({ userId, recoveryCodes: otherCodes }),
  'a code that trusts the browser': async (totp) =>
    (await totp.verifyTOTP({ userId, totp: totpCode(secretKey, now + 30_000), trustBrowser: {} })).status,
  'a forgetting of browsers': (totp) => totp.forgetTrustedBrowsers({ userId, onBehalfOf: 'application' }),
};

const enrolled: Step = async (totp) => {
  await totp.importDevice({ userId, deviceName: 'phone', secretKey });
  await totp.importDevice({ userId, deviceName: 'tablet', secretKey: otherKey });
  await totp.createDevice({ userId, deviceName: 'new', onBehalfOf: 'application' });
  await totp.importRecoveryCodes({ userId, recoveryCodes });
};

const beginnings: Calls = {
  'a user without failures': enrolled,
  'a user with one try left': async (totp) => {
    await enrolled(totp);
    for (let n = 0; n < 4; n++) await totp.verifyTOTP({ userId, totp: wrong });
  },
  'a locked user': async (totp) => {
    await enrolled(totp);
    for (let n = 0; n < 5; n++) await totp.verifyTOTP({ userId, totp: wrong });
  },
};

describe.each(Object.entries(beginnings))('%s', (_, beginning) => {
  it.each(pairs(Object.keys(calls)))('W3: %s and %s', async (first, second) => {
    const [one, two] = [stepOf(first), stepOf(second)];
    const explained = new Set([
      await inTurn(beginning, [one, two], [0, 1]),
      await inTurn(beginning, [one, two], [1, 0]),
    ]);
    for await (const outcome of everyInterleaving(beginning, [one, two])) expect(explained).toContain(outcome);
  });
});

it.each([
  ['a right code', 'a right code', 'a right code'],
  ['a right code', 'a wrong code', 'a wrong code'],
  ['a wrong code', 'a wrong code', 'a wrong code'],
  ['a right code', 'a removal', 'an import of the same secret'],
  ['the code before it', 'a right code', 'a wrong code'],
  ['a recovery code', 'a recovery code', 'a wrong code'],
  ['a recovery code', 'a new set of recovery codes', 'another recovery code'],
  ['a recovery code', 'a code that trusts the browser', 'a forgetting of browsers'],
])('with one try left: %s, %s and %s', async (...names) => {
  const beginning = stepOf('a user with one try left', beginnings);
  const steps = names.map((name) => stepOf(name));
  const explained = new Set<string>();
  for (const order of permutations([0, 1, 2])) explained.add(await inTurn(beginning, steps, order));
  let outcomes = 0;
  for await (const outcome of everyInterleaving(beginning, steps)) {
    outcomes++;
    expect(explained).toContain(outcome);
  }
  expect(outcomes).toBeGreaterThan(30); // three loads and two commits alone can be ordered in 5! / 2!² ways
});

/** The answers, and what is left afterwards, of calls made one after the other. */
async function inTurn(beginning: Step, steps: readonly Step[], order: readonly number[]): Promise<string> {
  const store = new InMemoryTotpAccountStore();
  const totp = serviceOver(store);
  await beginning(totp);
  const answers: unknown[] = [];
  for (const index of order) answers[index] = await steps[index]?.(totp);
  return outcomeOf(answers, totp);
}

/** The same for every way in which the loads and commits of calls made at once can follow one another. */
async function* everyInterleaving(beginning: Step, steps: readonly Step[]): AsyncGenerator<string> {
  const schedules: number[][] = [[]];
  for (let schedule = schedules.pop(); schedule !== undefined; schedule = schedules.pop()) {
    const store = new TurnByTurnStore();
    const totp = serviceOver(store);
    await beginning(totp);

    store.takeTurns(schedule);
    // Each call in a process of its own: within one, they take turns anyway.
    const answers = await Promise.all(steps.map((step) => step(serviceOver(store))));
    // Where there was a choice beyond the schedule, the first was taken; the others are for later.
    schedules.push(...store.alternatives());
    store.takeNoTurns();
    yield outcomeOf(answers, totp);
  }
}

function serviceOver(store: InMemoryTotpAccountStore): TotpService {
  return recipeOver({ store, clock, trustedBrowsers: {} }).totp;
}

async function outcomeOf(answers: readonly unknown[], totp: TotpService): Promise<string> {
  const { browsers } = await totp.listTrustedBrowsers({ userId });
  return JSON.stringify([answers, await totp.getStatus({ userId }), browsers.length]);
}

function stepOf(name: string, of: Calls = calls): Step {
  const step = of[name];
  if (step === undefined) throw new Error(`No step is called "${name}"`);
  return step;
}

function pairs(names: readonly string[]): [string, string][] {
  return names.flatMap((first, index) => names.slice(index).map((second): [string, string] => [first, second]));
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}
