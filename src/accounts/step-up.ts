/**
 * When a session must have completed TOTP lately to change the user's devices (ASVS 7.5.1): once there is a second factor,
 * the password alone can neither add to it nor take it away.
 */
import { type Account, hasVerifiedDevice, type Policy } from './account.js';

/** A change that a session asks for. */
export type DeviceChange =
  { readonly kind: 'create' | 'rename' } | { readonly kind: 'enrol' | 'remove'; readonly deviceName: string };

/**
 * Whether the change is refused until the user enters a code.
 *
 * The first device needs the session alone. So does the removal of a device that was never verified, and the verification of
 * one that is verified already, which changes nothing: the second half of a double click is no reason to ask for a code.
 *
 * @param completedAt when the session completed TOTP, in epoch ms; undefined if it did not
 */
export function needsStepUp(
  account: Account | null,
  change: DeviceChange,
  completedAt: number | undefined,
  now: number,
  policy: Policy,
): boolean {
  if (account === null || !hasVerifiedDevice(account)) return false;
  if (change.kind === 'remove' && !isVerified(account, change.deviceName)) return false;
  if (change.kind === 'enrol' && isVerified(account, change.deviceName)) return false;
  return !completedLately(completedAt, now, policy.stepUpMaxAgeMs);
}

/** How far the clocks of an application's machines may differ: two steps of a code. */
const CLOCK_DIFFERENCE_MS = 60_000;

/**
 * Whether TOTP was completed at most `maxAgeMs` before `now`.
 *
 * Anything but a finite number counts as "not completed", and so does a time in the future: a clock that was ahead must not make
 * a completion last longer.
 */
export function completedLately(completedAt: number | undefined, now: number, maxAgeMs: number): boolean {
  if (completedAt === undefined || !Number.isFinite(completedAt)) return false;
  const age = now - completedAt;
  return age >= -CLOCK_DIFFERENCE_MS && age <= maxAgeMs;
}

function isVerified(account: Account, deviceName: string): boolean {
  return account.devices.some((device) => device.name === deviceName && device.verified);
}
