import { account, DAY, device, lockedUntil, MINUTE, NOW, policy } from '../../test/support/accounts.js';
import { type Budget, FRESH_BUDGET, type Policy } from './account.js';
import { countedFailures, failuresLeft, isLocked, recordFailure, retryAfterMs, unlock } from './lockout.js';

/** Enters wrong codes at these times, counted from NOW; each is answered by its count, or refused by a lock. */
function wrongCodes(times: readonly number[], budget: Budget = FRESH_BUDGET, settings: Policy = policy) {
  const answers = times.map((time) => {
    const now = NOW + time;
    if (isLocked(budget, now)) return 'locked';
    const result = recordFailure(budget, now, settings);
    budget = result.budget;
    return result.counted;
  });
  return { answers, budget };
}

/** Spends the budget again and again, each time right after the lock, and tells how long every lock lasted. */
function lockLengths(count: number, settings: Policy): (number | null)[] {
  let budget = FRESH_BUDGET;
  let now = NOW;
  return Array.from({ length: count }, () => {
    for (let n = 0; n < 10 && !isLocked(budget, now); n++) budget = recordFailure(budget, now, settings).budget;
    const until = budget.lock?.until ?? null;
    const length = until === null ? null : until - now;
    now = until ?? now;
    return length;
  });
}

describe('a failure streak', () => {
  it('counts 1, 2, 3, 4, 5, and is then locked', () => {
    expect(wrongCodes([0, 1, 2, 3, 4, 5, 6]).answers).toEqual([1, 2, 3, 4, 5, 'locked', 'locked']);
  });

  it('with four failures at once and one after 14 minutes is locked until minute 29', () => {
    const { answers, budget } = wrongCodes([0, 0, 0, 0, 14 * MINUTE]);
    expect(answers).toEqual([1, 2, 3, 4, 5]);
    expect(isLocked(budget, NOW + 29 * MINUTE - 1)).toBe(true);
    expect(isLocked(budget, NOW + 29 * MINUTE)).toBe(false);
  });

  it('forgets a failure after 16 minutes: the next one counts 1', () => {
    expect(wrongCodes([0, 16 * MINUTE]).answers).toEqual([1, 1]);
  });

  it('counts failures together when they are less than one cooldown apart, not when they are exactly one apart', () => {
    expect(wrongCodes([0, 15 * MINUTE - 1]).answers).toEqual([1, 2]);
    expect(wrongCodes([0, 15 * MINUTE]).answers).toEqual([1, 1]);
  });

  it('slides: failures grow old one by one', () => {
    const times = [0, 4, 8, 12, 16, 20].map((minute) => minute * MINUTE);
    expect(wrongCodes(times).answers).toEqual([1, 2, 3, 4, 4, 4]);
  });

  it('has five tries again after a lock, counting from 1', () => {
    const { answers } = wrongCodes([0, 0, 0, 0, 0, ...Array<number>(6).fill(15 * MINUTE)]);
    expect(answers).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 'locked']);
  });

  it('is remembered in no more numbers than the limit, however long it lasts', () => {
    const everyFourMinutes = Array.from({ length: 99 }, (_, index) => index * 4 * MINUTE);
    const { budget } = wrongCodes(everyFourMinutes);
    expect(budget.failures).toBe(99);
    expect(budget.recentFailures).toHaveLength(4);
  });
});

describe('locks', () => {
  it('L4: of one streak last twice as long each time, and at most a day', () => {
    const minutes = lockLengths(9, policy).map((ms) => Number(ms) / MINUTE);
    expect(minutes).toEqual([15, 30, 60, 120, 240, 480, 960, 1440, 1440]);
  });

  it('grow as the options say', () => {
    expect(lockLengths(4, { ...policy, multiplier: 1 })).toEqual(Array(4).fill(15 * MINUTE));
    expect(lockLengths(4, { ...policy, multiplier: 10, cooldownMs: MINUTE, maxCooldownMs: 50 * MINUTE })).toEqual([
      MINUTE,
      10 * MINUTE,
      50 * MINUTE,
      50 * MINUTE,
    ]);
  });

  it('keep growing when there are weeks between them, since time alone does not end the streak', () => {
    const first = wrongCodes([0, 0, 0, 0, 0]).budget;
    const { budget } = wrongCodes(Array<number>(5).fill(30 * DAY), first);
    expect(budget.lock).toEqual({ number: 2, until: NOW + 30 * DAY + 30 * MINUTE });
  });

  it('L3: become hard with the hundredth failure in a row, and then never run out', () => {
    const lengths = lockLengths(20, policy);
    expect(lengths.indexOf(null)).toBe(19);
    const { budget } = wrongCodes(Array.from({ length: 200 }, (_, day) => day * DAY));
    expect(budget).toEqual({ failures: 100, recentFailures: [], lock: { number: 1, until: null } });
    expect(isLocked(budget, Number.MAX_SAFE_INTEGER)).toBe(true);
  });

  it('L3: become hard at the hard limit even if less than a whole budget was spent since the last lock', () => {
    const { answers, budget } = wrongCodes([0, 0, 0, DAY, DAY], FRESH_BUDGET, {
      ...policy,
      maxFailures: 3,
      hardLimit: 4,
    });
    expect(answers).toEqual([1, 2, 3, 1, 'locked']);
    expect(budget.lock).toEqual({ number: 2, until: null });
  });

  it('are started by exactly one failure', () => {
    let budget = FRESH_BUDGET;
    const started = Array.from({ length: 5 }, () => {
      const result = recordFailure(budget, NOW, policy);
      budget = result.budget;
      return result.started;
    });
    expect(started).toEqual([null, null, null, null, { number: 1, until: NOW + 15 * MINUTE }]);
  });
});

