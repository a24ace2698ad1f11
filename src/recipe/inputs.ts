/** What the functions of the recipe take. */
import type { DeviceChange } from '../accounts/step-up.js';
import type { Operator } from '../events/catalogue.js';
import type { Algorithm } from '../otp/settings.js';
import type { TotpDuration } from '../shared/duration.js';
import type { CallerSession } from './caller.js';

/** Any data that an application passes to its overrides; the module does not change it. */
export type UserContext = Record<string, unknown>;

/** The arguments that functions about one user have in common. */
export interface CallContext {
  /** 1–10,000 UTF-16 units without NUL and unpaired surrogates. User ids are compared byte for byte. */
  readonly userId: string;
  /** The tenant of the user, for events; 1–256 UTF-16 units; default: that of the session, if it is a live one, or else `public`. */
  readonly tenantId?: string;
  readonly userContext?: UserContext;
}

/** The arguments of functions that a member of staff may call on a user's behalf. */
export interface OperatorContext extends CallContext {
  /** Who makes the change, and why: the events carry it. Each text has 1–256 characters. */
  readonly by?: Operator;
}

/**
 * Who asks for a change of devices: the session of a user, or the application itself. One of both is needed, so that no call skips the
 * step-up because its session was forgotten.
 */
export type OnBehalfOf = CallContext &
  (
    | {
        /** The change is refused (`TotpStepUpRequiredError`) unless this session completed TOTP within `stepUpMaxAge`. */
        readonly session: CallerSession;
        readonly onBehalfOf?: undefined;
      }
    | {
        /** The application makes the change on its own authority: no session is asked for a code. */
        readonly onBehalfOf: 'application';
        readonly session?: undefined;
      }
  );

export type CreateDeviceInput = OnBehalfOf & {
  /** The account label in authenticator apps; default: what `getUserIdentifierInfoForUserId` returns. */
  readonly userIdentifierInfo?: string;
  /** 1–256 characters; default `TOTP Device N`. */
  readonly deviceName?: string;
  /** Steps, 0–2; default `defaultSkew`. */
  readonly skew?: number;
  /** Seconds, 15–300; default `defaultPeriod`. */
  readonly period?: number;
  /**
   * Makes a creation that may be sent twice one creation: 1–255 characters, such as a random UUID of the form. The same session gets the
   * same device for the same key, until a code has verified it.
   */
  readonly idempotencyKey?: string;
};

export interface ImportDeviceInput extends OperatorContext {
  /** 1–256 characters; default `TOTP Device N`. */
  readonly deviceName?: string;
  /** The secret in Base32: 16 to 64 bytes (RFC 4226 R6). */
  readonly secretKey: string;
  /** Steps, 0–2; default `defaultSkew`. */
  readonly skew?: number;
  /** Seconds, 15–300; default `defaultPeriod`. */
  readonly period?: number;
  /** Default: the option `algorithm`. */
  readonly algorithm?: Algorithm;
  /** Default: the option `digits`. */
  readonly digits?: 6 | 8;
}

export type UpdateDeviceInput = OnBehalfOf & {
  readonly existingDeviceName: string;
  /** 1–256 characters. */
  readonly newDeviceName: string;
};

export type RemoveDeviceInput = OnBehalfOf &
  OperatorContext & {
    readonly deviceName: string;
  };

export type VerifyDeviceInput = OnBehalfOf & {
  readonly deviceName: string;
  /** What the user entered: any string. */
  readonly totp: string;
};

export interface VerifyTOTPInput extends CallContext {
  /** What the user entered: any string. */
  readonly totp: string;
  /**
   * The session that asks. A live one is completed when the code is accepted; events carry its handle; and two codes in a row count only
   * when one session enters both.
   */
  readonly session?: CallerSession | undefined;
  /** Trusts the browser from now on, if the code is accepted. Needs the option `trustedBrowsers`. */
  readonly trustBrowser?: TrustBrowserInput;
  /** Whether the answer tells a used code from a wrong one, with `replayed: true`. Default false. */
  readonly reportReplay?: boolean;
}

/** A browser to trust. */
export interface TrustBrowserInput {
  /** How the browser names itself, for the user's list of browsers; its first 256 characters are stored. */
  readonly userAgent?: string;
}

export interface VerifyRecoveryCodeInput extends CallContext {
  /** What the user entered: any string. */
  readonly recoveryCode: string;
  /** The session that asks. A live one is completed when the code is accepted; events carry its handle. */
  readonly session?: CallerSession | undefined;
  /** Trusts the browser from now on, if the code is accepted. Needs the option `trustedBrowsers`. */
  readonly trustBrowser?: TrustBrowserInput;
}

export interface ImportRecoveryCodesInput extends OperatorContext {
  /** 1–16 different codes with at least 112 random bits each, as the user has them. */
  readonly recoveryCodes: readonly string[];
}

export interface CreateTemporaryCodeInput extends OperatorContext {
  /** How long the code is valid: 60 s to 24 hours, in seconds or as a string such as `'2h'`; default `'1h'`. */
  readonly validFor?: TotpDuration;
}

export interface VerifyTrustedBrowserInput extends CallContext {
  /** What the browser sent: any string. */
  readonly trustToken: string;
}

export type ForgetTrustedBrowsersInput = OnBehalfOf &
  OperatorContext & {
    /** The browser to forget; default: all of them. */
    readonly id?: string;
  };

export interface GetStatusesInput {
  /** At most 500. */
  readonly userIds: readonly string[];
}

export interface StepUpInput {
  readonly userId: string;
  readonly session: CallerSession;
  readonly change: DeviceChange;
}

/** Several devices, of any users. */
export interface ImportDevicesInput {
  /** At most 1,000. */
  readonly devices: readonly ImportDeviceInput[];
  /** Returns the answers of an import, and imports nothing. Default false. */
  readonly dryRun?: boolean;
}
