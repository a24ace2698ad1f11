/** Shared secrets: generated at random, encoded in Base32, and compared as HMAC keys. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ScureBase32Plugin } from 'otplib';
import { nodeCryptoPlugin } from './node-crypto-plugin.js';
import type { Algorithm } from './settings.js';

/** 160 bit, as RFC 4226 R6 recommends. */
const SECRET_BYTES = 20;
/** 128 bit, the minimum of RFC 4226 R6. */
export const MIN_SECRET_BYTES = 16;
/** Bytes that must come before the zeros at the end of a secret. */
export const MIN_SIGNIFICANT_BYTES = 14;
/** The block size of SHA-1 and SHA-256: longer secrets are no stronger (RFC 2104 §3). */
export const MAX_SECRET_BYTES = 64;

/** Bytes that a hash function processes at a time (FIPS 180-4): the length of its HMAC key. */
const BLOCK_BYTES: Readonly<Record<Algorithm, number>> = { SHA1: 64, SHA256: 64, SHA512: 128 };

const base32 = new ScureBase32Plugin();

export function newSecret(): Uint8Array {
  return nodeCryptoPlugin.randomBytes(SECRET_BYTES);
}

/**
 * Whether a secret has 16 to 64 bytes, of which at least 14 come before the zeros at its end.
 *
 * HMAC pads keys with zeros, so a short secret filled up with zeros is as weak as before: 112 bits must be left, the minimum
 * strength of NIST SP 800-131A. One in 256 random secrets ends in a zero by chance, so not every zero is refused.
 */
export function isSecret(secret: Uint8Array): boolean {
  return (
    secret.length >= MIN_SECRET_BYTES &&
    secret.length <= MAX_SECRET_BYTES &&
    withoutPadding(secret).length >= MIN_SIGNIFICANT_BYTES
  );
}

/** A secret and its hash function. */
export interface HmacSecret {
  readonly secret: Uint8Array;
  readonly algorithm: Algorithm;
}

/**
 * Whether two secrets are the same HMAC key (RFC 2104 §2), and so have the same codes: they may differ in trailing zeros, or one
 * may be the hash of the other.
 *
 * The same key with two algorithms counts as the same: its codes differ, but many authenticator apps ignore the algorithm, and
 * no one puts one key into two authenticators on purpose.
 */
export function isSameKey(one: HmacSecret, other: HmacSecret): boolean {
  const [left, right] = [hmacKey(one), hmacKey(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The bytes that determine the codes: equal for two secrets exactly when `isSameKey`. */
export function hmacKey({ secret, algorithm }: HmacSecret): Uint8Array {
  const isHashed = secret.length > BLOCK_BYTES[algorithm];
  return withoutPadding(isHashed ? createHash(algorithm).update(secret).digest() : secret);
}

function withoutPadding(key: Uint8Array): Uint8Array {
  return key.subarray(0, key.findLastIndex((byte) => byte !== 0) + 1);
}

/** Base32 in upper case without padding: the form that every authenticator app reads. */
export function toBase32(secret: Uint8Array): string {
  return base32.encode(secret);
}

/**
 * The bytes of a Base32 string, ignoring whitespace, hyphens and padding; undefined when it is not Base32. Bits that are left over at its end
 * are ignored, as authenticator apps do: they are no whole byte.
 */
export function fromBase32(text: string): Uint8Array | undefined {
  const compact = text.replace(/[\s=-]/gu, '');
  // Checked before conversion to upper case, which turns other letters (ß, ſ) into these.
  if (!/^[A-Za-z2-7]+$/.test(compact)) return undefined;
  const length = Math.floor((compact.length * 5) / 8);
  return length === 0 ? undefined : base32.decode(wholeBytes(compact.toUpperCase(), length));
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The letters of the first bytes, with zeros in the bits that the last letter has beyond them: what RFC 4648 §6 writes. */
function wholeBytes(letters: string, bytes: number): string {
  const count = Math.ceil((bytes * 8) / 5);
  const unused = count * 5 - bytes * 8;
  const last = ALPHABET.indexOf(letters.charAt(count - 1));
  return letters.slice(0, count - 1) + ALPHABET.charAt((last >> unused) << unused);
}
