/** The functions of the recipe: those of SuperTokens' RecipeInterface, and further ones of this module. */
import type { CreateAnswer, ImportAnswer, RemoveAnswer, RenameAnswer } from '../accounts/enrolment.js';
import type { ErasureAnswer } from '../accounts/erasure.js';
import type { UnlockAnswer } from '../accounts/lockout.js';
import type { DeviceSummary, UserStatus } from '../accounts/status.js';
import type { ActingSession, DeviceChange } from '../accounts/step-up.js';
import type { EnrolmentAnswer, SignInAnswer } from '../accounts/verification.js';
import type { Algorithm } from '../otp/settings.js';
import type { UserIdentifierInfoAnswer } from './user-directory.js';

/** Any data that an application passes to its overrides; the module does not change it. */
export type UserContext = Record<string, unknown>;

/** The arguments that functions about one user have in common. */
export interface CallContext {
  /** 1–10,000 UTF-16 units without NUL and unpaired surrogates. User ids are compared byte for byte. */
  readonly userId: string;
  /** The tenant of the user, for events; 1–256 UTF-16 units, default `public`. */
  readonly tenantId?: string;
  readonly userContext?: UserContext;
}

export interface OnBehalfOf extends CallContext {
  /**
   * The session that asks. With it, a change of devices is refused (`TotpStepUpRequiredError`) unless the session completed TOTP
   * within `stepUpMaxAge`; without it, the application makes the change on its own authority.
   */
  readonly session?: ActingSession;
}

export interface CreateDeviceInput extends OnBehalfOf {
  /** The account label in authenticator apps; default: what `getUserIdentifierInfoForUserId` returns. */
  readonly userIdentifierInfo?: string;
  /** 1–256 characters; default `TOTP Device N`. */
  readonly deviceName?: string;
  /** Steps, 0–2; default `defaultSkew`. */
  readonly skew?: number;
  /** Seconds, 15–300; default `defaultPeriod`. */
  readonly period?: number;
}

export interface ImportDeviceInput extends CallContext {
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

export interface UpdateDeviceInput extends OnBehalfOf {
  readonly existingDeviceName: string;
  /** 1–256 characters. */
  readonly newDeviceName: string;
}

export interface RemoveDeviceInput extends OnBehalfOf {
  readonly deviceName: string;
}

export interface VerifyDeviceInput extends OnBehalfOf {
  readonly deviceName: string;
  /** What the user entered: any string. */
  readonly totp: string;
}

export interface VerifyTOTPInput extends CallContext {
  /** What the user entered: any string. */
  readonly totp: string;
  /** The session that asks, for events. */
  readonly session?: ActingSession;
}

export interface GetStatusesInput {
  /** At most 500. */
  readonly userIds: readonly string[];
}

export interface StepUpInput {
  readonly userId: string;
  readonly session: ActingSession;
  readonly change: DeviceChange;
}

export type CreateDeviceAnswer =
  | {
      readonly status: 'OK';
      readonly deviceName: string;
      /** Base32. Show it once, to its owner, and store it nowhere. */
      readonly secret: string;
      /** The key URI to show as a QR code. It contains the secret. */
      readonly qrCodeString: string;
    }
  | Exclude<CreateAnswer, { status: 'OK' }>
  | { readonly status: 'UNKNOWN_USER_ID_ERROR' };

export type ImportDeviceAnswer = ImportAnswer;

/** Several devices, of any users. */
export interface ImportDevicesInput {
  /** At most 1,000. */
  readonly devices: readonly ImportDeviceInput[];
  /** Returns the answers of an import, and imports nothing. Default false. */
  readonly dryRun?: boolean;
}

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

/**
 * The recipe: what `TotpService` implements, and what `override.functions` replaces function by function.
 *
 * All functions throw
 * - `TotpArgumentError`, naming the argument, for a missing or wrong argument: nothing was changed;
 * - `TotpStorageError` when the database fails, and `TotpSecretError` when a secret cannot be decrypted: nothing was accepted,
 *   rejected or counted.
 *
 * Functions that change devices throw `TotpStepUpRequiredError` when `session` is given and must complete TOTP first (ASVS 7.5.1):
 * once the user has a verified device, the password alone can neither add to the second factor nor remove it.
 *
 * @example
 * // An override wraps single functions:
 * TotpModule.forRoot({
 *   …,
 *   override: {
 *     functions: (original) => ({ ...original, verifyTOTP: async (input) => audited(await original.verifyTOTP(input)) }),
 *   },
 * });
 */
export interface RecipeInterface {
  /**
   * Creates a device with a new random secret of 20 bytes (RFC 4226 R6), which its first code verifies. An unverified device expires
   * after `unverifiedDeviceLifetime`. It replaces an unverified device of the same name.
   *
   * @example
   * const created = await totp.createDevice({ userId: user.id, userIdentifierInfo: user.email });
   * if (created.status === 'OK') show(created.qrCodeString);
   * @returns `OK` with the secret and the key URI, which are shown only this once; `DEVICE_ALREADY_EXISTS_ERROR` when a verified
   *   device has the name; `DEVICE_LIMIT_REACHED_ERROR`; `UNKNOWN_USER_ID_ERROR` when the user directory does not know the user
   * @throws TotpStepUpRequiredError
   * @throws TotpConfigurationError when the user directory returns something that is not an answer
   */
  createDevice(input: CreateDeviceInput): Promise<CreateDeviceAnswer>;

