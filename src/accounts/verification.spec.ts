import {
  account,
  after,
  context,
  DAY,
  device,
  HOUR,
  lockedUntil,
  MINUTE,
  NOW,
  SECOND,
} from '../../test/support/accounts.js';
import { type Account, type Device, FRESH_BUDGET, NEW_ACCOUNT } from './account.js';
import {
  type Comparison,
  decideEnrolment,
  decideSignIn,
  enrolmentCandidates,
  signInCandidates,
} from './verification.js';

const phone = device({ name: 'phone' });
const tablet = device({ name: 'tablet' });
const untried = device({ name: 'untried', verified: false });
const expired = device({ name: 'expired', verified: false, createdAt: NOW - DAY });

const threeFailures = { failures: 3, recentFailures: [NOW, NOW, NOW], lock: null };

/** The code of the step that begins this many seconds after NOW, as it compares with one device of an account. */
function codeAt(seconds: number, of: Device): Comparison {
  return { device: of, matchedSteps: [(NOW / SECOND + seconds) / of.period] };
}

function wrong(of: Device): Comparison {
  return { device: of, matchedSteps: [] };
}

/** Signs in with a code of `of`, as the account holds that device now. */
function signIn(user: Account, code: Comparison, now = NOW) {
  const comparisons = signInCandidates(user, now).map((candidate) =>
    candidate.id === code.device.id ? { ...code, device: candidate } : wrong(candidate),
  );
  return decideSignIn(user, comparisons, { ...context, now });
}

function enrol(user: Account | null, deviceName: string, matchedSteps: readonly number[], now = NOW) {
  const candidates = enrolmentCandidates(user, deviceName, { ...context, now });
  const comparisons = candidates.map((candidate) => ({ device: candidate, matchedSteps }));
  return decideEnrolment(user, deviceName, comparisons, { ...context, now });
}

const invalid = (failures: number) => ({
  status: 'INVALID_TOTP_ERROR',
  currentNumberOfFailedAttempts: failures,
  maxNumberOfFailedAttempts: 5,
});

const step = NOW / (30 * SECOND);

