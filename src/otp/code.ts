/** A code against a secret: which steps of the window it is the code of (RFC 4226, RFC 6238). */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Algorithm } from './settings.js';
import { TotpSecretError } from '../shared/errors.js';
import { MIN_SECRET_BYTES } from './secret.js';

/** How an authenticator makes codes of its secret. */
export interface CodeSettings {
  readonly algorithm: Algorithm;
  /** 6 or 8. */
  readonly digits: number;
  /** Seconds that one code is shown for. */
  readonly period: number;
}

/** Room for a code with all the blanks that a copy may bring along. */
const MAX_ENTERED_LENGTH = 256;

/**
 * The code of one step: the HOTP of its number (RFC 4226 §5.3, RFC 6238 §4.2).
 *
 * @param secret the shared secret, at least 16 bytes (RFC 4226 R6)
 * @param step the number of the time step, from 0
 * @throws TotpSecretError when the secret is shorter: with one of no bytes, everybody could tell the codes
 */
export function codeOfStep(secret: Uint8Array, step: number, { algorithm, digits }: CodeSettings): string {
  if (secret.length < MIN_SECRET_BYTES) {
    throw new TotpSecretError(
      `The secret has ${String(secret.length)} bytes, and needs ${String(MIN_SECRET_BYTES)} or more: ` +
        'see what TotpSecretCipher.open returns.',
    );
  }
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac(algorithm, secret).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 0x0f;
  const truncated = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(truncated % 10 ** digits).padStart(digits, '0');
}

/** The step that a time lies in (RFC 6238 §4.2, T0 = 0). */
export function stepAt(now: number, period: number): number {
  return Math.floor(now / (period * 1000));
}

/**
 * The steps of the window around `now` that `entered` is the code of: none, one, or by chance more.
 *
 * Every step is compared, each in constant time, so the time that it takes tells nothing about the code (ASVS 11.2.4).
 * Blanks, as people copy them, are dropped. What is then not exactly as many ASCII digits as the authenticator shows is no
 * code, whatever it is: it is never evaluated and never an error.
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
  const code = entered.replace(/\s/gu, '');
  if (code.length !== settings.digits || !/^[0-9]+$/.test(code)) return [];
  const given = Buffer.from(code);
  const current = stepAt(now, settings.period);
  const matches: number[] = [];
  for (let step = Math.max(current - settings.skew, 0); step <= current + settings.skew; step++) {
    if (timingSafeEqual(given, Buffer.from(codeOfStep(secret, step, settings)))) matches.push(step);
  }
  return matches;
}
