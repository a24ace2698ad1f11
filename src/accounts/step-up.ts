/**
 * Whether a session may change the user's devices (ASVS 7.5.1): once a user has a second factor, the password alone
 * can neither add to it nor remove it. The rules that change devices call this first, so no caller can forget to.
 */
import { type Account, hasVerifiedDevice, isVerified } from './account.js';
import type { DecisionContext } from './decision.js';

/** The session on whose behalf a device is changed. */
export interface ActingSession {
  /** Identifies the session, and is no secret: events carry it. */
  readonly handle: string;
  /** When the session completed TOTP, in epoch ms; undefined if it did not. */
  readonly completedAt: number | undefined;
}

/** A change to the second factor that a session asks for. */
export type DeviceChange =
  | { readonly kind: 'create' | 'rename' | 'create-recovery-codes' | 'forget-browsers' }
  | { readonly kind: 'enrol' | 'remove'; readonly deviceName: string };

/** The input of the rules that change devices, besides the account. */
export interface DeviceChangeContext extends DecisionContext {
  /** The session that asks; undefined when the application makes the change on its own authority. */
  readonly session: ActingSession | undefined;
}

/** The answer of a rule to a session that must complete TOTP first. The service then throws `TotpStepUpRequiredError`. */
export interface StepUpRequired {
  readonly status: 'STEP_UP_REQUIRED';
}

export const STEP_UP_REQUIRED: StepUpRequired = { status: 'STEP_UP_REQUIRED' };

/**
 * Whether the session must complete TOTP before it may make the change.
 *
 * A signed-in session is enough to add the first device, to remove a device that was never verified, and to verify a device
 * that is already verified. The last changes nothing, and a double click must not lead to a prompt for a code.
 */
export function needsStepUp(
  account: Account | null,
  change: DeviceChange,
  { now, policy, session }: DeviceChangeContext,
): boolean {
  if (session === undefined) return false;
  if (account === null || !hasVerifiedDevice(account)) return false;
  if (change.kind === 'remove' && !isVerifiedName(account, change.deviceName)) return false;
  if (change.kind === 'enrol' && isVerifiedName(account, change.deviceName)) return false;
  return !completedLately(session.completedAt, now, policy.stepUpMaxAgeMs);
}

/** The tolerated difference between the clocks of an application's machines: two steps of a code. */
export const CLOCK_DIFFERENCE_MS = 60_000;

/**
 * Whether TOTP was completed at most `maxAgeMs` before `now`.
 *
 * Anything but a finite number counts as "not completed", and so does a time in the future: a clock that was ahead must not make
 * a completion valid for longer.
 */
export function completedLately(completedAt: number | undefined, now: number, maxAgeMs: number): boolean {
  if (completedAt === undefined || !Number.isFinite(completedAt)) return false;
  const age = now - completedAt;
  return age >= -CLOCK_DIFFERENCE_MS && age <= maxAgeMs;
}

function isVerifiedName(account: Account, deviceName: string): boolean {
  return account.devices.some((device) => device.name === deviceName && isVerified(device));
}
