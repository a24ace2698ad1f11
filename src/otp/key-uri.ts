/** Builds the key URI that an authenticator app scans: https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
import type { CodeSettings } from './code.js';

export interface KeyUriParts extends CodeSettings {
  readonly issuer: string;
  /** The user as the app shows them, such as an e-mail address. Without it, the label is the issuer alone. */
  readonly account?: string | undefined;
  /** Base32. */
  readonly secret: string;
}

/**
 * Each part is percent-encoded, so that a URL parser returns the same issuer and account, whatever they contain. A `:` separates
 * the parts of the label, so one within a part is replaced by `-`.
 */
export function keyUri({ issuer, account, secret, algorithm, digits, period }: KeyUriParts): string {
  const label = account === undefined || account === '' ? encode(issuer) : `${encode(issuer)}:${encode(account)}`;
  const query = [
    `secret=${secret}`,
    `issuer=${encode(issuer)}`,
    `algorithm=${algorithm}`,
    `digits=${String(digits)}`,
    `period=${String(period)}`,
  ];
  return `otpauth://totp/${label}?${query.join('&')}`;
}

function encode(part: string): string {
  return encodeURIComponent(part.replace(/\p{Cs}/gu, '\uFFFD').replaceAll(':', '-'));
}
