/** Builds tables of options: each row reads an option, says what is wrong with a value, and documents it. */
import { closestName } from '../shared/closest-name.js';
import { durationMs } from '../shared/duration.js';
import { TotpConfigurationError } from '../shared/errors.js';

/** The part that all rows have in common. */
interface Description {
  /** One sentence for the documentation. */
  readonly sentence: string;
}

/** One option. */
export interface Setting<T> extends Description {
  /** The values that it accepts, as the documentation shows them. */
  readonly values: string;
  /** The default, as the documentation shows it; empty without one. */
  readonly shownDefault: string;
  /**
   * @param value as the application wrote it
   * @param name of the option, such as `lockout.cooldown`
   * @param siblings the values of the options above it in the same group
   * @throws TotpConfigurationError when the value is wrong
   */
  read(value: unknown, name: string, siblings: ReadonlyMap<string, unknown>): T;
}

/** A group of settings. */
export interface Group<S extends Settings> extends Setting<Values<S>> {
  readonly settings: S;
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** A row for each option of an interface: `satisfies Schema<TotpModuleOptions>`. */
export type Schema<Options> = { readonly [Name in keyof Options]-?: Setting<unknown> };

/** The values of a table, with every default filled in. */
export type Values<S> = { readonly [Name in keyof S]: S[Name] extends Setting<infer T> ? T : never };

/** @throws TotpConfigurationError in the form of all errors of the module */
export function fail(problem: string, advice: string): never {
  throw new TotpConfigurationError(`TotpModule: ${problem}. ${advice}.`);
}

/** Reads every option of a table. Undefined counts as left out, and unknown names are rejected. */
export function readSettings<S extends Settings>(settings: S, given: object, prefix?: string): Values<S>;
export function readSettings(settings: Settings, given: object, prefix = ''): object {
  refuseUnknown(given, Object.keys(settings), prefix);
  const values = new Map<string, unknown>();
  for (const [name, setting] of Object.entries(settings)) {
    values.set(name, setting.read(Reflect.get(given, name), prefix + name, values));
  }
  return Object.fromEntries(values);
}

export function group<S extends Settings>({ sentence, settings }: Description & { settings: S }): Group<S> {
  return {
    sentence,
    values: '',
    shownDefault: '',
    settings,
    read(value, name) {
      if (value !== undefined && !isPlainObject(value)) {
        fail(
          `${name} is ${shown(value)}`,
          `Write an object such as { ${Object.keys(settings)[0] ?? ''}: … }, or leave it out`,
        );
      }
      return readSettings(settings, value ?? {}, `${name}.`);
    },
  };
}

/** A group that can be switched off as a whole: `recoveryCodes: false`. */
export function switchable<S extends Settings>(
  row: Description & { settings: S; defaultValue: 'on' | 'off' },
): Setting<Values<S> | false> & { readonly settings: S } {
  const inner = group(row);
  return {
    ...inner,
    values: '`false`, or an object',
    shownDefault: row.defaultValue === 'off' ? '`false`' : '`{}`',
    read(value, name, siblings) {
      if (value === false || (value === undefined && row.defaultValue === 'off')) return false;
      return inner.read(value, name, siblings);
    },
  };
}

/** A bound of a range: a number, or the option of the same group that it depends on. */
type Bound = number | string;

export function integer(row: Description & { min: Bound; max: number; defaultValue: number }): Setting<number> {
  const { min, max, defaultValue, sentence } = row;
  return {
    sentence,
    values: `${shownBound(min, String)} to ${thousands(max)}`,
    shownDefault: thousands(defaultValue),
    read(value, name, siblings) {
      const minimum = bound(min, siblings);
      if (value === undefined) return clamp(defaultValue, minimum, max);
      if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= max) return value;
      fail(
        `${name} is ${shown(value)}`,
        `Write a whole number from ${String(minimum)} to ${String(max)}, or leave it out for ${String(defaultValue)}`,
      );
    },
  };
}

