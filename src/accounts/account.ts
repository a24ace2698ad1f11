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
  /** When its first code verified it, or it was imported; null for an unverified device. */
  readonly verifiedAt: number | null;
  /** When a code of it last signed in; null before that. */
  readonly lastUsedAt: number | null;
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

/** The failures of a user over the long run, from which it follows whether one code is enough to sign in. */
export interface Vigilance {
  /** When time will have forgiven every failure: each one moves it further into the future, and accepted codes do not change it. */
  readonly forgivenAt: number;
  /** The first of two codes in a row; null when the next code is not its successor. */
  readonly firstCode: FirstCode | null;
}

/** A right code that was not enough to sign in: the code of the next step, entered in the same session, is. */
export interface FirstCode {
  readonly deviceId: string;
  readonly step: number;
  /** Null when the application gave no session. */
  readonly sessionHandle: string | null;
}

/** A set of recovery codes, of which only hashes are stored. */
export interface RecoveryCodes {
  readonly id: string;
  /** The salt and the hashes of all codes, as `TotpSecretCipher` sealed them. */
  readonly sealedHashes: string;
  readonly notation: CodeNotation;
  /** How many codes the set had when it was created. */
  readonly total: number;
  /** The positions of the codes that were used. */
  readonly used: readonly number[];
  readonly createdAt: number;
}

/** How codes are read: the module's own without regard to case and similar letters; those of other products exactly. */
export type CodeNotation = 'crockford' | 'exact';

/** A code that a help desk issued: it is used once, at most until it expires. */
export interface TemporaryCode {
  readonly id: string;
  /** The salt and the hash, as `TotpSecretCipher` sealed them. */
  readonly sealedHashes: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** A browser that need not enter a code for some time. */
export interface TrustedBrowser {
  readonly id: string;
  /** SHA-256 of the token that the browser holds, in base64url. */
  readonly tokenHash: string;
  /** When the code was entered with which the browser came to be trusted. */
  readonly createdAt: number;
  /** Exact to a day. */
  readonly lastUsedAt: number;
  readonly expiresAt: number;
  /** As the browser named itself; null when it did not. */
  readonly userAgent: string | null;
}

/** Everything that the module knows about one user. */
export interface Account {
  /** Oldest first. */
  readonly devices: readonly Device[];
  readonly budget: Budget;
  readonly vigilance: Vigilance;
  /** The latest `usedUntil` of the devices that were removed: a removed secret that is imported again takes it over. */
  readonly usedUntil: number;
  readonly recoveryCodes: RecoveryCodes | null;
  readonly temporaryCode: TemporaryCode | null;
  /** Oldest first. */
  readonly trustedBrowsers: readonly TrustedBrowser[];
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
  /** Failures over the long run from which signing in takes two codes in a row. */
  readonly vigilanceAfter: number;
  /** The time that forgives one failure of the long run, in ms. */
  readonly forgivenessMs: number;
  /** Maximum age of a session's last TOTP check for changing devices, in ms. */
  readonly stepUpMaxAgeMs: number;
  /** How long a browser is trusted, in ms. */
  readonly trustLifetimeMs: number;
  /** Browsers that a user may trust at a time; 0 when no browser is trusted. */
  readonly maxTrustedBrowsers: number;
}

export const FRESH_BUDGET: Budget = { failures: 0, recentFailures: [], lock: null };
export const NEW_ACCOUNT: Account = {
  devices: [],
  budget: FRESH_BUDGET,
  vigilance: { forgivenAt: 0, firstCode: null },
  usedUntil: 0,
  recoveryCodes: null,
  temporaryCode: null,
  trustedBrowsers: [],
};

/** The devices that exist at `now`: an unverified device that has expired neither counts nor can be verified. */
export function liveDevices(account: Account, now: number, policy: Policy): readonly Device[] {
  return account.devices.filter((device) => isVerified(device) || now - device.createdAt < policy.unverifiedLifetimeMs);
}

export function isVerified(device: Device): boolean {
  return device.verifiedAt !== null;
}

/** Whether the user has a second factor at all. */
export function hasVerifiedDevice(account: Account): boolean {
  return account.devices.some(isVerified);
}

/** Everything of an account that is sealed, for finding out which keys it is sealed with. */
export function sealedParts({ devices, recoveryCodes, temporaryCode }: Account): string[] {
  const sets = [recoveryCodes, temporaryCode].flatMap((set) => (set === null ? [] : [set.sealedHashes]));
  return [...devices.map(({ sealedSecret }) => sealedSecret), ...sets];
}
