/** The text of recovery codes and temporary codes, and the hashes by which they are recognised. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { CodeNotation } from '../accounts/account.js';

/** Crockford's Base32: without I, L, O and U, so that what is read off paper is what was printed. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_BYTES = 15;
const GROUP_LENGTH = 4;
const CODE_LENGTH = (CODE_BYTES * 8) / 5;

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** From this many random bits on, a plain salted hash is enough (ASVS 5.0 6.5.2), and guessing needs no limit. */
const MIN_BITS = 112;
/** The longest code that is compared; longer ones are wrong. */
const MAX_EXACT_LENGTH = 128;

/** A new code of 120 random bits, in six groups of four: `7K2M-9XQ4-ZB1T-0HVN-C8RD-W5PA`. */
export function newRecoveryCode(): string {
  let bits = 0n;
  for (const byte of randomBytes(CODE_BYTES)) bits = (bits << 8n) | BigInt(byte);
  const letters = Array.from({ length: CODE_LENGTH }, (_, n) => ALPHABET[Number((bits >> BigInt(5 * n)) & 31n)]);
  return Array.from({ length: CODE_LENGTH / GROUP_LENGTH }, (_, n) =>
    letters.slice(n * GROUP_LENGTH, (n + 1) * GROUP_LENGTH).join(''),
  ).join('-');
}

/**
 * What to store of codes: a random salt, and then the SHA-256 of the salt and each code.
 *
 * @param codes as `newRecoveryCode` returns them, or in their notation
 */
export function hashCodes(codes: readonly string[], notation: CodeNotation): Uint8Array {
  const salt = randomBytes(SALT_BYTES);
  return Buffer.concat([salt, ...codes.map((code) => hash(salt, canonical(code, notation) ?? ''))]);
}

/**
 * Which of the codes an entered text is. It is compared with each of them in constant time, even after a match and even when it cannot
 * be a code, so that the duration reveals nothing.
 *
 * @param stored what `hashCodes` returned
 * @returns the position of the code; undefined when it is none of them
 */
export function findCode(stored: Uint8Array, entered: string, notation: CodeNotation): number | undefined {
  const code = canonical(entered, notation);
  const [salt, hashes] = [stored.subarray(0, SALT_BYTES), stored.subarray(SALT_BYTES)];
  const expected = hash(salt, code ?? '');
  let position: number | undefined;
  for (let n = 0; (n + 1) * HASH_BYTES <= hashes.length; n++) {
    if (timingSafeEqual(hashes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES), expected)) position = n;
  }
  return code === undefined ? undefined : position;
}

/**
 * What keeps a code of another product from being imported; undefined when it can be.
 *
 * The random bits of a code are estimated from its length and the kinds of characters that occur in it.
 *
 * @param name what the message calls the code
 */
export function importProblem(code: string, name: string): string | undefined {
  const text = canonical(code, 'exact');
  if (text === undefined || !/^[A-Za-z0-9]+$/.test(text)) {
    return `${name} must be 1 to ${String(MAX_EXACT_LENGTH)} letters and digits, with hyphens and spaces between them`;
  }
  const kinds = [
    [/\d/, 10],
    [/[a-f]/, 6],
    [/[g-z]/, 20],
    [/[A-F]/, 6],
    [/[G-Z]/, 20],
  ] as const;
  const alphabet = kinds.reduce((sum, [kind, size]) => sum + (kind.test(text) ? size : 0), 0);
  const bits = Math.floor(text.length * Math.log2(alphabet));
  if (bits >= MIN_BITS) return undefined;
  return (
    `${name} has at most ${String(bits)} random bits, and a code that is stored as a plain hash and checked without a limit needs ` +
    `${String(MIN_BITS)}. Let the user make new recovery codes instead`
  );
}

/** A code without what may be written differently; undefined when the text cannot be a code. */
function canonical(code: string, notation: CodeNotation): string | undefined {
  // A code with a hyphen or a space after each letter is the longest that can be meant.
  if (code.length > 2 * MAX_EXACT_LENGTH) return undefined;
  const text = code.replace(/[\s\-\u2010-\u2015]/gu, '');
  if (notation === 'exact') return text !== '' && text.length <= MAX_EXACT_LENGTH ? text : undefined;
  const upper = text.toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1');
  return upper.length === CODE_LENGTH && Array.from(upper).every((letter) => ALPHABET.includes(letter))
    ? upper
    : undefined;
}

function hash(salt: Uint8Array, code: string): Buffer {
  return createHash('sha256').update(salt).update(code).digest();
}