  /**
   * Renames a device.
   *
   * @example
   * await totp.updateDevice({ userId: user.id, existingDeviceName: 'TOTP Device 0', newDeviceName: 'Phone' });
   * @returns `OK`; `UNKNOWN_DEVICE_ERROR`; `DEVICE_ALREADY_EXISTS_ERROR` when another device has the new name
   * @throws TotpStepUpRequiredError
   */
  updateDevice(input: UpdateDeviceInput): Promise<RenameAnswer>;

  /**
   * Lists the user's devices, without their secrets.
   *
   * @example
   * const { devices } = await totp.listDevices({ userId: user.id });
   * @returns `OK`; no devices for a user who never had any
   */
  listDevices(input: CallContext): Promise<ListDevicesAnswer>;

  /**
   * Removes a device. The number of failures and a lock stay as they are, even when the last device is removed.
   *
   * @example
   * const { didDeviceExist } = await totp.removeDevice({ userId: user.id, deviceName: 'Phone' });
   * @returns `OK`, and whether there was such a device
   * @throws TotpStepUpRequiredError for a verified device
   */
  removeDevice(input: RemoveDeviceInput): Promise<RemoveAnswer>;

  /**
   * Verifies a device by its first code, which is used up: it cannot also sign in (RFC 6238 §5.2).
   *
   * @example
   * const answer = await totp.verifyDevice({ userId: user.id, deviceName: 'Phone', totp: body.totp });
   * @returns `OK`, and whether the device was verified already (then the code was not checked); `UNKNOWN_DEVICE_ERROR`;
   *   `INVALID_TOTP_ERROR` with the number of failures; `LIMIT_REACHED_ERROR` with the wait
   * @throws TotpStepUpRequiredError
   */
  verifyDevice(input: VerifyDeviceInput): Promise<EnrolmentAnswer>;

  /**
   * Checks a code against all verified devices of the user.
   *
   * For any number of parallel calls in any number of processes, a code is accepted exactly once (RFC 6238 §5.2, ASVS 6.5.1), and
   * no more wrong codes are checked than the limit allows (RFC 4226 §7.3, NIST SP 800-63B-4 §3.2.2).
   *
   * @example
   * const answer = await totp.verifyTOTP({ userId: user.id, totp: body.totp });
   * if (answer.status === 'LIMIT_REACHED_ERROR') return tooManyAttempts(answer.retryAfterMs);
   * @returns `OK`; `UNKNOWN_USER_ID_ERROR` when the user has no device; `INVALID_TOTP_ERROR` with the number of failures;
   *   `LIMIT_REACHED_ERROR` with the wait
   */
  verifyTOTP(input: VerifyTOTPInput): Promise<SignInAnswer>;

  /**
   * Returns the account label of a user, which authenticator apps show: asks `TotpUserDirectory`.
   *
   * @example
   * const known = await totp.getUserIdentifierInfoForUserId({ userId: user.id });
   * @returns `OK` with a non-empty string; `USER_IDENTIFIER_INFO_DOES_NOT_EXIST_ERROR`: apps show the issuer alone;
   *   `UNKNOWN_USER_ID_ERROR`: no device is created for this user
   */
  getUserIdentifierInfoForUserId(input: CallContext): Promise<UserIdentifierInfoAnswer>;

  /**
   * Creates a verified device from a secret that the user's authenticator app already has.
   *
   * @example
   * await totp.importDevice({ userId: user.id, deviceName: 'Phone', secretKey: row.secret });
   * @returns `OK`; `DEVICE_ALREADY_EXISTS_ERROR` when a verified device has the name; `SECRET_ALREADY_EXISTS_ERROR` when one has the
   *   secret; `UNREADABLE_DEVICE_ERROR` when the secret of one cannot be decrypted and may be the same; `DEVICE_LIMIT_REACHED_ERROR`
   */
  importDevice(input: ImportDeviceInput): Promise<ImportDeviceAnswer>;

  /**
   * Imports devices of many users. Those that can be imported are imported in one transaction; the others are reported by their
   * answers. When the database fails, none is imported. A second run answers `SECRET_ALREADY_EXISTS_ERROR` and changes nothing.
   *
   * @example
   * const { answers } = await totp.importDevices({ devices, dryRun: true });
   * @returns `OK`, and for each device what `importDevice` would answer
   * @throws TotpArgumentError when the arguments of one of them are wrong, before anything is imported
   */
  importDevices(input: ImportDevicesInput): Promise<ImportDevicesAnswer>;

  /**
   * Ends a lock, including a hard lock, and restores all attempts of the user.
   *
   * @example
   * const { wasLocked } = await totp.unlockUser({ userId: user.id });
   * @returns `OK`, and whether the failure streak had led to a lock
   */
  unlockUser(input: CallContext): Promise<UnlockAnswer>;

  /**
   * Returns the user's devices, lock and attempts left.
   *
   * @example
   * const { enrolled } = await totp.getStatus({ userId: user.id });
   * if (enrolled) askForCode();
   */
  getStatus(input: CallContext): Promise<StatusAnswer>;

  /**
   * Returns the status of several users, read in one statement.
   *
   * @example
   * const { users } = await totp.getStatuses({ userIds: page.map(({ id }) => id) });
   */
  getStatuses(input: GetStatusesInput): Promise<StatusesAnswer>;

  /**
   * Erases everything that is stored about a user: devices, secrets, failures, locks, and when sessions completed TOTP
   * (`TotpTokenSessionAdapter`). It also erases an account that can no longer be read. If a secret is
   * imported again later, its codes count as unused.
   *
   * @example
   * await totp.removeUser({ userId: user.id });
   * @returns `OK`, and whether anything was stored
   */
  removeUser(input: CallContext): Promise<ErasureAnswer>;
}
