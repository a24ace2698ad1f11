/** The functions of the recipe, as SuperTokens' RecipeInterface has them, and ours beside them: what goes in, what comes out. */
import type { CreateAnswer, ImportAnswer, RemoveAnswer, RenameAnswer } from '../accounts/enrolment.js';
import type { EnrolmentAnswer, SignInAnswer } from '../accounts/verification.js';
import type { Algorithm } from '../otp/settings.js';
import type { UserIdentifierInfoAnswer } from './user-directory.js';

/** Whatever an application wants to hand to its overrides; the module passes it on unchanged. */
export type UserContext = Record<string, unknown>;

/** What every function takes beside its own input. */
export interface CallContext {
  readonly userId: string;
  /** Whose tenant's users these are; goes into events. Default `public`. */
  readonly tenantId?: string;
  readonly userContext?: UserContext;
}

/** The session on whose behalf a device is changed. */
export interface ActingSession {
  readonly handle: string;
  /** When the session completed TOTP, in epoch ms; undefined if it did not. */
  readonly completedAt: number | undefined;
}

export interface OnBehalfOf extends CallContext {
  /**
   * The session that asks. With it, the change is refused (`TotpStepUpRequiredError`) unless the session completed TOTP
   * lately; without it, the change is made on the application's own authority.
   */
  readonly session?: ActingSession;
}

export interface CreateDeviceInput extends OnBehalfOf {
  /** How the authenticator app names the user; default: what `getUserIdentifierInfoForUserId` tells. */
  readonly userIdentifierInfo?: string;
  /** 1–256 characters; default `TOTP Device N`. */
  readonly deviceName?: string;
  /** Steps, 0–2; default `defaultSkew`. */
  readonly skew?: number;
  /** Seconds, 15–300; default `defaultPeriod`. */
  readonly period?: number;
}

export interface ImportDeviceInput extends CallContext {
  readonly deviceName?: string;
  /** The secret in Base32: 16 to 64 bytes. */
  readonly secretKey: string;
  readonly skew?: number;
  readonly period?: number;
  readonly algorithm?: Algorithm;
  readonly digits?: 6 | 8;
}

export interface UpdateDeviceInput extends OnBehalfOf {
  readonly existingDeviceName: string;
  readonly newDeviceName: string;
}

export interface RemoveDeviceInput extends OnBehalfOf {
  readonly deviceName: string;
}

export interface VerifyDeviceInput extends OnBehalfOf {
  readonly deviceName: string;
  /** What the person entered; any string. */
  readonly totp: string;
}

export interface VerifyTOTPInput extends CallContext {
  /** What the person entered; any string. */
  readonly totp: string;
  /** The session that asks, for events. */
  readonly session?: ActingSession;
}

export type CreateDeviceAnswer =
  | {
      readonly status: 'OK';
      readonly deviceName: string;
      /** Base32. Show it once, to its owner, and keep it nowhere. */
      readonly secret: string;
      /** The key URI to show as a QR picture. It contains the secret. */
      readonly qrCodeString: string;
    }
  | Exclude<CreateAnswer, { status: 'OK' }>
  | { readonly status: 'UNKNOWN_USER_ID_ERROR' };

export type ImportDeviceAnswer = ImportAnswer;

/** Several devices, of any users. */
export interface ImportDevicesInput {
  /** At most 1,000. */
  readonly devices: readonly ImportDeviceInput[];
  /** Answers as if they were imported, and imports none. Default false. */
  readonly dryRun?: boolean;
}

export interface ImportDevicesAnswer {
  readonly status: 'OK';
  /** Of each device, in the order given. */
  readonly answers: readonly ImportDeviceAnswer[];
}

/** A device as lists show it. */
export interface DeviceSummary {
  readonly name: string;
  /** Seconds. */
  readonly period: number;
  /** Steps. */
  readonly skew: number;
  readonly verified: boolean;
}

export interface ListDevicesAnswer {
  readonly status: 'OK';
  /** Oldest first. */
  readonly devices: DeviceSummary[];
}

/** How a user stands. */
export interface UserStatus {
  readonly userId: string;
  readonly devices: DeviceSummary[];
  /** Whether codes are asked of this user: there is a verified device. */
  readonly enrolled: boolean;
  /** The running lock; null when codes are checked. */
  readonly lock: {
    /** Epoch ms; null when only `unlockUser` ends it. */
    readonly until: number | null;
    readonly number: number;
  } | null;
  /** Failures since the last accepted code. */
  readonly failures: number;
  /** Further failures until a lock starts; 0 while locked. */
  readonly failuresLeft: number;
}

export interface RecipeInterface {
  createDevice(input: CreateDeviceInput): Promise<CreateDeviceAnswer>;
  updateDevice(input: UpdateDeviceInput): Promise<RenameAnswer>;
  listDevices(input: CallContext): Promise<ListDevicesAnswer>;
  removeDevice(input: RemoveDeviceInput): Promise<RemoveAnswer>;
  verifyDevice(input: VerifyDeviceInput): Promise<EnrolmentAnswer>;
  verifyTOTP(input: VerifyTOTPInput): Promise<SignInAnswer>;
  getUserIdentifierInfoForUserId(input: CallContext): Promise<UserIdentifierInfoAnswer>;
  importDevice(input: ImportDeviceInput): Promise<ImportDeviceAnswer>;
  importDevices(input: ImportDevicesInput): Promise<ImportDevicesAnswer>;
  unlockUser(input: CallContext): Promise<{ status: 'OK'; wasLocked: boolean }>;
  getStatus(input: CallContext): Promise<{ status: 'OK' } & UserStatus>;
  getStatuses(input: { readonly userIds: readonly string[] }): Promise<{ status: 'OK'; users: UserStatus[] }>;
  removeUser(input: CallContext): Promise<{ status: 'OK'; didUserExist: boolean }>;
}
