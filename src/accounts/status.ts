/** What others may know about an account: summaries of its devices, and the status of a user. */
import { type Account, hasVerifiedDevice, isVerified, liveDevices, NEW_ACCOUNT } from './account.js';
import type { DecisionContext } from './decision.js';
import { failuresLeft, isLocked } from './lockout.js';
import { type RecoveryCodesSummary, summaryOfCodes } from './recovery.js';
import { needsTwoCodes } from './vigilance.js';

/** A device as lists show it. */
export interface DeviceSummary {
  readonly name: string;
  /** Seconds. */
  readonly period: number;
  /** Steps. */
  readonly skew: number;
  readonly verified: boolean;
  /** Epoch ms. */
  readonly createdAt: number;
  /** When its first code verified it, or it was imported, in epoch ms; null for an unverified device. */
  readonly verifiedAt: number | null;
  /** When a code of it last signed in, in epoch ms; null before that. */
  readonly lastUsedAt: number | null;
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
  /** Whether there were so many wrong codes that signing in takes two codes in a row (RFC 4226 §7.4). */
  readonly twoCodesRequired: boolean;
  /** The user's recovery codes; null when there are none. */
  readonly recoveryCodes: RecoveryCodesSummary | null;
}

/** The devices that exist at `now`, oldest first; none without an account. */
export function summariesOf(account: Account | null, { now, policy }: DecisionContext): DeviceSummary[] {
  if (account === null) return [];
  return liveDevices(account, now, policy).map((device) => ({
    name: device.name,
    period: device.period,
    skew: device.skew,
    verified: isVerified(device),
    createdAt: device.createdAt,
    verifiedAt: device.verifiedAt,
    lastUsedAt: device.lastUsedAt,
  }));
}

/** The status of a user; a user without an account has no devices and all attempts. */
export function statusOf(userId: string, stored: Account | null, context: DecisionContext): UserStatus {
  const { now, policy } = context;
  const account = stored ?? NEW_ACCOUNT;
  const { budget } = account;
  return {
    userId,
    devices: summariesOf(account, context),
    enrolled: hasVerifiedDevice(account),
    lock: isLocked(budget, now) ? budget.lock : null,
    failures: budget.failures,
    failuresLeft: failuresLeft(budget, now, policy),
    twoCodesRequired: needsTwoCodes(account.vigilance, now, policy),
    recoveryCodes: summaryOfCodes(account.recoveryCodes),
  };
}
