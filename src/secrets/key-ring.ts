/** Checks the keys that secrets are sealed with. Each has an id, so that a new key can replace an old one while both are in use. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { NO_KEYS } from './key-ids.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { PLAIN_TEXT } from './plain-text-cipher.js';

/** The option `secrets` of an application that seals with keys of its own. */
export interface TotpSealingKeys {
  /**
   * The keys by id. An id is 1 to 16 of `a–z`, `0–9` and `-`, such as `2026-11`, and is stored with each secret. A key is 32
   * random bytes in Base64 or hex: `npx nestjs-totp-cli keys generate` makes one. `'lost'` marks a key that no longer exists: what
   * it sealed cannot be opened, and start-up does not require it.
   */
  readonly keys: Readonly<Record<string, string | undefined>>;
  /** The id of the key that secrets are sealed with from now on. */
  readonly current: string;
  /** Also accepts secrets in plain text, and seals them when they are used: for migrating from `secrets: 'plain-text'`. Default false. */
  readonly acceptPlainText?: boolean;
}

/** The keys of `TotpSealingKeys`, checked. Printing a `KeyObject` does not reveal the key. */
export class KeyRing {
  constructor(
    /** Null for a key that is lost. */
    readonly keys: ReadonlyMap<string, KeyObject | null>,
    readonly current: string,
    readonly acceptPlainText: boolean,
  ) {}
}

const KEY_BYTES = 32;
const LOST = 'lost';
/** Fewer than 16 distinct bytes among 32 random ones: probability 10⁻¹⁹. */
const MIN_DISTINCT_BYTES = 16;
/** 28 or more printable ASCII bytes among 32 random ones: probability 10⁻⁸. */
const MAX_PRINTABLE_BYTES = 28;
const MAKE_ONE = 'make one with "npx nestjs-totp-cli keys generate" or "openssl rand -base64 32"';
const FIELDS: readonly string[] = ['keys', 'current', 'acceptPlainText'] satisfies (keyof TotpSealingKeys)[];

/**
 * Checks the keys and makes them ready for use.
 *
 * @param option `TotpSealingKeys`, as an application or a file contains them, or a `KeyRing`
 * @throws TotpConfigurationError that says what to write and contains no part of a key
 */
export function readKeyRing(option: unknown): KeyRing {
  if (option instanceof KeyRing) return option;
  if (!isObject(option)) {
    fail(
      'must be { keys: { "2026-11": process.env.TOTP_KEY }, current: "2026-11" } (use JSON.parse if it is a string), or "plain-text"',
    );
  }
  const unknown = Object.keys(option).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) fail(`has ${shown(unknown)}, but its fields are ${FIELDS.join(', ')}`);
  const { keys, current, acceptPlainText = false } = option;
  if (!isObject(keys)) {
    fail('needs keys by id: { keys: { "2026-11": process.env.TOTP_KEY }, current: "2026-11" }');
  }
  if (typeof acceptPlainText !== 'boolean') fail('has an acceptPlainText that is neither true nor false');

  const ring = new Map(
    Object.entries(keys).map(([id, key]) => [checkedId(id), key === LOST ? null : readKey(id, key)]),
  );
  const duplicate = [...ring].find(([id, key]) =>
    [...ring].some(([other, same]) => other !== id && key && same?.equals(key)),
  );
  if (duplicate !== undefined) fail(`has the key ${JSON.stringify(duplicate[0])} twice: give each id a key of its own`);
  if (typeof current !== 'string' || !ring.get(current)) {
    fail(`has no key for current: ${shown(current)}. Write one of ${[...ring.keys()].map(shown).join(', ')}`);
  }
  return new KeyRing(ring, current, acceptPlainText);
}

/** Whether a string has the form of a key's id. */
export function isKeyId(text: string): boolean {
  return /^[a-z0-9-]{1,16}$/.test(text) && text !== NO_KEYS;
}

function checkedId(id: string): string {
  if (!isKeyId(id) || id === PLAIN_TEXT) {
    fail(`has a key with the id ${shown(id)}: write 1 to 16 of a–z, 0–9 and "-", such as "2026-11"`);
  }
  return id;
}

function readKey(id: string, text: unknown): KeyObject {
  const name = `keys[${JSON.stringify(id)}]`;
  if (typeof text !== 'string' || text === '') {
    fail(`has no ${name}. Is its environment variable set? If you have no key yet, ${MAKE_ONE}`);
  }
  const bytes = decode(text.trim());
  if (bytes?.length !== KEY_BYTES) fail(`has a ${name} that is not 32 bytes in Base64 or hex: ${MAKE_ONE}`);
  if (isPattern(bytes) || bytes.filter(isPrintable).length >= MAX_PRINTABLE_BYTES) {
    fail(`has a ${name} that is not random, but a passphrase or a pattern: ${MAKE_ONE}`);
  }
  return createSecretKey(bytes);
}

function decode(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return Buffer.from(text, 'base64');
  return undefined;
}

/** Shows an id in a message. A key in the wrong place must not appear there: it is longer than any id. */
function shown(text: unknown): string {
  if (typeof text === 'string' && text.length > 20) return 'something too long to be shown';
  return typeof text === 'string' ? JSON.stringify(text) : String(text);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPattern(bytes: Buffer): boolean {
  const steps = bytes.subarray(1).map((byte, n) => byte - (bytes[n] ?? 0));
  return new Set(bytes).size < MIN_DISTINCT_BYTES || new Set(steps).size < MIN_DISTINCT_BYTES;
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

function fail(problem: string): never {
  throw new TotpConfigurationError(`TotpModule: secrets ${problem}.`);
}
