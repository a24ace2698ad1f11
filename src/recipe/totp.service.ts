import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Account, type Device, hasVerifiedDevice, liveDevices, userIdProblem } from '../accounts/account.js';
import type { Decision } from '../accounts/decision.js';
import {
  decideCreate,
  decideImport,
  decideRemove,
  decideRename,
  deviceNameProblem,
  type RemoveAnswer,
  type RenameAnswer,
} from '../accounts/enrolment.js';
import { failuresLeft, isLocked, unlock } from '../accounts/lockout.js';
import { completedLately, type DeviceChange, needsStepUp } from '../accounts/step-up.js';
import {
  type Comparison,
  decideEnrolment,
  decideSignIn,
  enrolmentCandidates,
  type EnrolmentAnswer,
  type SignInAnswer,
  signInCandidates,
} from '../accounts/verification.js';
import { type AnyTotpEvent, toEvent } from '../events/catalogue.js';
import { TotpEventPublisher } from '../events/publisher.js';
import { keyUri } from '../otp/key-uri.js';
import { qrCodeImage } from '../otp/qr-code.js';
import { fromBase32, MAX_SECRET_BYTES, MIN_SECRET_BYTES, toBase32 } from '../otp/secret.js';
import { type AccountChange, TotpAccountStore } from '../storage/account-store.js';
import { TotpClock } from '../shared/clock.js';
import { TotpUserDirectory, type UserIdentifierInfoAnswer } from './user-directory.js';
import {
  TotpArgumentError,
  TotpConfigurationError,
  TotpStepUpRequiredError,
  TotpStorageError,
} from '../shared/errors.js';
import { FailSafeTotpMetrics, NoTotpMetrics, TotpMetrics } from '../metrics/metrics.js';
import { ALGORITHMS, DIGITS, PERIOD_RANGE, SKEW_RANGE } from '../otp/settings.js';
import { TOTP_OPTIONS, type TotpConfig } from './config.js';
import { DeviceSecrets, type DeviceSettings, type SealedDevice } from './device-secrets.js';
import { replaceFunctions } from './override.js';
import { BACKGROUND_STATEMENTS, Semaphore } from '../shared/semaphore.js';
import { delay } from '../shared/timers.js';
import { logError } from '../shared/log-error.js';
import { KeyedMutex } from '../shared/keyed-mutex.js';
import type {
  ActingSession,
  CallContext,
  CreateDeviceAnswer,
  CreateDeviceInput,
  DeviceSummary,
  ImportDeviceAnswer,
  ImportDeviceInput,
  ImportDevicesAnswer,
  ImportDevicesInput,
  ListDevicesAnswer,
  OnBehalfOf,
  RecipeInterface,
  RemoveDeviceInput,
  UpdateDeviceInput,
  UserStatus,
  VerifyDeviceInput,
  VerifyTOTPInput,
} from './recipe-interface.js';

/** Each lost race means that a call of another process got through. */
const MAX_ATTEMPTS = 100;
/** Lost races after which a call decides again at once; then it waits a moment, by chance, so that callers spread out. */
const AT_ONCE = 3;
const MAX_STATUSES = 500;
const MAX_IMPORTS = 1_000;

/** What is to be committed, before the answer may leave the process. */
interface Outcome<Answer> {
  readonly answer: Answer;
  readonly changes: readonly AccountChange[];
  readonly events: readonly AnyTotpEvent[];
}

/** A device that is to be imported, with its secret sealed already. */
interface IncomingDevice extends SealedDevice {
  readonly input: ImportDeviceInput;
  readonly now: number;
}

/**
 * The recipe: every function loads the user's account, lets the rules of `accounts/` decide, commits what they decided only
 * if the account is still the one that was loaded, and then publishes the events.
 *
 * All functions throw `TotpArgumentError` for input that cannot be, `TotpStorageError` when the database fails and
 * `TotpSecretError` when a secret does not open; then nothing was accepted, refused or counted.
 */
