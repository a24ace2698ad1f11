/** What others may know about an account: summaries of its devices, and the status of a user. */
import { type Account, hasVerifiedDevice, liveDevices } from './account.js';
import type { DecisionContext } from './decision.js';
import { failuresLeft, isLocked } from './lockout.js';

/** A device as lists show it. */
export interface DeviceSummary {
  readonly name: string;
  /** Seconds. */
  readonly period: number;
  /** Steps. */
  readonly skew: number;
  readonly verified: boolean;
}

export interface UserStatus {
  readonly userId: string;
  /** Oldest first. */
  readonly devices: DeviceSummary[];
  /** Whether the user has a verified device, and so signs in with codes. */
  readonly enrolled: boolean;
  /** The running lock; null when codes are checked. */
  readonly lock: {
    /** Epoch ms; null for a hard lock, which only `unlockUser` ends. */
    readonly until: number | null;
    /** The number of this lock in the current failure streak, from 1. */
    readonly number: number;
  } | null;
  /** Failures since the last accepted code. */
  readonly failures: number;
  /** Further failures until a lock starts; 0 while locked. */
  readonly failuresLeft: number;
}

/** The devices that exist at `now`, oldest first; none without an account. */
export function summariesOf(account: Account | null, { now, policy }: DecisionContext): DeviceSummary[] {
  if (account === null) return [];
  return liveDevices(account, now, policy).map(({ name, period, skew, verified }) => ({
    name,
    period,
    skew,
    verified,
  }));
}

/** The status of a user; a user without an account has no devices and all attempts. */
export function statusOf(userId: string, account: Account | null, context: DecisionContext): UserStatus {
  const { now, policy } = context;
  if (account === null) {
    return { userId, devices: [], enrolled: false, lock: null, failures: 0, failuresLeft: policy.maxFailures };
  }
  const { budget } = account;
  return {
    userId,
    devices: summariesOf(account, context),
    enrolled: hasVerifiedDevice(account),
    lock: isLocked(budget, now) ? budget.lock : null,
    failures: budget.failures,
    failuresLeft: failuresLeft(budget, now, policy),
  };
}
