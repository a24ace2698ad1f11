/**
 * A user's second factor as plain values: the devices, and the few numbers that the rules keep about past codes.
 *
 * Everything in this folder is a plain function over these values. It knows no framework, no database, no clock and no
 * randomness, so that each rule can be read, and tested, by itself. All times are epoch milliseconds.
 */

import type { Algorithm } from '../otp/settings.js';

/** An authenticator: the shared secret and how codes are made from it. */
export interface Device {
  readonly id: string;
  readonly name: string;
  /** The secret as `TotpSecretCipher` sealed it. */
  readonly sealedSecret: string;
  readonly algorithm: Algorithm;
  readonly digits: number;
  /** Seconds that one code is shown for. */
  readonly period: number;
  /** Steps before and after the current one whose codes are also accepted. */
  readonly skew: number;
  readonly createdAt: number;
  readonly verified: boolean;
  /**
   * The end of the last step of which a code was accepted: a code of a step that begins earlier is a replay
   * (RFC 6238 §5.2). A time and not a step number, so that it also means something for a device with another period.
   */
  readonly usedUntil: number;
}

/** A span in which no code is checked. */
export interface Lock {
  /** The number of this lock in the current failure streak, from 1: each lock lasts longer than the one before. */
  readonly number: number;
  /** When it ends; null for a hard lock, which only `unlockUser` ends. */
  readonly until: number | null;
}

/** The failures of a user, from which the attempts left follow. */
export interface Budget {
  /** Failures in a row: since the last accepted code, however long ago. */
  readonly failures: number;
  /** When the failures that count towards the next lock happened, oldest first: never more than the limit. */
  readonly recentFailures: readonly number[];
  /** The newest lock of the streak, running or expired; null when the streak has not led to one. */
  readonly lock: Lock | null;
}

/** Everything that the module knows about one user. */
export interface Account {
  /** Oldest first. */
  readonly devices: readonly Device[];
  readonly budget: Budget;
  /** The latest `usedUntil` of the devices that were removed: a removed secret that is imported again takes it over. */
  readonly usedUntil: number;
}

/** The settings that the rules apply, checked by `module/check-options.ts`. */
export interface Policy {
  /** Devices a user may have at a time. */
  readonly maxDevices: number;
  /** How long an unverified device waits for its first code, in ms. */
  readonly unverifiedLifetimeMs: number;
  /** Failures within one cooldown that start a lock. */
  readonly maxFailures: number;
  /** The span in which failures are counted together, and the length of a streak's first lock, in ms. */
  readonly cooldownMs: number;
  /** The factor by which each lock of a streak is longer than the one before. */
  readonly multiplier: number;
  /** The longest lock that ends by itself, in ms. */
  readonly maxCooldownMs: number;
  /** Failures in a row that start a hard lock. */
  readonly hardLimit: number;
  /** Maximum age of a session's last TOTP check for changing devices, in ms. */
  readonly stepUpMaxAgeMs: number;
}

export const FRESH_BUDGET: Budget = { failures: 0, recentFailures: [], lock: null };
export const NEW_ACCOUNT: Account = { devices: [], budget: FRESH_BUDGET, usedUntil: 0 };

/** The devices that exist at `now`: an unverified device that has expired neither counts nor can be verified. */
export function liveDevices(account: Account, now: number, policy: Policy): readonly Device[] {
  return account.devices.filter((device) => device.verified || now - device.createdAt < policy.unverifiedLifetimeMs);
}

/** Whether the user has a second factor at all. */
export function hasVerifiedDevice(account: Account): boolean {
  return account.devices.some((device) => device.verified);
}
