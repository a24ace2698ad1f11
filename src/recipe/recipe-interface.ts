/** The functions of the recipe: those of SuperTokens' RecipeInterface, and further ones of this module. */
import type { RemoveAnswer, RenameAnswer } from '../accounts/enrolment.js';
import type { ErasureAnswer } from '../accounts/erasure.js';
import type { UnlockAnswer } from '../accounts/lockout.js';
import type { ForgetAnswer, TrustAnswer } from '../accounts/trust.js';
import type { EnrolmentAnswer } from '../accounts/verification.js';
import type {
  CreateDeviceAnswer,
  CreateRecoveryCodesAnswer,
  CreateTemporaryCodeAnswer,
  ImportDeviceAnswer,
  ImportDevicesAnswer,
  ImportRecoveryCodesAnswer,
  ListDevicesAnswer,
  RecoveryCodesAnswer,
  StatusAnswer,
  StatusesAnswer,
  TrustedBrowsersAnswer,
  VerifyRecoveryCodeAnswer,
  VerifyTOTPAnswer,
} from './answers.js';
import type {
  CallContext,
  CreateDeviceInput,
  CreateTemporaryCodeInput,
  ForgetTrustedBrowsersInput,
  GetStatusesInput,
  ImportDeviceInput,
  ImportDevicesInput,
  ImportRecoveryCodesInput,
  OnBehalfOf,
  OperatorContext,
  RemoveDeviceInput,
  UpdateDeviceInput,
  VerifyDeviceInput,
  VerifyRecoveryCodeInput,
  VerifyTOTPInput,
  VerifyTrustedBrowserInput,
} from './inputs.js';
import type { UserIdentifierInfoAnswer } from './user-directory.js';

export type * from './answers.js';
export type * from './inputs.js';

