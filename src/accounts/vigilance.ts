/**
 * Counts the wrong codes of a user over the long run, and says when one right code is not enough to sign in (RFC 4226 §7.4).
 *
 * A guesser who has the password can enter a few codes at a time for years, because each sign-in of the owner ends the failure
 * streak. So every failure is also counted here, where only time takes it away: one failure per `forgivenessMs`. From
 * `vigilanceAfter` failures on, signing in takes the codes of two consecutive steps. The owner waits half a minute longer; a guesser
 * has to guess both.
 *
 * The count is stored as the one time at which all of it will be forgiven, so putting the clock back gives no attempt back.
 */
import type { Policy, Vigilance } from './account.js';

/** The failures that time has not forgiven. A failure is forgiven as a whole, when its time is over. */
export function longRunFailures({ forgivenAt }: Vigilance, now: number, policy: Policy): number {
  return Math.max(Math.ceil((forgivenAt - now) / policy.forgivenessMs), 0);
}

/** Whether signing in takes two codes in a row. */
export function needsTwoCodes(vigilance: Vigilance, now: number, policy: Policy): boolean {
  return longRunFailures(vigilance, now, policy) >= policy.vigilanceAfter;
}

/**
 * Counts a failure. If the session that failed has entered the first of two codes, that code is lost, so there is one attempt for
 * the second. The first code of another session stays: otherwise, a guesser could keep the owner from ever entering both.
 */
export function countFailure(
  { forgivenAt, firstCode }: Vigilance,
  sessionHandle: string | null,
  now: number,
  policy: Policy,
): Vigilance {
  return {
    forgivenAt: Math.max(forgivenAt, now) + policy.forgivenessMs,
    firstCode: firstCode?.sessionHandle === sessionHandle ? null : firstCode,
  };
}
