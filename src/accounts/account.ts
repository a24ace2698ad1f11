/**
 * A user's second factor as plain values: the devices, and the few numbers that the rules remember of past codes.
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
  /** Steps before and after the current one whose codes are also taken. */
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
  /** Which lock of the present failure streak it is, from 1: each lasts longer than the one before. */
  readonly number: number;
  /** When it ends; null is a hard lock, which ends by `unlockUser` alone. */
  readonly until: number | null;
}

/** What is left of a user's tries. */
export interface Budget {
  /** Failures in a row: since the last accepted code, however long ago. */
  readonly failures: number;
  /** When the failures that count towards the next lock happened, oldest first: never more than the limit. */
  readonly recentFailures: readonly number[];
  /** The newest lock of the streak, running or run out; null when the streak has not led to one. */
  readonly lock: Lock | null;
}

/** Everything that the module knows of one user. */
export interface Account {
  /** Oldest first. */
  readonly devices: readonly Device[];
  readonly budget: Budget;
  /** The latest `usedUntil` of the devices that were removed: a secret that comes back by import does not forget it. */
  readonly usedUntil: number;
}

/** The settings that the rules go by, checked by `module/check-options.ts`. */
export interface Policy {
  /** Devices a user may have at a time. */
  readonly maxDevices: number;
  /** How long an unverified device waits for its first code, in ms. */
  readonly unverifiedLifetimeMs: number;
  /** Failures within one cooldown that start a lock. */
  readonly maxFailures: number;
  /** The span in which failures are counted together, and the length of a streak's first lock, in ms. */
  readonly cooldownMs: number;
  /** By how much each further lock of a streak lasts longer. */
  readonly multiplier: number;
  /** The longest lock that ends by itself, in ms. */
  readonly maxCooldownMs: number;
  /** Failures in a row that start a hard lock. */
  readonly hardLimit: number;
  /** How long ago a session may have completed TOTP to change devices, in ms. */
  readonly stepUpMaxAgeMs: number;
}

export const FRESH_BUDGET: Budget = { failures: 0, recentFailures: [], lock: null };
export const NEW_ACCOUNT: Account = { devices: [], budget: FRESH_BUDGET, usedUntil: 0 };

/** The devices that exist at `now`: an unverified one whose time has run out neither counts nor verifies. */
export function liveDevices(account: Account, now: number, policy: Policy): readonly Device[] {
  return account.devices.filter((device) => device.verified || now - device.createdAt < policy.unverifiedLifetimeMs);
}

/** Whether the user has a second factor at all. */
export function hasVerifiedDevice(account: Account): boolean {
  return account.devices.some((device) => device.verified);
}