/**
 * A duration, in seconds or as a string. Its value is in milliseconds.
 *
 * @param row bounds and default in milliseconds; where the smallest value is a second or more, the value is in whole seconds
 */
export function duration(row: Description & { min: Bound; max: number; defaultValue: number }): Setting<number> {
  const { min, max, defaultValue, sentence } = row;
  return {
    sentence,
    values: `${shownBound(min, quotedString)} to ${quotedString(max)}`,
    shownDefault: quotedString(defaultValue),
    read(value, name, siblings) {
      const minimum = bound(min, siblings);
      if (value === undefined) return clamp(defaultValue, minimum, max);
      const ms = durationMs(value) ?? NaN;
      if (ms >= minimum && ms <= max && Number.isInteger(ms / (minimum < 1_000 ? 1 : 1_000))) return ms;
      fail(
        `${name} is ${shown(value)}`,
        `Write ${minimum < 1_000 ? '' : 'whole '}seconds from ${String(minimum / 1_000)} to ${String(max / 1_000)} or a string from ` +
          `"${asString(minimum)}" to "${asString(max)}", or leave it out for "${asString(defaultValue)}"`,
      );
    },
  };
}

export function choice<const T>(row: Description & { choices: readonly T[]; defaultValue: NoInfer<T> }): Setting<T> {
  const { choices, defaultValue, sentence } = row;
  return {
    sentence,
    values: choices.map((one) => code(literal(one))).join(', '),
    shownDefault: code(literal(defaultValue)),
    read(value, name) {
      if (value === undefined) return defaultValue;
      const chosen = choices.find((one) => one === value);
      if (chosen !== undefined) return chosen;
      fail(`${name} is ${shown(value)}`, `Write one of ${choices.map((one) => JSON.stringify(one)).join(', ')}`);
    },
  };
}

export function flag({ sentence, defaultValue }: Description & { defaultValue: boolean }): Setting<boolean> {
  return choice({ sentence, choices: [true, false], defaultValue });
}

/** An option with its own check. */
export function custom<T>(
  row: Description & { values: string; shownDefault?: string; read: (value: unknown, name: string) => T },
): Setting<T> {
  return { shownDefault: '', ...row };
}

/** Refuses names that are not options, and suggests the one that was probably meant. */
export function refuseUnknown(given: object, known: readonly string[], prefix = ''): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = closestName(unknown, known) ?? known.find((name) => name.toLowerCase().endsWith(unknown.toLowerCase()));
  fail(
    `"${prefix}${unknown}" is not an option`,
    `${meant === undefined ? '' : `Did you mean "${prefix}${meant}"? `}The options are ${known.map((name) => prefix + name).join(', ')}`,
  );
}

/** A value in a message, shortened to what is needed to recognise it. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return value.name === '' ? 'a function' : value.name;
  if (typeof value === 'number' || value === undefined || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'symbol' ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…"` : text;
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Milliseconds as the shortest duration string: `'20m'`. */
function asString(ms: number): string {
  const [unit, size] = UNITS.find(([, length]) => ms >= length && ms % length === 0) ?? ['ms', 1];
  return `${String(ms / size)}${unit}`;
}

function quotedString(ms: number): string {
  return code(literal(asString(ms)));
}

function bound(limit: Bound, siblings: ReadonlyMap<string, unknown>): number {
  return typeof limit === 'number' ? limit : Number(siblings.get(limit));
}

function shownBound(limit: Bound, show: (value: number) => string): string {
  return typeof limit === 'number' ? show(limit) : code(limit);
}

function clamp(value: number, minimum: number, most: number): number {
  return Math.min(Math.max(value, minimum), most);
}

function thousands(value: number): string {
  return value.toLocaleString('en');
}

/** A value as TypeScript writes it. */
function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function code(text: string): string {
  return `\`${text}\``;
}
