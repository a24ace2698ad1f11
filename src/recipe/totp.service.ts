/** The recipe as a provider: each function loads the account, lets the rules of `accounts/` decide, and commits. */
import { Inject, Injectable } from '@nestjs/common';
import { type Account, liveDevices } from '../accounts/account.js';
import type { Decision } from '../accounts/decision.js';
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
import { completedLately, needsStepUp } from '../accounts/step-up.js';
import type { ForgetAnswer, TrustAnswer } from '../accounts/trust.js';
import {
  decideEnrolment,
  decideSignIn,
  enrolmentCandidates,
  type EnrolmentAnswer,
  signInCandidates,
} from '../accounts/verification.js';
import { qrCodeImage } from '../otp/qr-code.js';
import type * as Answers from './answers.js';
import { checkArgument, checkArguments, decodeSecret, isLabel } from './arguments.js';
import { BrowserFunctions } from './browser-functions.js';
import { actingSession, completing, tenantIdOf } from './caller.js';
import { issuerOf, TOTP_OPTIONS, type TotpConfig } from './config.js';
import { DeviceSecrets, type DeviceSettings, type SealedDevice } from './device-secrets.js';
import { deviceIdOf } from './idempotency.js';
import type * as Inputs from './inputs.js';
import { replaceFunctions } from './override.js';
import type { RecipeInterface } from './recipe-interface.js';
import { RecoveryFunctions } from './recovery-functions.js';
import { changeOf, RuleRunner, stepUpRequired } from './rule-runner.js';
import { shownSecret } from './shown-secret.js';
import { checkUserIdentifierInfo, TotpUserDirectory, type UserIdentifierInfoAnswer } from './user-directory.js';

/** A device to import, with its secret already sealed. */
interface IncomingDevice extends SealedDevice {
  readonly input: Inputs.ImportDeviceInput;
  readonly now: number;
}