describe('W8: when the clock steps', () => {
  it('W8: back, a lock goes on, and ends when it would have ended', () => {
    const locked = lockedUntil(NOW + 15 * MINUTE);
    expect(isLocked(locked, NOW - DAY)).toBe(true);
    expect(isLocked(locked, NOW + 15 * MINUTE)).toBe(false);
  });

  it('back, failures that now lie ahead still count', () => {
    expect(wrongCodes([0, 0, 0, 0, -DAY]).answers).toEqual([1, 2, 3, 4, 5]);
  });

  it('forward, failures are old', () => {
    expect(wrongCodes([0, 0, 0, 0, 365 * DAY]).answers).toEqual([1, 2, 3, 4, 1]);
  });
});

describe('the wait that is told', () => {
  it('is what remains of the lock', () => {
    expect(retryAfterMs(lockedUntil(NOW + 15 * MINUTE), NOW, policy)).toBe(15 * MINUTE);
    expect(retryAfterMs(lockedUntil(NOW + 15 * MINUTE), NOW + 15 * MINUTE - 1, policy)).toBe(1);
  });

  it('is the longest wait for a hard lock, and fits into the timer of a browser', () => {
    expect(retryAfterMs(lockedUntil(null), NOW, policy)).toBe(DAY);
    expect(DAY).toBeLessThanOrEqual(2 ** 31 - 1);
  });

  it('W8: is never longer than the longest wait, even if the clock was put back', () => {
    expect(retryAfterMs(lockedUntil(NOW + 400 * DAY), NOW, policy)).toBe(DAY);
  });
});

describe('the tries left', () => {
  it('go down by one with each failure, and are none while locked', () => {
    let budget = FRESH_BUDGET;
    const left = Array.from({ length: 6 }, () => {
      const tries = failuresLeft(budget, NOW, policy);
      budget = recordFailure(budget, NOW, policy).budget;
      return tries;
    });
    expect(left).toEqual([5, 4, 3, 2, 1, 0]);
  });

  it('come back as failures grow old, and after a lock', () => {
    const { budget } = wrongCodes([0, 0, 0]);
    expect(failuresLeft(budget, NOW + 15 * MINUTE, policy)).toBe(5);
    expect(failuresLeft(lockedUntil(NOW), NOW, policy)).toBe(5);
  });

  it('are never more than the hard limit allows', () => {
    expect(failuresLeft({ failures: 98, recentFailures: [], lock: null }, NOW, policy)).toBe(2);
  });

  it('are none, and the count is full, when the options were lowered below what was counted before', () => {
    const { budget } = wrongCodes([0, 0, 0, 0]);
    const lowered = { ...policy, maxFailures: 2, hardLimit: 3 };
    expect(failuresLeft(budget, NOW, lowered)).toBe(0);
    expect(countedFailures(budget, NOW, lowered)).toBe(2);
    expect(recordFailure(budget, NOW, lowered)).toMatchObject({ counted: 2, started: { number: 1, until: null } });
  });

  it('go with a count of failures that is full while locked', () => {
    expect(countedFailures(lockedUntil(NOW + 1), NOW, policy)).toBe(5);
    expect(countedFailures(lockedUntil(NOW), NOW, policy)).toBe(0);
    expect(countedFailures(wrongCodes([0, MINUTE]).budget, NOW + 15 * MINUTE, policy)).toBe(1);
  });
});

describe('unlocking by hand', () => {
  it.each([
    ['a running lock', NOW + MINUTE],
    ['a lock that has run out', NOW - MINUTE],
    ['a hard lock', null],
  ])('ends %s and the streak', (_, until) => {
    const decision = unlock(account([device()], { budget: lockedUntil(until, 3), usedUntil: 7 }));
    expect(decision).toEqual({
      answer: { status: 'OK', wasLocked: true },
      account: account([device()], { usedUntil: 7 }),
      events: [{ name: 'totp.user.unlocked', reason: 'manual' }],
    });
  });

  it('restores all attempts of a user who was not locked, and reports it as well', () => {
    const decision = unlock(account([device()], { budget: wrongCodes([0, 0]).budget }));
    expect(decision).toEqual({
      answer: { status: 'OK', wasLocked: false },
      account: account([device()]),
      events: [{ name: 'totp.user.unlocked', reason: 'manual' }],
    });
  });

  it.each([
    ['without failures', account([device()])],
    ['without an account', null],
  ])('changes nothing for a user %s', (_, user) => {
    expect(unlock(user)).toEqual({ answer: { status: 'OK', wasLocked: false }, account: null, events: [] });
  });
});
