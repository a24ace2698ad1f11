/** The recipe as a provider: each function loads the account, lets the rules of `accounts/` decide, and commits. */
import { Inject, Injectable } from '@nestjs/common';
import { type Account, liveDevices } from '../accounts/account.js';
import type { Decision, DecisionContext } from '../accounts/decision.js';
import {
  decideCreate,
  decideImport,
  decideRemove,
  decideRename,
  type RemoveAnswer,
  type RenameAnswer,
} from '../accounts/enrolment.js';
import { decideErasure, type ErasureAnswer } from '../accounts/erasure.js';
import { unlock, type UnlockAnswer } from '../accounts/lockout.js';
import { statusOf, summariesOf } from '../accounts/status.js';
import { completedLately, type DeviceChangeContext, needsStepUp, type StepUpRequired } from '../accounts/step-up.js';
import {
  decideEnrolment,
  decideSignIn,
  enrolmentCandidates,
  type EnrolmentAnswer,
  type SignInAnswer,
  signInCandidates,
} from '../accounts/verification.js';
import { keyUri } from '../otp/key-uri.js';
import { qrCodeImage } from '../otp/qr-code.js';
import { toBase32 } from '../otp/secret.js';
import { TotpClock } from '../shared/clock.js';
import { TotpConfigurationError, TotpStepUpRequiredError } from '../shared/errors.js';
import { TotpAccountStore } from '../storage/account-store.js';
import { AccountUpdater, type Change } from './account-updater.js';
import { checkArgument, checkArguments, decodeSecret, isLabel } from './arguments.js';
import { TOTP_OPTIONS, type TotpConfig } from './config.js';
import { DeviceSecrets, type DeviceSettings, type SealedDevice } from './device-secrets.js';
import { replaceFunctions } from './override.js';
import type {
  CallContext,
  CreateDeviceAnswer,
  CreateDeviceInput,
  GetStatusesInput,
  ImportDeviceAnswer,
  ImportDeviceInput,
  ImportDevicesAnswer,
  ImportDevicesInput,
  ListDevicesAnswer,
  OnBehalfOf,
  RecipeInterface,
  RemoveDeviceInput,
  StatusAnswer,
  StatusesAnswer,
  StepUpInput,
  UpdateDeviceInput,
  VerifyDeviceInput,
  VerifyTOTPInput,
} from './recipe-interface.js';
import { checkUserIdentifierInfo, TotpUserDirectory, type UserIdentifierInfoAnswer } from './user-directory.js';

/** A device to import, with its secret already sealed. */
interface IncomingDevice extends SealedDevice {
  readonly input: ImportDeviceInput;
  readonly now: number;
}

/** What each function does, takes and returns is documented on `RecipeInterface`. */
@Injectable()
export class TotpService implements RecipeInterface {
  constructor(
    @Inject(TOTP_OPTIONS) protected readonly config: TotpConfig,
    @Inject(AccountUpdater) protected readonly accounts: AccountUpdater,
    @Inject(TotpAccountStore) protected readonly store: TotpAccountStore,
    @Inject(DeviceSecrets) protected readonly secrets: DeviceSecrets,
    @Inject(TotpClock) protected readonly clock: TotpClock,
    @Inject(TotpUserDirectory) protected readonly directory: TotpUserDirectory,
  ) {
    const original: RecipeInterface = {
      createDevice: this.createDevice.bind(this),
      updateDevice: this.updateDevice.bind(this),
      listDevices: this.listDevices.bind(this),
      removeDevice: this.removeDevice.bind(this),
      verifyDevice: this.verifyDevice.bind(this),
      verifyTOTP: this.verifyTOTP.bind(this),
      getUserIdentifierInfoForUserId: this.getUserIdentifierInfoForUserId.bind(this),
      importDevice: this.importDevice.bind(this),
      importDevices: this.importDevices.bind(this),
      unlockUser: this.unlockUser.bind(this),
      getStatus: this.getStatus.bind(this),
      getStatuses: this.getStatuses.bind(this),
      removeUser: this.removeUser.bind(this),
    };
    replaceFunctions(this, original, config.functions, 'override.functions');
  }