@Injectable()
export class TotpService implements RecipeInterface {
  private readonly logger = new Logger('TotpModule');
  /**
   * The calls of one user go one after the other. Side by side they would only make one another decide again, and one user under
   * attack would hold every connection of the pool. Between processes the commit's condition decides.
   */
  private readonly mutex = new KeyedMutex();
  private readonly background = new Semaphore(BACKGROUND_STATEMENTS);
  protected readonly metrics: TotpMetrics;

  constructor(
    @Inject(TOTP_OPTIONS) protected readonly config: TotpConfig,
    @Inject(TotpAccountStore) protected readonly store: TotpAccountStore,
    @Inject(DeviceSecrets) protected readonly secrets: DeviceSecrets,
    @Inject(TotpClock) protected readonly clock: TotpClock,
    @Inject(TotpUserDirectory) protected readonly directory: TotpUserDirectory,
    @Inject(TotpEventPublisher) protected readonly publisher: TotpEventPublisher,
    @Inject(TotpMetrics) metrics: TotpMetrics = new NoTotpMetrics(),
  ) {
    this.metrics = new FailSafeTotpMetrics(metrics);
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

  /** By what name the user knows the account: asks `TotpUserDirectory`. */
  getUserIdentifierInfoForUserId({ userId, userContext = {} }: CallContext): Promise<UserIdentifierInfoAnswer> {
    return this.directory.getUserIdentifierInfo({ userId, userContext });
  }

  /**
   * Makes a device with a new secret, to be verified by a first code. It expires if that does not come in time.
   *
   * @example
   * const made = await totp.createDevice({ userId: user.id, userIdentifierInfo: user.email });
   * if (made.status === 'OK') show(made.qrCodeString);
   * @returns `OK` with the secret and the key URI, which are shown this once; `DEVICE_ALREADY_EXISTS_ERROR` when a verified
   *   device has the name; `DEVICE_LIMIT_REACHED_ERROR`; `UNKNOWN_USER_ID_ERROR` when the user directory says so
   * @throws TotpStepUpRequiredError see `OnBehalfOf.session`
   */
  async createDevice(input: CreateDeviceInput): Promise<CreateDeviceAnswer> {
    const { userId, deviceName } = input;
    if (deviceName !== undefined) checkDeviceName(deviceName);
    const settings = this.deviceSettings(input);

    let account = input.userIdentifierInfo;
    if (account === undefined) {
      const known = await this.getUserIdentifierInfoForUserId(input);
      if (known.status === 'UNKNOWN_USER_ID_ERROR') return { status: 'UNKNOWN_USER_ID_ERROR' };
      if (known.status === 'OK') account = known.info;
    }

    checkUserId(userId);
    const { secret, device } = await this.secrets.create(userId, settings);
    const now = this.now();
    const answer = await this.change(input, now, (loaded) => {
      this.refuseWithoutStepUp(loaded, { kind: 'create' }, input, now);
      return decideCreate(loaded, deviceName, { ...device, createdAt: now }, now, this.config.policy);
    });
    if (answer.status !== 'OK') return answer;

    const base32 = toBase32(secret);
    return {
      ...answer,
      secret: base32,
      qrCodeString: keyUri({ ...settings, issuer: this.config.issuer, account, secret: base32 }),
    };
  }

  /**
   * Makes a verified device of a secret that the user's authenticator app already has.
   *
   * @returns `OK`; `DEVICE_ALREADY_EXISTS_ERROR` when a verified device has the name; `SECRET_ALREADY_EXISTS_ERROR` when one has
   *   the secret; `UNREADABLE_DEVICE_ERROR` when one does not open and might have it; `DEVICE_LIMIT_REACHED_ERROR`
   * @throws TotpArgumentError when the secret is not Base32 of 16 to 64 bytes (RFC 4226 R6)
   */
  async importDevice(input: ImportDeviceInput): Promise<ImportDeviceAnswer> {
    const incoming = await this.incomingDevice(input);
    return this.change(input, incoming.now, (loaded) => this.decideImport(loaded, incoming));
  }

  /**
   * Imports devices of many users: those that can be are imported together, in one transaction, and the answers tell of the others.
   * When the database fails, none is imported. The same devices once more answer `SECRET_ALREADY_EXISTS_ERROR` and change nothing.
   *
   * @returns `OK`, and for each device what `importDevice` would answer
   * @throws TotpArgumentError when one of them cannot be, before anything is imported
   */
  async importDevices({ devices, dryRun = false }: ImportDevicesInput): Promise<ImportDevicesAnswer> {
    if (devices.length > MAX_IMPORTS) {
      throw new TotpArgumentError(`devices has ${String(devices.length)} entries: import at most 1,000 at a time`);
    }
    const incoming: IncomingDevice[] = [];
    for (const device of devices) incoming.push(await this.incomingDevice(device));
    return this.decideUntilCommitted(async () => {
      const userIds = [...new Set(devices.map(({ userId }) => userId))];
      const loaded = new Map(
        await this.background.map(userIds, async (userId) => [userId, await this.load(userId)] as const),
      );
      const changes = new Map<string, AccountChange>();
      const events: AnyTotpEvent[] = [];
      const answers: ImportDeviceAnswer[] = [];
      for (const device of incoming) {
        const { userId } = device.input;
        const before = changes.get(userId) ?? loaded.get(userId);
        const decision = await this.decideImport(before?.account ?? null, device);
        answers.push(decision.answer);
        if (decision.account === null) continue;
        changes.set(userId, { userId, revision: before?.revision ?? null, account: decision.account });
        events.push(...eventsOf(decision, device.input, device.now));
      }
      const answer: ImportDevicesAnswer = { status: 'OK', answers };
      return dryRun ? { answer, changes: [], events: [] } : { answer, changes: [...changes.values()], events };
    });
  }

  /**
   * Gives a device another name.
   *
   * @returns `OK`; `UNKNOWN_DEVICE_ERROR`; `DEVICE_ALREADY_EXISTS_ERROR` when another device has the new name
   * @throws TotpStepUpRequiredError see `OnBehalfOf.session`
   */
  async updateDevice(input: UpdateDeviceInput): Promise<RenameAnswer> {
    checkDeviceName(input.newDeviceName);
    const now = this.now();
    return this.change(input, now, (loaded) => {
      this.refuseWithoutStepUp(loaded, { kind: 'rename' }, input, now);
      return decideRename(loaded, input.existingDeviceName, input.newDeviceName, now, this.config.policy);
    });
  }

  /** The user's devices, oldest first; empty for a user without any. */
  async listDevices({ userId }: CallContext): Promise<ListDevicesAnswer> {
    const now = this.now();
    const loaded = await this.load(userId);
    return { status: 'OK', devices: this.summaries(loaded?.account ?? null, now) };
  }

  /**
   * Removes a device. What the user has left of tries, and a lock, stay as they are.
   *
   * @returns `OK`, and whether there was such a device
   * @throws TotpStepUpRequiredError see `OnBehalfOf.session`
   */
  async removeDevice(input: RemoveDeviceInput): Promise<RemoveAnswer> {
    const now = this.now();
    return this.change(input, now, (loaded) => {
      this.refuseWithoutStepUp(loaded, { kind: 'remove', deviceName: input.deviceName }, input, now);
      return decideRemove(loaded, input.deviceName, now, this.config.policy);
    });
  }

  /**
   * Verifies a device by its first code, which is used up by it.
   *
   * @returns `OK`, and whether the device was verified already (then the code was not looked at); `UNKNOWN_DEVICE_ERROR`;
   *   `INVALID_TOTP_ERROR` with the failures so far; `LIMIT_REACHED_ERROR` with the wait
   * @throws TotpStepUpRequiredError see `OnBehalfOf.session`
   */
  async verifyDevice(input: VerifyDeviceInput): Promise<EnrolmentAnswer> {
    const { userId, deviceName, totp } = input;
    const { policy } = this.config;
    const now = this.now();
    return this.change(input, now, async (loaded) => {
      this.refuseWithoutStepUp(loaded, { kind: 'enrol', deviceName }, input, now);
      const candidates = enrolmentCandidates(loaded, deviceName, now, policy);
      const comparisons = await this.compare(userId, candidates, totp, now);
      return decideEnrolment(loaded, deviceName, comparisons, now, policy);
    });
  }

  /**
   * Checks a code against all verified devices of the user.
   *
   * For any number of parallel calls in any number of processes, one code is accepted once, and no more wrong codes are
   * answered than the budget allows.
   *
   * @example
   * const answer = await totp.verifyTOTP({ userId: user.id, totp: body.totp });
   * if (answer.status === 'LIMIT_REACHED_ERROR') return tellToWait(answer.retryAfterMs);
   * @returns `OK`; `UNKNOWN_USER_ID_ERROR` when the user has no device; `INVALID_TOTP_ERROR` with the failures so far;
   *   `LIMIT_REACHED_ERROR` with the wait
   */
  async verifyTOTP(input: VerifyTOTPInput): Promise<SignInAnswer> {
    const now = this.now();
    return this.change(input, now, async (loaded) => {
      const candidates = signInCandidates(loaded, now);
      const comparisons = await this.compare(input.userId, candidates, input.totp, now);
      return decideSignIn(loaded, comparisons, now, this.config.policy);
    });
  }

  /** Ends a lock, a hard one too, and gives the user all tries back. `wasLocked` tells whether the streak had a lock. */
  async unlockUser(input: CallContext): Promise<{ status: 'OK'; wasLocked: boolean }> {
    return this.change(input, this.now(), unlock);
  }

  /** How a user stands: devices, lock and tries left. */
  async getStatus({ userId }: CallContext): Promise<{ status: 'OK' } & UserStatus> {
    const now = this.now();
    const loaded = await this.load(userId);
    return { status: 'OK', ...this.statusOf(userId, loaded?.account ?? null, now) };
  }

  /**
   * How several users stand, in the order asked for.
   *
   * @param input.userIds at most 500
   */
  async getStatuses({
    userIds,
  }: {
    readonly userIds: readonly string[];
  }): Promise<{ status: 'OK'; users: UserStatus[] }> {
    if (userIds.length > MAX_STATUSES) {
      throw new TotpArgumentError(`userIds has ${String(userIds.length)} entries: ask for at most 500 users at a time`);
    }
    userIds.forEach(checkUserId);
    const now = this.now();
    const accounts = await this.store.loadMany(userIds);
    return {
      status: 'OK',
      users: userIds.map((userId) => this.statusOf(userId, accounts.get(userId) ?? null, now)),
    };
  }

  /** Erases everything of a user: devices, secrets, failures and locks. Codes of a secret imported anew are new again. */
  async removeUser({ userId }: CallContext): Promise<{ status: 'OK'; didUserExist: boolean }> {
    checkUserId(userId);
    return { status: 'OK', didUserExist: await this.store.remove(userId) };
  }

  /**
   * The QR picture of a key URI, as an SVG data URL that an `<img>` shows. It contains the secret.
   *
   * @returns undefined when the key URI is longer than a QR code holds
   */
  qrCodeImage(keyUri: string): Promise<string | undefined> {
    return qrCodeImage(keyUri);
  }

  /**
   * Refuses a session that may not change devices now. The functions that change devices check the same again, together
   * with the change; this is for whoever wants to know before doing anything else.
   *
   * @throws TotpStepUpRequiredError
   */
  async requireStepUp(input: { userId: string; session: ActingSession; change: DeviceChange }): Promise<void> {
    const now = this.now();
    if (completedLately(input.session.completedAt, now, this.config.policy.stepUpMaxAgeMs)) return;
    const loaded = await this.load(input.userId);
    this.refuseWithoutStepUp(loaded?.account ?? null, input.change, input, now);
  }

  /**
   * Load, decide, commit, publish. When somebody else committed in between, the decision is made again: no answer leaves
   * before the account that it rests on has been found unchanged.
   */
  private change<Answer>(
    input: OnBehalfOf,
    now: number,
    decide: (loaded: Account | null) => Decision<Answer> | Promise<Decision<Answer>>,
  ): Promise<Answer> {
    return this.mutex.runExclusive(input.userId, () => this.changeInTurn(input, now, decide));
  }

  private changeInTurn<Answer>(
    input: OnBehalfOf,
    now: number,
    decide: (loaded: Account | null) => Decision<Answer> | Promise<Decision<Answer>>,
  ): Promise<Answer> {
    const { userId } = input;
    return this.decideUntilCommitted(async () => {
      const loaded = await this.load(userId);
      const decision = await decide(loaded?.account ?? null);
      const events = eventsOf(decision, input, now);
      // An event for the outbox goes there with a write of the account, as the order of events rests on it, even if nothing changes.
      const account = decision.account ?? (this.durable(events).length > 0 ? loaded?.account : undefined);
      const changes = account === undefined ? [] : [{ userId, revision: loaded?.revision ?? null, account }];
      return { answer: decision.answer, changes, events };
    });
  }

  private async decideUntilCommitted<Answer>(decide: () => Promise<Outcome<Answer>>): Promise<Answer> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const { answer, changes, events } = await decide();
      if (await this.commit(changes, this.durable(events))) {
        this.publish(events);
        return answer;
      }
      this.metrics.recordConflict();
      if (attempt > AT_ONCE) await delay(Math.random() * attempt);
    }
    throw new TotpStorageError('The account was changed by others each time it was to be committed. Try again later.');
  }

  private async commit(changes: readonly AccountChange[], events: readonly AnyTotpEvent[]): Promise<boolean> {
    const [first, ...others] = changes;
    if (first === undefined) return true;
    if (others.length > 0) return this.store.commitAll(changes, events);
    return this.store.commit(first.userId, first.revision, first.account, events);
  }

  /** Those that go into the outbox. */
  private durable(events: readonly AnyTotpEvent[]): readonly AnyTotpEvent[] {
    const { outbox, codeEvents } = this.config.events;
    return outbox ? events.filter(({ name }) => codeEvents || !name.startsWith('totp.code.')) : [];
  }

  /** The answer is decided and committed: whatever becomes of its events does not change it any more. */
  private publish(events: readonly AnyTotpEvent[]): void {
    if (events.length === 0) return;
    for (const { name } of events) this.metrics.recordEvent(name);
    const names = events.map(({ name }) => name).join(', ');
    new Promise((resolve) => {
      resolve(this.publisher.publish(events));
    }).catch((error: unknown) => {
      logError(this.logger, `TotpEventPublisher failed with ${names}`, error);
    });
  }

  /** Read once per call; in whole milliseconds, as times are stored. */
  private now(): number {
    const now = Math.floor(this.clock.now());
    if (Number.isSafeInteger(now) && now >= 0) return now;
    throw new TotpConfigurationError('TotpClock.now() must return the time in epoch milliseconds, as Date.now() does.');
  }

  private load(userId: string) {
    checkUserId(userId);
    return this.store.load(userId);
  }

  private compare(userId: string, candidates: readonly Device[], totp: string, now: number): Promise<Comparison[]> {
    if (typeof totp !== 'string') throw new TotpArgumentError('totp must be a string, such as "123456"');
    return this.secrets.compare(userId, candidates, totp, now);
  }

  private deviceSettings(input: Pick<ImportDeviceInput, keyof DeviceSettings>): DeviceSettings {
    return {
      period: inRange('period', input.period ?? this.config.defaultPeriod, PERIOD_RANGE),
      skew: inRange('skew', input.skew ?? this.config.defaultSkew, SKEW_RANGE),
      algorithm: oneOf('algorithm', input.algorithm ?? this.config.algorithm, ALGORITHMS),
      digits: oneOf('digits', input.digits ?? this.config.digits, DIGITS),
    };
  }

  private async incomingDevice(input: ImportDeviceInput): Promise<IncomingDevice> {
    const { userId, deviceName, secretKey } = input;
    if (deviceName !== undefined) checkDeviceName(deviceName);
    const secret = fromBase32(secretKey);
    if (secret === undefined || secret.length < MIN_SECRET_BYTES || secret.length > MAX_SECRET_BYTES) {
      throw new TotpArgumentError('secretKey must be Base32 of 16 to 64 bytes, such as 32 letters from A–Z and 2–7');
    }
    const settings = this.deviceSettings(input);
    checkUserId(userId);
    const sealed = await this.secrets.seal(userId, secret, settings);
    return { input, ...sealed, now: this.now() };
  }

  private async decideImport(
    account: Account | null,
    { input, secret, device, now }: IncomingDevice,
  ): Promise<Decision<ImportDeviceAnswer>> {
    const verified = account?.devices.filter((existing) => existing.verified) ?? [];
    const twin = await this.secrets.findDuplicate(input.userId, verified, secret);
    return decideImport(account, input.deviceName, { ...device, createdAt: now }, twin, now, this.config.policy);
  }

  private refuseWithoutStepUp(
    account: Account | null,
    change: DeviceChange,
    input: Pick<OnBehalfOf, 'session'>,
    now: number,
  ): void {
    if (input.session && needsStepUp(account, change, input.session.completedAt, now, this.config.policy)) {
      throw new TotpStepUpRequiredError('The session must complete TOTP before it may change devices');
    }
  }

  private summaries(account: Account | null, now: number): DeviceSummary[] {
    if (account === null) return [];
    return liveDevices(account, now, this.config.policy).map(({ name, period, skew, verified }) => ({
      name,
      period,
      skew,
      verified,
    }));
  }

  private statusOf(userId: string, account: Account | null, now: number): UserStatus {
    const { policy } = this.config;
    if (account === null) {
      return { userId, devices: [], enrolled: false, lock: null, failures: 0, failuresLeft: policy.maxFailures };
    }
    const { budget } = account;
    return {
      userId,
      devices: this.summaries(account, now),
      enrolled: hasVerifiedDevice(account),
      lock: isLocked(budget, now) ? budget.lock : null,
      failures: budget.failures,
      failuresLeft: failuresLeft(budget, now, policy),
    };
  }
}

/** The events of a decision, as others hear of them. */
function eventsOf(
  { events }: Decision<unknown>,
  { userId, tenantId = 'public', session }: OnBehalfOf,
  occurredAt: number,
): AnyTotpEvent[] {
  const origin = { occurredAt, userId, tenantId, sessionHandle: session?.handle };
  return events.map((event) => toEvent(event, origin));
}

function checkUserId(userId: string): void {
  if (typeof userId !== 'string' || userIdProblem(userId, 'userId') !== undefined) {
    throw new TotpArgumentError('userId must be valid text of 1 to 10,000 characters: write String(user.id)');
  }
}

function checkDeviceName(name: string): void {
  const problem = deviceNameProblem(name);
  if (problem !== undefined) throw new TotpArgumentError(problem);
}

function oneOf<T>(name: string, value: T, choices: readonly T[]): T {
  if (!choices.includes(value)) throw new TotpArgumentError(`${name} must be one of ${choices.join(', ')}`);
  return value;
}

function inRange(name: string, value: number, [least, most]: readonly [number, number]): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new TotpArgumentError(`${name} must be a whole number from ${String(least)} to ${String(most)}`);
  }
  return value;
}
