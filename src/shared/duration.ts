/** Reads durations as options take them: a number of seconds, or a string such as '15m'. */

/** Seconds, or a whole number with its unit: `'500ms'`, `'90s'`, `'15m'`, `'2h'`, `'30d'`. */
export type TotpDuration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const UNITS_IN_MS = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/**
 * A duration in milliseconds; undefined for a value that is not one, such as `'5 minutes'`, `NaN` or a negative number.
 *
 * @param numberUnitMs what a plain number counts, in milliseconds: seconds, unless an option says otherwise
 */
export function durationMs(value: unknown, numberUnitMs = 1_000): number | undefined {
  const ms = typeof value === 'string' ? fromString(value) : typeof value === 'number' ? value * numberUnitMs : NaN;
  return ms >= 0 && ms <= Number.MAX_SAFE_INTEGER ? ms : undefined;
}

function fromString(value: string): number {
  const [, amount, unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(value) ?? [];
  return Number(amount) * (UNITS_IN_MS.get(unit) ?? NaN);
}
