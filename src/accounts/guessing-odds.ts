/** Computes how likely a guesser is to get in who has the password and no authenticator. */
import type { Policy } from './account.js';

/** What the odds depend on. */
export interface GuessingTerms extends Pick<Policy, 'maxFailures' | 'cooldownMs' | 'vigilanceAfter' | 'forgivenessMs'> {
  readonly digits: number;
  /** Steps before and after the current one whose codes are also accepted. */
  readonly skew: number;
  /** Verified devices of the user, each of which has codes of its own. */
  readonly devices: number;
  /** How long the guesser keeps trying, in ms. */
  readonly durationMs: number;
}

/**
 * An upper bound of the chance of a guesser, from 0 to 1, whatever the guesser and the owner do.
 *
 * The owner is assumed to sign in just after each lock has ended, so that no lock ever lasts longer than the first and no hard lock
 * starts. That leaves `maxFailures` codes per cooldown. Of these, `vigilanceAfter` and then one per `forgivenessMs` are checked
 * alone. Every other one must be followed by the right code of one device and one step, at the first attempt.
 */
export function oddsOf(terms: GuessingTerms): number {
  const { digits, skew, devices, durationMs, maxFailures, cooldownMs, vigilanceAfter, forgivenessMs } = terms;
  const perStep = 10 ** -digits;
  const perCode = Math.min(devices * (2 * skew + 1) * perStep, 1);
  const attempts = maxFailures * (Math.floor(durationMs / cooldownMs) + 1);
  const single = Math.min(vigilanceAfter + Math.floor(durationMs / forgivenessMs), attempts);
  const inPairs = attempts - single;
  // By logarithms, because 1 - 1e-12 to the power of 100,000 loses its digits.
  return -Math.expm1(single * Math.log1p(-perCode) + inPairs * Math.log1p(-perCode * perStep));
}
