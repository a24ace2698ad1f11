/** Computes codes, and finds the steps of a window whose code was entered (RFC 4226, RFC 6238). */
import { generateSync, type HashAlgorithm } from 'otplib';
import { TotpSecretError } from '../shared/errors.js';
import { nodeCryptoPlugin } from './node-crypto-plugin.js';
import { isSecret, MAX_SECRET_BYTES, MIN_SECRET_BYTES } from './secret.js';
import type { Algorithm } from './settings.js';

/** How an authenticator computes codes from its secret. */
export interface CodeSettings {
  readonly algorithm: Algorithm;
  /** 6 or 8. */
  readonly digits: number;
  /** Seconds that one code is shown for. */
  readonly period: number;
}

/** Maximum length of what was entered: room for a code with the whitespace of a copy. */
const MAX_ENTERED_LENGTH = 256;

/** What keyboards and clipboards put between digits: whitespace, hyphens, dots, and invisible marks of direction and of line breaks. */
const SEPARATORS = /[\s\p{Cf}\p{Pd}.,_·]/gu;
const OTHER_DIGITS = /(?![0-9])\p{Nd}/gu;

const HASHES: Readonly<Record<Algorithm, HashAlgorithm>> = { SHA1: 'sha1', SHA256: 'sha256', SHA512: 'sha512' };

/**
 * The code of one step: the HOTP of its number (RFC 4226 §5.3, RFC 6238 §4.2).
 *
 * @param secret the shared secret: see `isSecret`
 * @param step the number of the time step, from 0
 * @throws TotpSecretError when the secret is shorter or longer: anyone can compute the codes of an empty secret
 */
export function codeOfStep(secret: Uint8Array, step: number, { algorithm, digits }: CodeSettings): string {
  if (!isSecret(secret)) {
    throw new TotpSecretError(
      `The secret has ${String(secret.length)} bytes or ends in zeros, but must have ${String(MIN_SECRET_BYTES)} to ` +
        `${String(MAX_SECRET_BYTES)} bytes: check what TotpSecretCipher.open returns.`,
    );
  }
  return generateSync({
    strategy: 'hotp',
    secret,
    counter: step,
    algorithm: HASHES[algorithm],
    digits,
    crypto: nodeCryptoPlugin,
  });
}

/** The step that a time lies in (RFC 6238 §4.2, T0 = 0). */
export function stepAt(now: number, period: number): number {
  return Math.floor(now / (period * 1000));
}

/**
 * The steps of the window around `now` whose code is `entered`: none, one, or by chance more.
 *
 * Every step is compared, each in constant time, so the duration reveals nothing about the code (ASVS 11.2.4). Whitespace, separators and
 * invisible characters, which people copy with a code, are ignored, and digits may be of any script. Anything other than as many digits as
 * the authenticator shows matches no step; it is not an error.
 *
 * @param entered what the person entered; any string
 * @param now epoch ms; the caller reads the clock once per check
 */
export function matchingSteps(
  secret: Uint8Array,
  entered: string,
  now: number,
  settings: CodeSettings & { readonly skew: number },
): number[] {
  if (entered.length > MAX_ENTERED_LENGTH) return [];
  const code = entered.replace(SEPARATORS, '').replace(OTHER_DIGITS, asciiDigit);
  if (code.length !== settings.digits || !/^[0-9]+$/.test(code)) return [];
  const current = stepAt(now, settings.period);
  const matches: number[] = [];
  for (let step = Math.max(current - settings.skew, 0); step <= current + settings.skew; step++) {
    if (nodeCryptoPlugin.constantTimeEqual(code, codeOfStep(secret, step, settings))) matches.push(step);
  }
  return matches;
}

/** Unicode has the digits of each script in a row, from zero to nine (The Unicode Standard §4.6). */
function asciiDigit(digit: string): string {
  const codePoint = digit.codePointAt(0) ?? 0;
  let first = codePoint;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
  return String((codePoint - first) % 10);
}