/**
 * The recipe: what `TotpService` implements, and what `override.functions` replaces function by function.
 *
 * All functions throw
 * - `TotpArgumentError`, naming the argument, for a missing or wrong argument: nothing was changed;
 * - `TotpStorageError` when the database fails, and `TotpSecretError` when a secret cannot be decrypted: nothing was accepted,
 *   rejected or counted.
 *
 * Functions that change devices take the `session` that asks, or `onBehalfOf: 'application'`. They throw `TotpStepUpRequiredError` when the
 * session must complete TOTP first (ASVS 7.5.1): once the user has a verified device, the password alone can neither add to the second
 * factor nor remove it. Functions that check codes complete the session when they accept one, if it is what `@CurrentTotpSession()` passes.
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
   * after `unverifiedDeviceLifetime`. It replaces an unverified device of the same name. With an `idempotencyKey`, the same session gets the
   * same device for the same key, and `DEVICE_ALREADY_EXISTS_ERROR` once it is verified.
   *
   * @example
   * const created = await totp.createDevice({ userId: user.id, session, userIdentifierInfo: user.email });
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
   * await totp.updateDevice({ userId: user.id, session, existingDeviceName: 'TOTP Device 0', newDeviceName: 'Phone' });
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
   * const { didDeviceExist } = await totp.removeDevice({ userId: user.id, session, deviceName: 'Phone' });
   * @returns `OK`, and whether there was such a device
   * @throws TotpStepUpRequiredError for a verified device
   */
  removeDevice(input: RemoveDeviceInput): Promise<RemoveAnswer>;

  /**
   * Verifies a device by its first code, which is used up: it cannot also sign in (RFC 6238 §5.2).
   *
   * @example
   * const answer = await totp.verifyDevice({ userId: user.id, session, deviceName: 'Phone', totp: body.totp });
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
   * After many wrong codes over the long run (`lockout.vigilance`), one code is not enough: the first right code is answered by
   * `INVALID_TOTP_ERROR` with `nextCodeRequired: true`, and the next code of the same device, entered in the same session, signs in
   * (RFC 4226 §7.4).
   *
   * A right code that was used already is answered as a wrong one, and not counted. With `reportReplay: true`, the answer has `replayed: true`.
   * Show that only to a session that has completed TOTP, as after a double click: anybody else learns that they have seen a real code.
   *
   * @example
   * const answer = await totp.verifyTOTP({ userId: user.id, session, totp: body.totp });
   * if (answer.status === 'LIMIT_REACHED_ERROR') return tooManyAttempts(answer.retryAfterMs);
   * @returns `OK`, with `trustToken` if the browser is to be trusted; `UNKNOWN_USER_ID_ERROR` when the user has no device;
   *   `INVALID_TOTP_ERROR` with the number of failures; `LIMIT_REACHED_ERROR` with the wait
   */
  verifyTOTP(input: VerifyTOTPInput): Promise<VerifyTOTPAnswer>;

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
   * Ends a lock, including a hard lock, and restores all attempts of the user. Failures of the long run stay: only time forgives them.
   *
   * @example
   * const { wasLocked } = await totp.unlockUser({ userId: user.id, by: { actor: agent.id, reason: 'case 4711' } });
   * @returns `OK`, and whether the failure streak had led to a lock
   */
  unlockUser(input: OperatorContext): Promise<UnlockAnswer>;

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
  removeUser(input: OperatorContext): Promise<ErasureAnswer>;

  /**
   * Creates a set of recovery codes, with which the user can sign in once each without an authenticator. It replaces the earlier set.
   *
   * A code has 120 random bits, and only a salted SHA-256 of it is stored, encrypted (ASVS 5.0 6.5.2).
   *
   * @example
   * const answer = await totp.createRecoveryCodes({ userId: user.id, session });
   * if (answer.status === 'OK') show(answer.recoveryCodes);
   * @returns `OK` with the codes, which are shown only this once; `UNKNOWN_USER_ID_ERROR` when the user has no verified device
   * @throws TotpStepUpRequiredError
   * @throws TotpConfigurationError when the option `recoveryCodes` is false, as all functions for recovery codes do
   */
  createRecoveryCodes(input: OnBehalfOf & OperatorContext): Promise<CreateRecoveryCodesAnswer>;

  /**
   * Returns how many recovery codes the user has left.
   *
   * @example
   * const { left } = await totp.getRecoveryCodes({ userId: user.id });
   * @returns `OK`; 0 codes, and null as `createdAt`, for a user without a set
   */
  getRecoveryCodes(input: CallContext): Promise<RecoveryCodesAnswer>;

  /**
   * Checks a recovery code or a temporary code, and uses it up: for any number of parallel calls in any number of processes, it is
   * accepted exactly once (ASVS 6.5.1).
   *
   * It works during every lock, and ends it, because a code cannot be guessed. A wrong code costs no attempt. Trusted browsers are
   * forgotten: someone who needs a recovery code may have lost them too.
   *
   * @example
   * const answer = await totp.verifyRecoveryCode({ userId: user.id, session, recoveryCode: body.recoveryCode });
   * @returns `OK`, and how many codes are left; `INVALID_RECOVERY_CODE_ERROR`; `UNKNOWN_USER_ID_ERROR` when the user has no
   *   verified device
   */
  verifyRecoveryCode(input: VerifyRecoveryCodeInput): Promise<VerifyRecoveryCodeAnswer>;

  /**
   * Gives the user the recovery codes of another product, as a new set. They are compared exactly, without hyphens and spaces.
   *
   * Codes that the other product hashed cannot be imported, and codes of fewer than 112 random bits are refused, because they could be
   * guessed: let those users create new ones.
   *
   * @example
   * await totp.importRecoveryCodes({ userId: row.user_id, recoveryCodes: JSON.parse(decrypt(row.two_factor_recovery_codes)) });
   * @returns `OK`; `UNKNOWN_USER_ID_ERROR` when the user has no verified device: import that first
   */
  importRecoveryCodes(input: ImportRecoveryCodesInput): Promise<ImportRecoveryCodesAnswer>;

  /**
   * Creates a code for one sign-in of a user whom a help desk has identified. It has the form of a recovery code, and
   * `verifyRecoveryCode` accepts it. A user has at most one: a new code replaces the earlier one.
   *
   * @example
   * const answer = await totp.createTemporaryCode({ userId, validFor: '2h', by: { actor: agent.id, reason: 'case 4711' } });
   * @returns `OK` with the code, which is shown only this once, and when it expires; `UNKNOWN_USER_ID_ERROR` when the user has no
   *   verified device
   */
  createTemporaryCode(input: CreateTemporaryCodeInput): Promise<CreateTemporaryCodeAnswer>;

  /**
   * Tells whether a token is that of a browser that the user trusts. Notes its use, at most once a day.
   *
   * @example
   * const answer = await totp.verifyTrustedBrowser({ userId: user.id, trustToken: cookies.totp_trust });
   * if (answer.status === 'OK') skipTheCode();
   * @returns `OK`, and when the browser's code was entered; `UNKNOWN_BROWSER_ERROR` for a token that is wrong, has expired or was
   *   forgotten, and for one of another user
   */
  verifyTrustedBrowser(input: VerifyTrustedBrowserInput): Promise<TrustAnswer>;

  /**
   * Lists the browsers that the user trusts, without their tokens.
   *
   * @example
   * const { browsers } = await totp.listTrustedBrowsers({ userId: user.id });
   */
  listTrustedBrowsers(input: CallContext): Promise<TrustedBrowsersAnswer>;

  /**
   * Ends the trust in one browser, or in all of them. Call it when the user's password changes.
   *
   * @example
   * await totp.forgetTrustedBrowsers({ userId: user.id, onBehalfOf: 'application' });
   * @returns `OK`, and how many browsers were forgotten
   * @throws TotpStepUpRequiredError
   */
  forgetTrustedBrowsers(input: ForgetTrustedBrowsersInput): Promise<ForgetAnswer>;
}
