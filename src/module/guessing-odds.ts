/** The chance of a guesser under an application's own options. */
import { type GuessingTerms, oddsOf } from '../accounts/guessing-odds.js';
import { TotpArgumentError } from '../shared/errors.js';
import { checkOptions, type ResolvedOptions } from './check-options.js';
import type { TotpModuleOptions } from './options.js';

const DAY_MS = 86_400_000;
/** The chance in a year above which the module warns at start-up. */
const TOLERATED = 0.01;

export interface GuessingInput {
  /** Verified devices of the user: 1–15, default 1. Each has codes of its own. */
  readonly devices?: number;
  /** How long the guesser keeps trying, in days: 1–36,500, default 365. */
  readonly days?: number;
}

/**
 * How likely a guesser gets in who has a user's password and no authenticator, and enters codes for as long as it takes: an upper
 * bound, whatever the guesser and the owner do (RFC 4226 §7.3 and appendix A.4.2, NIST SP 800-63B-4 §3.2.2).
 *
 * @example
 * guessingOdds({ lockout: { vigilance: { after: 30, forgivenPerDay: 1 } } }); // 0.0012: about 1 in 840 in a year
 * @param options those of the module on which the odds depend; default: the module's defaults
 * @returns the chance, from 0 to 1
 * @throws TotpConfigurationError for wrong options, TotpArgumentError for a wrong number of devices or days
 */
export function guessingOdds(
  options: Pick<TotpModuleOptions, 'digits' | 'defaultSkew' | 'lockout'> = {},
  { devices = 1, days = 365 }: GuessingInput = {},
): number {
  requireWhole('devices', devices, 15);
  requireWhole('days', days, 36_500);
  return oddsOf(termsOf(checkOptions({ issuer: 'Acme', ...options }), devices, days));
}

/** A warning about settings with which a guesser gets in too easily; undefined for the others. */
export function guessingWarning(options: ResolvedOptions): string | undefined {
  const terms = termsOf(options, 1, 365);
  if (oddsOf(terms) <= TOLERATED) return undefined;
  // What brings the odds down: the first that does it alone.
  const remedies: [advice: string, better: Partial<GuessingTerms>][] = [
    ['lockout.vigilance.forgivenPerDay to 1', { forgivenessMs: DAY_MS }],
    ['lockout.vigilance.after to 30', { vigilanceAfter: 30 }],
    ['lockout.vigilance to its default', { forgivenessMs: DAY_MS, vigilanceAfter: 30 }],
  ];
  const remedy = remedies.find(([, better]) => oddsOf({ ...terms, ...better }) <= TOLERATED);
  return (
    `With these settings, a guesser who has a user's password gets in within a year with a chance of ${percent(oddsOf(terms))}. ` +
    `Set ${remedy?.[0] ?? 'digits to 8'}.`
  );
}

function termsOf({ digits, defaultSkew, policy }: ResolvedOptions, devices: number, days: number): GuessingTerms {
  const { maxFailures, cooldownMs, vigilanceAfter, forgivenessMs } = policy;
  const durationMs = days * DAY_MS;
  return { digits, skew: defaultSkew, devices, durationMs, maxFailures, cooldownMs, vigilanceAfter, forgivenessMs };
}

function requireWhole(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw new TotpArgumentError(`${name} must be a whole number from 1 to ${max.toLocaleString('en')}`);
}

function percent(chance: number): string {
  return `${(100 * chance).toPrecision(2)} %`;
}
