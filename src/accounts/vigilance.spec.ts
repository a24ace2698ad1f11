/** O1, O2: many wrong codes over the long run, and two codes in a row. */
import fc from 'fast-check';
import {
  account,
  after,
  context,
  DAY,
  device,
  HOUR,
  lockedUntil,
  NOW,
  policy,
  SECOND,
} from '../../test/support/accounts.js';
import { type Account, FRESH_BUDGET, type Vigilance } from './account.js';
import type { Decision } from './decision.js';
import { unlock } from './lockout.js';
import { decideSignIn, type SignInAnswer } from './verification.js';
import { countFailure, longRunFailures, needsTwoCodes } from './vigilance.js';

const phone = device({ name: 'phone' });
const tablet = device({ name: 'tablet' });
const STEP = NOW / (30 * SECOND);
const FRESH: Vigilance = { forgivenAt: 0, firstCode: null };

/** The vigilance after failures at these times. */
const failedAt = (...times: readonly number[]) =>
  times.reduce((vigilance, now) => countFailure(vigilance, null, now, policy), FRESH);
const suspected = (fields: Partial<Account> = {}) =>
  account([phone, tablet], { vigilance: failedAt(...Array<number>(30).fill(NOW)), ...fields });

interface Entry {
  /** The code of this many steps after the step of `NOW`; undefined is a wrong code. */
  readonly step?: number;
  readonly of?: typeof phone;
  readonly session?: string;
  readonly now?: number;
}

function enter(user: Account, { step, of = phone, session = 'session', now = NOW }: Entry): Decision<SignInAnswer> {
  const comparisons = user.devices.map((one) => ({
    device: one,
    matchedSteps: one.id === of.id && step !== undefined ? [STEP + step] : [],
  }));
  return decideSignIn(user, comparisons, { ...context, now, session: { handle: session, completedAt: undefined } });
}

const nextCodeRequired = expect.objectContaining({ status: 'INVALID_TOTP_ERROR', nextCodeRequired: true });

