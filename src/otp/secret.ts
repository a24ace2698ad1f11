/** Shared secrets: made at random, and written as Base32 for people and authenticator apps. */
import { randomBytes } from 'node:crypto';
import { ScureBase32Plugin } from 'otplib';

/** 160 bit, as RFC 4226 R6 recommends. */
const SECRET_BYTES = 20;
/** 128 bit, the least that RFC 4226 R6 allows. */
export const MIN_SECRET_BYTES = 16;
/** The block size of SHA-1 and SHA-256: longer ones add nothing (RFC 2104 §3). */
export const MAX_SECRET_BYTES = 64;

const base32 = new ScureBase32Plugin();

export function newSecret(): Uint8Array {
  return randomBytes(SECRET_BYTES);
}

/** Upper case, without padding: the one form that every authenticator app reads. */
export function toBase32(secret: Uint8Array): string {
  return base32.encode(secret);
}

/** The bytes of a Base32 text, blanks and padding ignored; undefined when it is none. */
export function fromBase32(text: string): Uint8Array | undefined {
  const compact = text.replace(/[\s=]/gu, '');
  // Before it is made upper case, which turns other letters (ß, ſ) into these.
  if (!/^[A-Za-z2-7]+$/.test(compact)) return undefined;
  try {
    return base32.decode(compact.toUpperCase());
  } catch {
    return undefined;
  }
}
