/** What the functions of the recipe return, where it is not what a rule returns. */
import type { CreateAnswer, ImportAnswer } from '../accounts/enrolment.js';
import type { RecoveryAnswer } from '../accounts/recovery.js';
import type { DeviceSummary, UserStatus } from '../accounts/status.js';
import type { TrustedBrowserSummary } from '../accounts/trust.js';
import type { SignInAnswer } from '../accounts/verification.js';

export type CreateDeviceAnswer =
  | {
      readonly status: 'OK';
      readonly deviceName: string;
      /** Present when the device replaced an unverified one of its name, whose QR code stops working. */
      readonly replaced?: true;
      /** Base32. Show it once, to its owner, and store it nowhere. */
      readonly secret: string;
      /** The key URI to show as a QR code. It contains the secret. */
      readonly qrCodeString: string;
    }
  | Exclude<CreateAnswer, { status: 'OK' }>
  | { readonly status: 'UNKNOWN_USER_ID_ERROR' };

export type ImportDeviceAnswer = ImportAnswer;

export interface ImportDevicesAnswer {
  readonly status: 'OK';
  /** One for each device, in the order given. */
  readonly answers: readonly ImportDeviceAnswer[];
}

export interface ListDevicesAnswer {
  readonly status: 'OK';
  /** Oldest first. */
  readonly devices: DeviceSummary[];
}

export type StatusAnswer = { readonly status: 'OK' } & UserStatus;

export interface StatusesAnswer {
  readonly status: 'OK';
  /** In the order asked for. */
  readonly users: UserStatus[];
}

/** What a browser holds that came to be trusted. */
export interface NewTrust {
  /** A secret of 256 random bits, which only the browser keeps: in a cookie that scripts cannot read. */
  readonly trustToken: string;
}

export type VerifyTOTPAnswer =
  ({ readonly status: 'OK' } & Partial<NewTrust>) | Exclude<SignInAnswer, { status: 'OK' }>;

export type CreateRecoveryCodesAnswer =
  | {
      readonly status: 'OK';
      /** The codes, such as `7K2M-9XQ4-ZB1T-0HVN-C8RD-W5PA`. Show them once, to their owner, and store them nowhere. */
      readonly recoveryCodes: string[];
    }
  | { readonly status: 'UNKNOWN_USER_ID_ERROR' };

export type ImportRecoveryCodesAnswer = { readonly status: 'OK' } | { readonly status: 'UNKNOWN_USER_ID_ERROR' };

export interface RecoveryCodesAnswer {
  readonly status: 'OK';
  /** Codes that were not used. */
  readonly left: number;
  readonly total: number;
  /** Epoch ms; null without codes. */
  readonly createdAt: number | null;
}

export type VerifyRecoveryCodeAnswer =
  | ({ readonly status: 'OK'; readonly recoveryCodesLeft: number } & Partial<NewTrust>)
  | Exclude<RecoveryAnswer, { status: 'OK' }>;

export type CreateTemporaryCodeAnswer =
  | {
      readonly status: 'OK';
      /** The code. Tell it to the user, whom you have identified, and store it nowhere. */
      readonly temporaryCode: string;
      /** Epoch ms. */
      readonly expiresAt: number;
    }
  | { readonly status: 'UNKNOWN_USER_ID_ERROR' };

export interface TrustedBrowsersAnswer {
  readonly status: 'OK';
  /** Oldest first. */
  readonly browsers: TrustedBrowserSummary[];
}