/** What each function does, takes and returns is documented on `RecipeInterface`. */
@Injectable()
export class TotpService implements RecipeInterface {
  constructor(
    @Inject(TOTP_OPTIONS) protected readonly config: TotpConfig,
    @Inject(RuleRunner) protected readonly rules: RuleRunner,
    @Inject(DeviceSecrets) protected readonly secrets: DeviceSecrets,
    @Inject(TotpUserDirectory) protected readonly directory: TotpUserDirectory,
    @Inject(RecoveryFunctions) protected readonly recovery: RecoveryFunctions,
    @Inject(BrowserFunctions) protected readonly browsers: BrowserFunctions,
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
      createRecoveryCodes: this.createRecoveryCodes.bind(this),
      getRecoveryCodes: this.getRecoveryCodes.bind(this),
      verifyRecoveryCode: this.verifyRecoveryCode.bind(this),
      importRecoveryCodes: this.importRecoveryCodes.bind(this),
      createTemporaryCode: this.createTemporaryCode.bind(this),
      verifyTrustedBrowser: this.verifyTrustedBrowser.bind(this),
      listTrustedBrowsers: this.listTrustedBrowsers.bind(this),
      forgetTrustedBrowsers: this.forgetTrustedBrowsers.bind(this),
    };
    replaceFunctions(this, original, config.functions, 'override.functions');
    const now = () => rules.now();
    this.verifyTOTP = completing(this.verifyTOTP.bind(this), ({ status }) => status === 'OK', now);
    this.verifyDevice = completing(this.verifyDevice.bind(this), isFirstVerification, now);
    this.verifyRecoveryCode = completing(this.verifyRecoveryCode.bind(this), ({ status }) => status === 'OK', now);
  }

  async getUserIdentifierInfoForUserId(input: Inputs.CallContext): Promise<UserIdentifierInfoAnswer> {
    checkArguments('getUserIdentifierInfoForUserId', input);
    const { userId, userContext = {} } = input;
    return this.directory.getUserIdentifierInfo({ userId, userContext });
  }

  async createDevice(input: Inputs.CreateDeviceInput): Promise<Answers.CreateDeviceAnswer> {
    checkArguments('createDevice', input);
    const settings = this.deviceSettings(input);
    // Before anything is stored: an application's own function may fail.
    const issuer = issuerOf(this.config, tenantIdOf(input));
    let account = input.userIdentifierInfo;
    if (account === undefined) {
      const known = checkUserIdentifierInfo(await this.getUserIdentifierInfoForUserId(input));
      if (known.status === 'UNKNOWN_USER_ID_ERROR') return { status: 'UNKNOWN_USER_ID_ERROR' };
      if (known.status === 'OK') account = known.info;
    }

    const { userId, idempotencyKey: key } = input;
    const id = key === undefined ? undefined : deviceIdOf(userId, (await actingSession(input))?.handle, key);
    const { secret, device } = await this.secrets.create(userId, settings, id);
    const answer = await this.rules.change(input, (loaded, context) =>
      decideCreate(loaded, input.deviceName, { ...device, createdAt: context.now }, context),
    );
    if (answer.status === 'OK') {
      return { ...answer, ...shownSecret(this.config, { ...settings, issuer, account }, answer.deviceName, secret) };
    }
    if (answer.status !== 'SAME_CREATION') return answer;
    const { name: deviceName, ...same } = answer.device;
    const earlier = await this.secrets.open(userId, answer.device);
    return { status: 'OK', deviceName, ...shownSecret(this.config, { ...same, issuer, account }, deviceName, earlier) };
  }

  async updateDevice(input: Inputs.UpdateDeviceInput): Promise<RenameAnswer> {
    checkArguments('updateDevice', input);
    const { existingDeviceName, newDeviceName } = input;
    return this.rules.change(input, (account, context) =>
      decideRename(account, existingDeviceName, newDeviceName, context),
    );
  }

  async removeDevice(input: Inputs.RemoveDeviceInput): Promise<RemoveAnswer> {
    checkArguments('removeDevice', input);
    return this.rules.change(input, (account, context) => decideRemove(account, input.deviceName, context));
  }

  async verifyDevice(input: Inputs.VerifyDeviceInput): Promise<EnrolmentAnswer> {
    checkArguments('verifyDevice', input);
    const { userId, deviceName, totp } = input;
    return this.rules.change(input, async (account, context) => {
      const candidates = enrolmentCandidates(account, deviceName, context);
      const comparisons = await this.secrets.compare(userId, candidates, totp, context.now);
      return decideEnrolment(account, deviceName, comparisons, context);
    });
  }

  async verifyTOTP(input: Inputs.VerifyTOTPInput): Promise<Answers.VerifyTOTPAnswer> {
    checkArguments('verifyTOTP', input);
    const { reportReplay, trustBrowser } = input;
    const browser = this.browsers.newBrowser(trustBrowser);
    const answer = await this.rules.change(input, async (account, context) => {
      const candidates = signInCandidates(account, context.now);
      const comparisons = await this.secrets.compare(input.userId, candidates, input.totp, context.now);
      return decideSignIn(account, comparisons, context, { browser: browser?.record, reportReplay });
    });
    return answer.status === 'OK' ? { ...answer, ...browser?.answer } : answer;
  }

  createRecoveryCodes(input: Inputs.OnBehalfOf & Inputs.OperatorContext): Promise<Answers.CreateRecoveryCodesAnswer> {
    return this.recovery.createRecoveryCodes(input);
  }

  getRecoveryCodes(input: Inputs.CallContext): Promise<Answers.RecoveryCodesAnswer> {
    return this.recovery.getRecoveryCodes(input);
  }

  verifyRecoveryCode(input: Inputs.VerifyRecoveryCodeInput): Promise<Answers.VerifyRecoveryCodeAnswer> {
    return this.recovery.verifyRecoveryCode(input);
  }

  importRecoveryCodes(input: Inputs.ImportRecoveryCodesInput): Promise<Answers.ImportRecoveryCodesAnswer> {
    return this.recovery.importRecoveryCodes(input);
  }

  createTemporaryCode(input: Inputs.CreateTemporaryCodeInput): Promise<Answers.CreateTemporaryCodeAnswer> {
    return this.recovery.createTemporaryCode(input);
  }

  verifyTrustedBrowser(input: Inputs.VerifyTrustedBrowserInput): Promise<TrustAnswer> {
    return this.browsers.verifyTrustedBrowser(input);
  }

  listTrustedBrowsers(input: Inputs.CallContext): Promise<Answers.TrustedBrowsersAnswer> {
    return this.browsers.listTrustedBrowsers(input);
  }

  forgetTrustedBrowsers(input: Inputs.ForgetTrustedBrowsersInput): Promise<ForgetAnswer> {
    return this.browsers.forgetTrustedBrowsers(input);
  }

  async importDevice(input: Inputs.ImportDeviceInput): Promise<Answers.ImportDeviceAnswer> {
    checkArguments('importDevice', input);
    const incoming = await this.incomingDevice(input);
    return this.rules.accounts.update(changeOf(input, incoming.now), (account) => this.decideImport(account, incoming));
  }

  async importDevices(input: Inputs.ImportDevicesInput): Promise<Answers.ImportDevicesAnswer> {
    checkArguments('importDevices', input);
    const { devices, dryRun = false } = input;
    const incoming: IncomingDevice[] = [];
    for (const device of devices) incoming.push(await this.incomingDevice(device));
    const userIds = devices.map(({ userId }) => userId);
    return this.rules.accounts.updateAll(userIds, dryRun ? 'dry-run' : 'commit', async (batch) => {
      const answers: Answers.ImportDeviceAnswer[] = [];
      for (const device of incoming) {
        const change = changeOf(device.input, device.now);
        answers.push(await batch.decide(change, (account) => this.decideImport(account, device)));
      }
      return { status: 'OK', answers };
    });
  }

  async unlockUser(input: Inputs.OperatorContext): Promise<UnlockAnswer> {
    checkArguments('unlockUser', input);
    return this.rules.accounts.update(changeOf(input, this.rules.now()), unlock);
  }

  async removeUser(input: Inputs.OperatorContext): Promise<ErasureAnswer> {
    checkArguments('removeUser', input);
    return this.rules.accounts.updateDamaged(changeOf(input, this.rules.now()), decideErasure);
  }

  async listDevices(input: Inputs.CallContext): Promise<Answers.ListDevicesAnswer> {
    checkArguments('listDevices', input);
    const account = await this.rules.load(input.userId);
    return { status: 'OK', devices: summariesOf(account, this.rules.context()) };
  }

  async getStatus(input: Inputs.CallContext): Promise<Answers.StatusAnswer> {
    checkArguments('getStatus', input);
    const account = await this.rules.load(input.userId);
    return { status: 'OK', ...statusOf(input.userId, account, this.rules.context()) };
  }

  async getStatuses(input: Inputs.GetStatusesInput): Promise<Answers.StatusesAnswer> {
    checkArguments('getStatuses', input);
    const context = this.rules.context();
    const accounts = await this.rules.store.loadMany(input.userIds);
    const users = input.userIds.map((userId) => statusOf(userId, accounts.get(userId) ?? null, context));
    return { status: 'OK', users };
  }

  /**
   * The QR code of a key URI, as an SVG data URL for an `<img>`, as large as the option `qrCodeWidth` says. It contains the secret.
   *
   * @returns undefined when the key URI is longer than a QR code holds
   */
  async qrCodeImage(keyUri: string): Promise<string | undefined> {
    checkArgument('keyUri', keyUri, isLabel);
    return qrCodeImage(keyUri, this.config.qrCodeWidth);
  }

  /**
   * Refuses a session that must complete TOTP before it may change devices. The rules make the same decision with the
   * change itself: this is for callers that need to know it before they do anything else.
   *
   * @throws TotpStepUpRequiredError
   */
  async requireStepUp(input: Inputs.StepUpInput): Promise<void> {
    checkArguments('requireStepUp', input);
    const { userId, change } = input;
    const session = await actingSession(input);
    const context = { ...this.rules.context(), session };
    if (completedLately(session?.completedAt, context.now, context.policy.stepUpMaxAgeMs)) return;
    if (needsStepUp(await this.rules.load(userId), change, context)) throw stepUpRequired();
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

  private async incomingDevice(input: Inputs.ImportDeviceInput): Promise<IncomingDevice> {
    const sealed = await this.secrets.seal(input.userId, decodeSecret(input.secretKey), this.deviceSettings(input));
    return { ...sealed, input, now: this.rules.now() };
  }

  private async decideImport(
    account: Account | null,
    { input, secret, device, now }: IncomingDevice,
  ): Promise<Decision<Answers.ImportDeviceAnswer>> {
    const context = { now, policy: this.config.policy };
    const existing = account === null ? [] : liveDevices(account, now, this.config.policy);
    // Unverified devices too: otherwise one code could verify such a device and sign in with the imported one.
    const duplicate = await this.secrets.findDuplicate(input.userId, existing, { secret, algorithm: device.algorithm });
    return decideImport(account, input.deviceName, { ...device, createdAt: now }, duplicate, context);
  }
}

/** Verifying a device again checks no code, so it completes no session. */
function isFirstVerification(answer: EnrolmentAnswer): boolean {
  return answer.status === 'OK' && !answer.wasAlreadyVerified;
}