  async getUserIdentifierInfoForUserId(input: CallContext): Promise<UserIdentifierInfoAnswer> {
    checkArguments('getUserIdentifierInfoForUserId', input);
    const { userId, userContext = {} } = input;
    return this.directory.getUserIdentifierInfo({ userId, userContext });
  }

  async createDevice(input: CreateDeviceInput): Promise<CreateDeviceAnswer> {
    checkArguments('createDevice', input);
    const settings = this.deviceSettings(input);
    let account = input.userIdentifierInfo;
    if (account === undefined) {
      const known = checkUserIdentifierInfo(await this.getUserIdentifierInfoForUserId(input));
      if (known.status === 'UNKNOWN_USER_ID_ERROR') return { status: 'UNKNOWN_USER_ID_ERROR' };
      if (known.status === 'OK') account = known.info;
    }

    const { secret, device } = await this.secrets.create(input.userId, settings);
    const answer = await this.change(input, (loaded, context) =>
      decideCreate(loaded, input.deviceName, { ...device, createdAt: context.now }, context),
    );
    if (answer.status !== 'OK') return answer;

    const base32 = toBase32(secret);
    return {
      ...answer,
      secret: base32,
      qrCodeString: keyUri({ ...settings, issuer: this.config.issuer, account, secret: base32 }),
    };
  }

  async updateDevice(input: UpdateDeviceInput): Promise<RenameAnswer> {
    checkArguments('updateDevice', input);
    const { existingDeviceName, newDeviceName } = input;
    return this.change(input, (account, context) => decideRename(account, existingDeviceName, newDeviceName, context));
  }

  async removeDevice(input: RemoveDeviceInput): Promise<RemoveAnswer> {
    checkArguments('removeDevice', input);
    return this.change(input, (account, context) => decideRemove(account, input.deviceName, context));
  }

  async verifyDevice(input: VerifyDeviceInput): Promise<EnrolmentAnswer> {
    checkArguments('verifyDevice', input);
    const { userId, deviceName, totp } = input;
    return this.change(input, async (account, context) => {
      const candidates = enrolmentCandidates(account, deviceName, context);
      const comparisons = await this.secrets.compare(userId, candidates, totp, context.now);
      return decideEnrolment(account, deviceName, comparisons, context);
    });
  }

  async verifyTOTP(input: VerifyTOTPInput): Promise<SignInAnswer> {
    checkArguments('verifyTOTP', input);
    return this.change(input, async (account, context) => {
      const candidates = signInCandidates(account, context.now);
      const comparisons = await this.secrets.compare(input.userId, candidates, input.totp, context.now);
      return decideSignIn(account, comparisons, context);
    });
  }

  async importDevice(input: ImportDeviceInput): Promise<ImportDeviceAnswer> {
    checkArguments('importDevice', input);
    const incoming = await this.incomingDevice(input);
    return this.accounts.update(changeOf(input, incoming.now), (account) => this.decideImport(account, incoming));
  }

  async importDevices(input: ImportDevicesInput): Promise<ImportDevicesAnswer> {
    checkArguments('importDevices', input);
    const { devices, dryRun = false } = input;
    const incoming: IncomingDevice[] = [];
    for (const device of devices) incoming.push(await this.incomingDevice(device));
    const userIds = devices.map(({ userId }) => userId);
    return this.accounts.updateAll(userIds, dryRun ? 'dry-run' : 'commit', async (batch) => {
      const answers: ImportDeviceAnswer[] = [];
      for (const device of incoming) {
        const change = changeOf(device.input, device.now);
        answers.push(await batch.decide(change, (account) => this.decideImport(account, device)));
      }
      return { status: 'OK', answers };
    });
  }

  async unlockUser(input: CallContext): Promise<UnlockAnswer> {
    checkArguments('unlockUser', input);
    return this.accounts.update(changeOf(input, this.now()), unlock);
  }

  async removeUser(input: CallContext): Promise<ErasureAnswer> {
    checkArguments('removeUser', input);
    return this.accounts.updateDamaged(changeOf(input, this.now()), decideErasure);
  }

  async listDevices(input: CallContext): Promise<ListDevicesAnswer> {
    checkArguments('listDevices', input);
    const context = this.context();
    const loaded = await this.store.load(input.userId);
    return { status: 'OK', devices: summariesOf(loaded?.account ?? null, context) };
  }