describe('a sign-in code', () => {
  it('is compared with the verified devices only', () => {
    expect(signInCandidates(account([phone, untried, tablet]), NOW)).toEqual([phone, tablet]);
    expect(signInCandidates(null, NOW)).toEqual([]);
  });

  it('is compared with nothing during a lock', () => {
    expect(signInCandidates(account([phone], { budget: lockedUntil(NOW + 1) }), NOW)).toEqual([]);
    expect(signInCandidates(account([phone], { budget: lockedUntil(NOW) }), NOW)).toEqual([phone]);
  });

  it.each([
    ['without an account', null],
    ['who removed all devices', NEW_ACCOUNT],
    ['whose only device was not verified in time', account([expired])],
  ])('of a user %s is of an unknown user, and nothing is counted', (_, user) => {
    expect(decideSignIn(user, [], context)).toEqual({
      answer: { status: 'UNKNOWN_USER_ID_ERROR' },
      account: null,
      events: [],
    });
  });

  it('of a user with unverified devices only is a failure like any other', () => {
    expect(signIn(account([untried]), wrong(untried)).answer).toEqual(invalid(1));
  });

  it.each([
    ['before', -30, -1],
    ['now', 0, 0],
    ['after', 30, 1],
  ])('of the step %s is accepted, uses the step up, and tells how far the clocks are apart', (_, seconds, offset) => {
    const decision = signIn(account([tablet, phone]), codeAt(seconds, phone));
    expect(decision).toEqual({
      answer: { status: 'OK' },
      account: account([tablet, { ...phone, usedUntil: NOW + (seconds + 30) * SECOND, lastUsedAt: NOW }]),
      events: [{ name: 'totp.code.accepted', deviceId: phone.id, deviceName: 'phone', stepOffset: offset }],
    });
  });

  it('W2: is refused for ever once it, or one of a later step, was accepted', () => {
    const user = after(signIn(account([phone]), codeAt(0, phone)));
    expect(signIn(user, codeAt(-30, phone)).answer).toEqual(invalid(0));
    expect(signIn(user, codeAt(0, phone)).answer).toEqual(invalid(0));
    expect(signIn(user, codeAt(0, phone), NOW + 29 * SECOND).answer).toEqual(invalid(0));
    expect(signIn(user, codeAt(30, phone)).answer).toEqual({ status: 'OK' });
  });

  it('W7: that is a replay costs no try, changes nothing and has an event of its own', () => {
    const user = account([{ ...phone, usedUntil: NOW + 30 * SECOND }], { budget: threeFailures });
    expect(signIn(user, codeAt(0, phone))).toEqual({
      answer: invalid(3),
      account: null,
      events: [{ name: 'totp.code.replayed', deviceId: phone.id }],
    });
  });

  it('W5: is accepted for one device after the same digits were accepted for another', () => {
    const user = account([{ ...phone, usedUntil: NOW + 30 * SECOND }, tablet]);
    const comparisons = user.devices.map((one) => codeAt(0, one));
    const decision = decideSignIn(user, comparisons, context);
    expect(decision.events).toEqual([expect.objectContaining({ name: 'totp.code.accepted', deviceName: 'tablet' })]);
    expect(after(decision).devices.map(({ usedUntil }) => usedUntil)).toEqual(Array(2).fill(NOW + 30 * SECOND));
  });

  it('uses up the later step when it is, by chance, the code of two steps', () => {
    const both = { device: phone, matchedSteps: [step - 1, step + 1] };
    const decision = signIn(account([phone]), both);
    const user = after(decision);
    expect(user.devices[0]?.usedUntil).toBe(NOW + 60 * SECOND);
    expect(decision.events).toEqual([expect.objectContaining({ stepOffset: 1 })]);
    expect(signIn(user, both).answer).toEqual(invalid(0));
  });

  it('is accepted when it is the code of a used step and, by chance, of a later one', () => {
    const user = account([{ ...phone, usedUntil: NOW }]);
    const decision = signIn(user, { device: phone, matchedSteps: [step - 1, step] });
    expect(decision.answer).toEqual({ status: 'OK' });
    expect(after(decision).devices[0]?.usedUntil).toBe(NOW + 30 * SECOND);
  });

  it('ends the failure streak, and reports the end of a lock that had run out', () => {
    const quietly = signIn(account([phone], { budget: threeFailures }), codeAt(0, phone));
    expect(after(quietly).budget).toEqual(FRESH_BUDGET);
    expect(quietly.events).toHaveLength(1);

    const unlocking = signIn(account([phone], { budget: lockedUntil(NOW, 3) }), codeAt(0, phone));
    expect(after(unlocking).budget).toEqual(FRESH_BUDGET);
    expect(unlocking.events).toEqual([
      expect.objectContaining({ name: 'totp.code.accepted' }),
      { name: 'totp.user.unlocked', reason: 'expired' },
    ]);
  });

  it('that is wrong is counted, and tells the tries that are left', () => {
    const decision = signIn(account([phone], { budget: threeFailures, usedUntil: 7 }), wrong(phone));
    expect(decision).toEqual({
      answer: invalid(4),
      account: account([phone], {
        budget: { failures: 4, recentFailures: Array<number>(4).fill(NOW), lock: null },
        vigilance: { forgivenAt: NOW + DAY, firstCode: null },
        usedUntil: 7,
      }),
      events: [{ name: 'totp.code.rejected', failures: 4, failuresLeft: 1 }],
    });
  });

  it('L5: that spends the budget starts the lock, with one event', () => {
    const budget = { failures: 9, recentFailures: [NOW, NOW, NOW, NOW], lock: { number: 1, until: NOW - DAY } };
    const decision = signIn(account([phone], { budget }), wrong(phone));
    expect(decision.answer).toEqual(invalid(5));
    expect(decision.events).toEqual([
      { name: 'totp.code.rejected', failures: 5, failuresLeft: 0 },
      { name: 'totp.user.locked', until: NOW + 30 * MINUTE, lockNumber: 2, failures: 10 },
    ]);
  });

  it('is refused during a lock even if it is right, and nothing is stored: hammering does not extend the wait', () => {
    const user = account([phone], { budget: lockedUntil(NOW + 15 * MINUTE) });
    const refusal = {
      answer: {
        status: 'LIMIT_REACHED_ERROR',
        retryAfterMs: 15 * MINUTE,
        currentNumberOfFailedAttempts: 5,
        maxNumberOfFailedAttempts: 5,
      },
      account: null,
      events: [],
    };
    expect(signIn(user, codeAt(0, phone))).toEqual(refusal);
    expect(decideSignIn(user, [codeAt(0, phone)], context)).toEqual(refusal);
  });

  it('W8: is refused as a replay while the clock is behind, at no cost, and accepted again afterwards', () => {
    const user = after(signIn(account([phone]), codeAt(0, phone)));
    const back = signIn(user, codeAt(-HOUR / SECOND, phone), NOW - HOUR);
    expect(back.answer).toEqual(invalid(0));
    expect(back.account).toBeNull();
    expect(signIn(user, codeAt(30, phone), NOW + 30 * SECOND).answer).toEqual({ status: 'OK' });
  });

  it('W8: is accepted after the clock was put forward', () => {
    const user = after(signIn(account([phone]), codeAt(0, phone)));
    expect(signIn(user, codeAt(365 * 86_400, phone), NOW + 365 * DAY).answer).toEqual({ status: 'OK' });
  });
});

