/**
 * How many wrong codes a user may enter, and what happens then (RFC 4226 §7.3, ASVS 6.3.1, NIST SP 800-63B-4 §3.2.2).
 *
 * There is one budget per user, for all devices, sessions and processes. Five failures within one cooldown start a lock;
 * each further lock of the same streak lasts longer; a hundred failures in a row start a hard lock, which only `unlockUser` ends.
 * Only an accepted code ends the streak: time restores attempts, but lock durations keep growing until a code is accepted.
 */
import { type Account, type Budget, FRESH_BUDGET, type Lock, type Policy } from './account.js';
import { type Decision, unchanged } from './decision.js';

export function isLocked(budget: Budget, now: number): boolean {
  return budget.lock !== null && (budget.lock.until === null || now < budget.lock.until);
}

/**
 * How long the caller should wait, in ms: from 1 to the longest wait. A hard lock has no end, so its
 * wait is the longest one; if the clock was put back, the wait is no longer than that either.
 */
export function retryAfterMs(budget: Budget, now: number, policy: Policy): number {
  const remaining = budget.lock?.until == null ? policy.maxCooldownMs : budget.lock.until - now;
  return Math.min(Math.max(remaining, 1), policy.maxCooldownMs);
}

/** The failures that count at `now` towards the next lock; all of them while locked. */
export function countedFailures(budget: Budget, now: number, policy: Policy): number {
  return isLocked(budget, now) ? policy.maxFailures : Math.min(recent(budget, now, policy).length, policy.maxFailures);
}

/** How many more failures start a lock; 0 while locked. */
export function failuresLeft(budget: Budget, now: number, policy: Policy): number {
  if (isLocked(budget, now)) return 0;
  const left = Math.min(policy.maxFailures - recent(budget, now, policy).length, policy.hardLimit - budget.failures);
  return Math.max(left, 0);
}

/** The budget after one more failure, and the lock that it started, if any. */
export function recordFailure(
  budget: Budget,
  now: number,
  policy: Policy,
): { readonly budget: Budget; readonly counted: number; readonly started: Lock | null } {
  const failures = budget.failures + 1;
  const recentFailures = [...recent(budget, now, policy), now];
  const started = lockAfter(failures, recentFailures.length, budget.lock, now, policy);
  return {
    counted: Math.min(recentFailures.length, policy.maxFailures),
    started,
    budget:
      started === null ? { ...budget, failures, recentFailures } : { failures, recentFailures: [], lock: started },
  };
}

export interface UnlockAnswer {
  readonly status: 'OK';
  /** Whether the failure streak had led to a lock, running or expired. */
  readonly wasLocked: boolean;
}

/** Ends a lock and the failure streak by hand. Without a lock, it restores all attempts and reports the same event. */
export function unlock(account: Account | null): Decision<UnlockAnswer> {
  if (account === null || account.budget.failures === 0) return unchanged({ status: 'OK', wasLocked: false });
  return {
    answer: { status: 'OK', wasLocked: account.budget.lock !== null },
    account: { ...account, budget: FRESH_BUDGET },
    events: [{ name: 'totp.user.unlocked', reason: 'manual' }],
  };
}

/** The failures of the last cooldown. A failure in the future (the clock was put back) counts too. */
function recent(budget: Budget, now: number, policy: Policy): readonly number[] {
  return budget.recentFailures.filter((failedAt) => now - failedAt < policy.cooldownMs);
}

function lockAfter(failures: number, counted: number, previous: Lock | null, now: number, policy: Policy): Lock | null {
  const number = (previous?.number ?? 0) + 1;
  if (failures >= policy.hardLimit) return { number, until: null };
  if (counted < policy.maxFailures) return null;
  const wait = Math.min(policy.cooldownMs * policy.multiplier ** (number - 1), policy.maxCooldownMs);
  return { number, until: now + wait };
}