  async getStatus(input: CallContext): Promise<StatusAnswer> {
    checkArguments('getStatus', input);
    const context = this.context();
    const loaded = await this.store.load(input.userId);
    return { status: 'OK', ...statusOf(input.userId, loaded?.account ?? null, context) };
  }

  async getStatuses(input: GetStatusesInput): Promise<StatusesAnswer> {
    checkArguments('getStatuses', input);
    const context = this.context();
    const accounts = await this.store.loadMany(input.userIds);
    const users = input.userIds.map((userId) => statusOf(userId, accounts.get(userId) ?? null, context));
    return { status: 'OK', users };
  }

  /**
   * The QR code of a key URI, as an SVG data URL for an `<img>`. It contains the secret.
   *
   * @returns undefined when the key URI is longer than a QR code holds
   */
  async qrCodeImage(keyUri: string): Promise<string | undefined> {
    checkArgument('keyUri', keyUri, isLabel);
    return qrCodeImage(keyUri);
  }

  /**
   * Refuses a session that must complete TOTP before it may change devices. The rules make the same decision with the
   * change itself: this is for callers that need to know it before they do anything else.
   *
   * @throws TotpStepUpRequiredError
   */
  async requireStepUp(input: StepUpInput): Promise<void> {
    checkArguments('requireStepUp', input);
    const { userId, session, change } = input;
    const context = { ...this.context(), session };
    if (completedLately(session.completedAt, context.now, context.policy.stepUpMaxAgeMs)) return;
    const loaded = await this.store.load(userId);
    if (needsStepUp(loaded?.account ?? null, change, context)) throw stepUpRequired();
  }

  /** Makes a change that a session may ask for. @throws TotpStepUpRequiredError when the session must complete TOTP first */
  private async change<Answer extends { readonly status: string }>(
    input: OnBehalfOf,
    rule: (
      account: Account | null,
      context: DeviceChangeContext,
    ) => Decision<Answer | StepUpRequired> | Promise<Decision<Answer | StepUpRequired>>,
  ): Promise<Answer> {
    const context = { ...this.context(), session: input.session };
    const answer = await this.accounts.update(changeOf(input, context.now), (account) => rule(account, context));
    if (isRefusal(answer)) throw stepUpRequired();
    return answer;
  }

  private context(): DecisionContext {
    return { now: this.now(), policy: this.config.policy };
  }

  /** Read once per call; in whole milliseconds, as times are stored. */
  private now(): number {
    const now = Math.floor(this.clock.now());
    if (Number.isSafeInteger(now) && now >= 0) return now;
    throw new TotpConfigurationError('TotpClock.now() must return the time in epoch milliseconds, as Date.now() does.');
  }

  private deviceSettings(input: Partial<DeviceSettings>): DeviceSettings {
    const { period, skew, algorithm, digits } = input;
    return {
      period: period ?? this.config.defaultPeriod,
      skew: skew ?? this.config.defaultSkew,
      algorithm: algorithm ?? this.config.algorithm,
      digits: digits ?? this.config.digits,
    };
  }

  private async incomingDevice(input: ImportDeviceInput): Promise<IncomingDevice> {
    const sealed = await this.secrets.seal(input.userId, decodeSecret(input.secretKey), this.deviceSettings(input));
    return { ...sealed, input, now: this.now() };
  }

  private async decideImport(
    account: Account | null,
    { input, secret, device, now }: IncomingDevice,
  ): Promise<Decision<ImportDeviceAnswer>> {
    const context = { now, policy: this.config.policy };
    const existing = account === null ? [] : liveDevices(account, now, this.config.policy);
    // Unverified devices too: otherwise one code could verify such a device and sign in with the imported one.
    const duplicate = await this.secrets.findDuplicate(input.userId, existing, { secret, algorithm: device.algorithm });
    return decideImport(account, input.deviceName, { ...device, createdAt: now }, duplicate, context);
  }
}

function changeOf({ userId, tenantId, session }: OnBehalfOf, now: number): Change {
  return { userId, tenantId, session, now };
}

function isRefusal(answer: { readonly status: string }): answer is StepUpRequired {
  return answer.status === 'STEP_UP_REQUIRED';
}

function stepUpRequired(): TotpStepUpRequiredError {
  return new TotpStepUpRequiredError('The session must complete TOTP before it may change devices');
}
