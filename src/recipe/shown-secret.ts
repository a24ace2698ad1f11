/** What an authenticator app is shown of a new device. */
import { keyUri } from '../otp/key-uri.js';
import { toBase32 } from '../otp/secret.js';
import type { CodeSettings } from '../otp/code.js';
import type { TotpConfig } from './config.js';

export interface ShownSecret {
  /** Base32. */
  readonly secret: string;
  /** The key URI, which contains the secret. */
  readonly qrCodeString: string;
}

/** How the codes of the device are made, and whose they are. */
interface Shown extends CodeSettings {
  /** The application's name, for the tenant of the user. */
  readonly issuer: string;
  /** The user's name; undefined when apps show the issuer alone. */
  readonly account: string | undefined;
}

export function shownSecret(
  { deviceNameInLabel }: TotpConfig,
  { account, ...shown }: Shown,
  deviceName: string,
  secret: Uint8Array,
): ShownSecret {
  const base32 = toBase32(secret);
  const label = deviceNameInLabel ? withDeviceName(account, deviceName) : account;
  return { secret: base32, qrCodeString: keyUri({ ...shown, account: label, secret: base32 }) };
}

function withDeviceName(account: string | undefined, deviceName: string): string {
  return account === undefined || account === '' ? deviceName : `${account} (${deviceName})`;
}