describe('the failures of the long run', () => {
  it('are counted one by one, and forgiven one a day, each as a whole', () => {
    const vigilance = failedAt(NOW, NOW + HOUR, NOW + 2 * HOUR);
    const left = (now: number) => longRunFailures(vigilance, now, policy);
    expect([0, HOUR, DAY - 1, DAY, 2 * DAY - 1, 2 * DAY, 3 * DAY - 1, 3 * DAY].map((ms) => left(NOW + ms))).toEqual([
      3, 3, 3, 2, 2, 1, 1, 0,
    ]);
  });

  it('ask for two codes from the thirtieth on, until a day has forgiven one', () => {
    const [less, enough] = [failedAt(...Array<number>(29).fill(NOW)), failedAt(...Array<number>(30).fill(NOW))];
    expect(needsTwoCodes(less, NOW, policy)).toBe(false);
    expect(needsTwoCodes(enough, NOW, policy)).toBe(true);
    expect(needsTwoCodes(enough, NOW + DAY - 1, policy)).toBe(true);
    expect(needsTwoCodes(enough, NOW + DAY, policy)).toBe(false);
  });

  it('O2: are forgiven at no other rate than set, whatever the times, and a clock that steps gives no guess back', () => {
    const steps = fc.array(fc.record({ wait: fc.integer({ min: -40 * DAY, max: 40 * DAY }), fails: fc.nat(8) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(steps, (history) => {
        let [now, latest, failures] = [NOW, NOW, 0];
        let vigilance = FRESH;
        for (const { wait, fails } of history) {
          now = Math.max(now + wait, NOW);
          latest = Math.max(latest, now);
          for (let n = 0; n < fails; n++) vigilance = countFailure(vigilance, null, now, policy);
          failures += fails;
          const forgivable = Math.floor((latest - NOW) / policy.forgivenessMs);
          expect(longRunFailures(vigilance, now, policy)).toBeGreaterThanOrEqual(failures - forgivable);
        }
      }),
    );
  });

  it('O2: are not forgiven by accepted codes, nor by an operator who ends a lock', () => {
    const user = account([phone], { vigilance: failedAt(NOW, NOW), budget: { ...FRESH_BUDGET, failures: 2 } });
    expect(after(enter(user, { step: 0 })).vigilance).toEqual(user.vigilance);
    expect(after(unlock({ ...user, budget: lockedUntil(null) })).vigilance).toEqual(user.vigilance);
  });

  it('have an event when two codes are needed from now on, exactly once', () => {
    let user = account([phone], { vigilance: failedAt(...Array<number>(28).fill(NOW)) });
    const names: string[][] = [];
    for (let n = 0; n < 4; n++) {
      const decision = enter(user, {});
      names.push(decision.events.map(({ name }) => name));
      user = after(decision);
    }
    expect(names).toEqual([
      ['totp.code.rejected'],
      ['totp.code.rejected', 'totp.user.suspected'],
      ['totp.code.rejected'],
      ['totp.code.rejected'],
    ]);
  });
});

describe('two codes in a row', () => {
  it('O1: the first right code does not sign in: its step is used up, nothing is counted, and the answer asks for the next', () => {
    const user = suspected({ budget: { failures: 3, recentFailures: [NOW, NOW, NOW], lock: null } });
    expect(enter(user, { step: 0 })).toEqual({
      answer: {
        status: 'INVALID_TOTP_ERROR',
        currentNumberOfFailedAttempts: 3,
        maxNumberOfFailedAttempts: 5,
        nextCodeRequired: true,
      },
      account: {
        ...user,
        devices: [{ ...phone, usedUntil: NOW + 30 * SECOND }, tablet],
        vigilance: { ...user.vigilance, firstCode: { deviceId: phone.id, step: STEP, sessionHandle: 'session' } },
      },
      events: [],
    });
  });

  it('O1: the code of the next step of the same device, in the same session, signs in', () => {
    const first = after(enter(suspected(), { step: 0 }));
    const second = enter(first, { step: 1, now: NOW + 30 * SECOND });
    expect(second.answer).toEqual({ status: 'OK' });
    expect(after(second).vigilance).toEqual({ ...first.vigilance, firstCode: null });
    expect(second.events).toEqual([expect.objectContaining({ name: 'totp.code.accepted', stepOffset: 0 })]);
  });

  it.each<[string, Entry]>([
    ['of another session', { step: 1, session: 'other' }],
    ['of another device', { step: 1, of: tablet }],
    ['of the step after the next', { step: 2 }],
  ])('O1: a right code %s starts again, and does not sign in', (_, entry) => {
    const first = after(enter(suspected(), { step: 0 }));
    const second = enter(first, { now: NOW + 30 * SECOND, ...entry });
    expect(second.answer).toEqual(nextCodeRequired);
    const { of = phone, session = 'session', step } = entry;
    expect(after(second).vigilance.firstCode).toEqual({
      deviceId: of.id,
      step: STEP + (step ?? 0),
      sessionHandle: session,
    });
  });

  it('O1: a wrong code in between starts again, so that there is one attempt for the second', () => {
    const first = after(enter(suspected(), { step: 0 }));
    const wrong = after(enter(first, { now: NOW + SECOND }));
    expect(wrong.vigilance.firstCode).toBeNull();
    expect(enter(wrong, { step: 1, now: NOW + 30 * SECOND }).answer).toEqual(nextCodeRequired);
  });

  it("a wrong code in a guesser's session does not keep the owner from entering both", () => {
    const first = after(enter(suspected(), { step: 0 }));
    const attacked = after(enter(first, { session: "the guesser's", now: NOW + SECOND }));
    expect(enter(attacked, { step: 1, now: NOW + 30 * SECOND }).answer).toEqual({ status: 'OK' });
  });

  it('a first code that is entered twice is a replay, and still waits for the next', () => {
    const first = after(enter(suspected(), { step: 0 }));
    const again = enter(first, { step: 0 });
    expect(again).toEqual({
      answer: nextCodeRequired,
      account: null,
      events: [{ name: 'totp.code.replayed', deviceId: phone.id }],
    });
    expect(enter(first, { step: 0, session: 'other' }).answer).not.toHaveProperty('nextCodeRequired');
  });

  it('is not needed any more when a day has forgiven a failure: one code signs in', () => {
    expect(enter(suspected(), { step: 0, now: NOW + DAY }).answer).toEqual({ status: 'OK' });
  });

  it('is refused during a lock like any code', () => {
    const user = suspected({ budget: lockedUntil(NOW + 1) });
    expect(enter(user, { step: 0 }).answer.status).toBe('LIMIT_REACHED_ERROR');
  });
});
