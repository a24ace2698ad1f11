/** Computes codes in tests, as an authenticator app does. */
import type { Algorithm } from '../otp/settings.js';
import { codeOfStep, stepAt } from '../otp/code.js';
import { fromBase32, isSecret } from '../otp/secret.js';

/** The settings of the authenticator. Not needed with a key URI, which contains them. */
export interface TotpCodeSettings {
  /** Seconds, default 30. */
  readonly period?: number;
  /** Default 6. */
  readonly digits?: number;
  /** Default SHA1. */
  readonly algorithm?: Algorithm;
}

/**
 * Returns the code that an authenticator shows.
 *
 * @param device the key URI that `createDevice` returned (`qrCodeString`), or a secret in Base32
 * @param at epoch ms, such as `clock.now()`
 * @example
 * const made = await totp.createDevice({ userId: 'ann', onBehalfOf: 'application' });
 * const code = totpCode(made.qrCodeString, clock.now());
 * await totp.verifyDevice({ userId: 'ann', deviceName: made.deviceName, totp: code, onBehalfOf: 'application' });
 */
export function totpCode(device: string, at: number, settings: TotpCodeSettings = {}): string {
  const { secret: text, ...told } = device.startsWith('otpauth:') ? readKeyUri(device) : { secret: device };
  const secret = fromBase32(text);
  if (secret === undefined || !isSecret(secret)) {
    throw new TypeError('totpCode needs a key URI (qrCodeString) or a secret in Base32 of 16 to 64 bytes');
  }
  const { period, digits, algorithm } = { period: 30, digits: 6, algorithm: 'SHA1' as const, ...told, ...settings };
  return codeOfStep(secret, stepAt(at, period), { period, digits, algorithm });
}

function readKeyUri(uri: string): TotpCodeSettings & { readonly secret: string } {
  const { searchParams } = new URL(uri);
  const algorithm = searchParams.get('algorithm');
  return {
    secret: searchParams.get('secret') ?? '',
    period: Number(searchParams.get('period') ?? 30),
    digits: Number(searchParams.get('digits') ?? 6),
    algorithm: algorithm === 'SHA256' || algorithm === 'SHA512' ? algorithm : 'SHA1',
  };
}