describe('an enrolment code', () => {
  it('is compared with the device of exactly that name, while it is unverified', () => {
    const user = account([phone, untried, expired]);
    expect(enrolmentCandidates(user, 'untried', context)).toEqual([untried]);
    for (const name of ['phone', 'expired', 'unknown', 'Untried', 'untried ']) {
      expect(enrolmentCandidates(user, name, context)).toEqual([]);
    }
    expect(enrolmentCandidates(null, 'untried', context)).toEqual([]);
    expect(enrolmentCandidates({ ...user, budget: lockedUntil(NOW + 1) }, 'untried', context)).toEqual([]);
  });

  it('is compared with no secret for a session that must complete TOTP first', () => {
    const session = { handle: 'session', completedAt: undefined };
    const user = account([phone, untried]);
    expect(enrolmentCandidates(user, 'untried', { ...context, session })).toEqual([]);
    expect(decideEnrolment(user, 'untried', [codeAt(0, untried)], { ...context, session })).toEqual({
      answer: { status: 'STEP_UP_REQUIRED' },
      account: null,
      events: [],
    });
  });

  it('verifies the device', () => {
    expect(enrol(account([phone, untried]), 'untried', [step - 1])).toEqual({
      answer: { status: 'OK', wasAlreadyVerified: false },
      account: account([phone, { ...untried, verifiedAt: NOW, usedUntil: NOW }]),
      events: [{ name: 'totp.device.verified', deviceId: untried.id, deviceName: 'untried' }],
    });
  });

  it('W4: does not also sign in', () => {
    const user = after(enrol(account([untried]), 'untried', [step]));
    const again = signIn(user, codeAt(0, untried));
    expect(again.answer).toEqual(invalid(0));
    expect(again.events).toEqual([{ name: 'totp.code.replayed', deviceId: untried.id }]);
    expect(signIn(user, codeAt(30, untried)).answer).toEqual({ status: 'OK' });
  });

  it('ends the failure streak, and reports the end of a lock that had run out', () => {
    const decision = enrol(account([untried], { budget: lockedUntil(NOW) }), 'untried', [step]);
    expect(after(decision).budget).toEqual(FRESH_BUDGET);
    expect(decision.events[1]).toEqual({ name: 'totp.user.unlocked', reason: 'expired' });
  });

  it('L2: that is wrong is charged to the budget that sign-in codes are charged to', () => {
    const once = after(enrol(account([phone, untried]), 'untried', []));
    const twice = signIn(once, wrong(phone));
    expect(twice.answer).toEqual(invalid(2));
    const thrice = enrol(after(twice), 'untried', []);
    expect(thrice.answer).toEqual(invalid(3));
    expect(thrice.events).toEqual([{ name: 'totp.code.rejected', failures: 3, failuresLeft: 2 }]);
  });

  it.each([
    ['that never was', null],
    ['that was removed', account([phone])],
    ['that expired', account([expired])],
    ['of another case', account([device({ name: 'Expired', verified: false })])],
  ])('M4: of a device %s is of an unknown device, and nothing is counted', (_, user) => {
    expect(enrol(user, 'expired', [step])).toEqual({
      answer: { status: 'UNKNOWN_DEVICE_ERROR' },
      account: null,
      events: [],
    });
  });

  it('verifies a device in the last millisecond before it expires', () => {
    expect(enrol(account([expired]), 'expired', [step], NOW - 1).answer.status).toBe('OK');
  });

  it.each([
    ['unlocked', FRESH_BUDGET],
    ['locked', lockedUntil(NOW + 1)],
  ])('M2: of a verified device of a user who is %s is not looked at', (_, budget) => {
    expect(enrol(account([phone], { budget }), 'phone', [])).toEqual({
      answer: { status: 'OK', wasAlreadyVerified: true },
      account: null,
      events: [],
    });
  });

  it('is refused during a lock, whether right or wrong', () => {
    const user = account([untried], { budget: lockedUntil(null) });
    const decision = decideEnrolment(user, 'untried', [codeAt(0, untried)], context);
    expect(decision.answer).toEqual({
      status: 'LIMIT_REACHED_ERROR',
      retryAfterMs: DAY,
      currentNumberOfFailedAttempts: 5,
      maxNumberOfFailedAttempts: 5,
    });
    expect(decision.account).toBeNull();
  });
});
