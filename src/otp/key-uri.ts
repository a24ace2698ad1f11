/** The key URI that an authenticator app scans: https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
import type { CodeSettings } from './code.js';

export interface KeyUriParts extends CodeSettings {
  readonly issuer: string;
  /** The user as the app shows it, such as an e-mail address; the label is the issuer alone without it. */
  readonly account?: string | undefined;
  /** Base32. */
  readonly secret: string;
}

/**
 * Each part is percent-encoded, so any issuer and account come back to the same text from a URL parser. A `:` divides the
 * label, so one inside a part is written as `-`.
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
