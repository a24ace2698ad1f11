/** Makes the steps of one execution of the model with the code, and compares what both do. */
import { type TotpAccountStore, type TotpService, TotpStorageError, type TypeOrmTotpOutbox } from 'nestjs-totp';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';
import type { DataSource } from 'typeorm';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { type FaultyConnection, isNotSent, losesItsReply, type Meet } from '../faults/faulty-connection.js';
import { recipeOver } from '../support/recipe.js';

const STEP = 30_000;
/** Time 0 of the model. */
const START = Date.UTC(2026, 0, 1, 12);
const secrets = ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'];
const recoveryCodes = ['aBcDeFgHiJkLmNoPqRsT', 'bCdEfGhIjKlMnOpQrStU'];
const wrong = '000000';

/** The settings of the model. */
const SETTINGS = {
  lockout: { maxFailures: 2, cooldown: 60, multiplier: 2, maxCooldown: 120, hardLimit: 5 },
  trustedBrowsers: { max: 1 },
  events: { outbox: true, codeEvents: true },
} as const;

/** In the order of the bits by which the model names the events of a change. */
const EVENTS = [
  'totp.device.created',
  'totp.code.accepted',
  'totp.recovery-code.used',
  'totp.code.replayed',
  'totp.code.rejected',
  'totp.recovery-code.rejected',
  'totp.device.removed',
  'totp.user.removed',
  'totp.user.locked',
  'totp.user.unlocked',
  'totp.browser.forgotten',
  'totp.browser.trusted',
] as const;

/** The account as the model prints it after each change. */
interface Row {
  readonly phone: number;
  readonly phoneUntil: number;
  readonly tabletUntil: number;
  readonly removedUntil: number;
  readonly failures: number;
  readonly lockNumber: number;
  readonly lockedUntil: number;
  readonly codes: number;
  readonly browsers: number;
}

interface Request {
  readonly kind: string;
  readonly device: number;
  readonly number: number;
}

/** One line of the model. */
export type Step =
  | { readonly step: 'beginning'; readonly failures: number }
  | ({ readonly step: 'request'; readonly call: number } & Request)
  | { readonly step: 'time'; readonly now: number }
  | { readonly step: 'begins'; readonly call: number; readonly at: number }
  | {
      readonly step: 'loads' | 'commits' | 'conflicts' | 'loses_reply' | 'is_not_sent' | 'rereads' | 'dies';
      readonly call: number;
    }
  | ({ readonly step: 'row'; readonly call: number } & Row)
  | { readonly step: 'stores'; readonly call: number; readonly events: number }
  | { readonly step: 'answers'; readonly call: number; readonly status: string; readonly detail: number };

interface Answer {
  readonly status: string;
  readonly detail: number;
}

type Stop = 'load' | 'commit' | Answer;

/** A call in a process of its own, which stops before each load and each commit. */
class SteppedCall {
  readonly totp: TotpService;
  /** Where it stands. */
  at: Stop = 'load';
  private stop: (at: Stop) => void = () => undefined;
  private proceed: () => void = () => undefined;

  constructor(
    readonly request: Request,
    { dataSource, outbox }: Site,
    clock: TestTotpClock,
  ) {
    this.totp = recipeOver({ ...SETTINGS, store: new SteppedStore(dataSource, outbox, this), clock }).totp;
  }

  /** Runs until the first stop. */
  async begin(work: () => Promise<Answer>): Promise<void> {
    const stopped = this.nextStop();
    work().then(
      (answer) => {
        this.stop(answer);
      },
      (error: unknown) => {
        this.stop({ status: error instanceof TotpStorageError ? 'STORAGE_ERROR' : String(error), detail: 0 });
      },
    );
    this.at = await stopped;
  }

  /** Runs until the next stop. */
  async go(): Promise<void> {
    const stopped = this.nextStop();
    this.proceed();
    this.at = await stopped;
  }

  /** @internal */
  pause(at: 'load' | 'commit'): Promise<void> {
    const passed = new Promise<void>((resolve) => (this.proceed = resolve));
    this.stop(at);
    return passed;
  }

  private nextStop(): Promise<Stop> {
    return new Promise((resolve) => (this.stop = resolve));
  }
}

/** The module's own store, which stops its call. */
class SteppedStore extends TypeOrmTotpAccountStore {
  constructor(
    dataSource: DataSource,
    outbox: TypeOrmTotpOutbox,
    private readonly call: SteppedCall,
  ) {
    super(dataSource, outbox);
  }

  override async load(userId: string) {
    await this.call.pause('load');
    return super.load(userId);
  }

  override async commit(...change: Parameters<TypeOrmTotpAccountStore['commit']>) {
    await this.call.pause('commit');
    return super.commit(...change);
  }
}

export interface Site {
  readonly dataSource: DataSource;
  readonly outbox: TypeOrmTotpOutbox;
  readonly store: TotpAccountStore;
  readonly connection: FaultyConnection;
  /** The names of the user's events in the outbox, in their order. */
  readonly storedEvents: (userId: string) => Promise<string[]>;
}

/** Makes each step in turn; the tests fail at the first that differs. */
export class Replay {
  private readonly clock = new TestTotpClock(START);
  private readonly calls = new Map<number, SteppedCall>();
  private readonly expectedEvents: string[] = [];
  private trustToken = '';

  constructor(
    private readonly site: Site,
    private readonly userId: string,
  ) {}

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.make(step);
    expect(await this.site.storedEvents(this.userId)).toEqual(this.expectedEvents);
  }

  private async make(step: Step): Promise<void> {
    switch (step.step) {
      case 'beginning':
        return this.enrol(step.failures);
      case 'request':
        this.calls.set(step.call, new SteppedCall(step, this.site, this.clock));
        return;
      case 'time':
        return;
      case 'begins': {
        const call = this.callOf(step.call);
        this.clock.set(START + step.at * STEP);
        return call.begin(() => this.ask(call));
      }
      case 'rereads':
        // A transaction that was not even sent to its end need not be looked for.
        if (isFailed(this.callOf(step.call).at)) return;
        expect(this.callOf(step.call).at).toBe('load');
        return this.callOf(step.call).go();
      case 'loads':
        expect(this.callOf(step.call).at).toBe('load');
        return this.callOf(step.call).go();
      case 'commits':
        return this.commit(step.call);
      case 'conflicts':
        await this.commit(step.call);
        expect(this.callOf(step.call).at).toBe('load');
        return;
      case 'loses_reply':
        return this.commit(step.call, commitWithoutReply());
      case 'is_not_sent':
        return this.commit(step.call, firstNotSent());
      case 'dies':
        return;
      case 'row':
        expect(step).toEqual({ step: 'row', call: step.call, ...(await this.row()) });
        return;
      case 'stores':
        this.expectedEvents.push(...EVENTS.filter((_, bit) => step.events & (1 << bit)));
        return;
      case 'answers':
        expect(this.callOf(step.call).at).toEqual({ status: step.status, detail: step.detail });
    }
  }

  private callOf(id: number): SteppedCall {
    const call = this.calls.get(id);
    if (call === undefined) throw new Error(`There is no call ${String(id)}.`);
    return call;
  }

  /** @param fault meets the statements of the change */
  private async commit(id: number, fault?: Meet): Promise<void> {
    const call = this.callOf(id);
    expect(call.at).toBe('commit');
    const { connection } = this.site;
    if (fault !== undefined) connection.meetFault(1, Infinity, fault);
    await call.go();
    connection.meetNoFault();
  }

  /** The user of the model's beginning: the codes were used long before. */
  private async enrol(failures: number): Promise<void> {
    const { userId, clock } = this;
    const { totp } = recipeOver({ ...SETTINGS, store: this.site.store, clock });
    const earlier = START - 3_600_000;
    clock.set(earlier);
    for (const [n, deviceName] of ['phone', 'tablet'].entries()) {
      await totp.importDevice({ userId, deviceName, secretKey: secretOf(n) });
    }
    await totp.importRecoveryCodes({ userId, recoveryCodes });
    const signedIn = await totp.verifyTOTP({ userId, totp: totpCode(secretOf(0), earlier), trustBrowser: {} });
    this.trustToken = ('trustToken' in signedIn && signedIn.trustToken) || '';
    expect(this.trustToken).not.toBe('');
    clock.set(START + STEP);
    for (let n = 0; n < failures; n++) await totp.verifyTOTP({ userId, totp: wrong });
    this.expectedEvents.push(...(await this.site.storedEvents(userId)));
  }

  private async ask({ totp, request: { kind, device, number } }: SteppedCall): Promise<Answer> {
    const { userId } = this;
    const onBehalfOf = 'application';
    const code = totpCode(secretOf(device), START + number * STEP);
    switch (kind) {
      case 'code':
        return answerOf(await totp.verifyTOTP({ userId, totp: code }));
      case 'trusting_code':
        return answerOf(await totp.verifyTOTP({ userId, totp: code, trustBrowser: {} }));
      case 'wrong_code':
        return answerOf(await totp.verifyTOTP({ userId, totp: wrong }));
      case 'recovery_code':
        return answerOf(await totp.verifyRecoveryCode({ userId, recoveryCode: recoveryCodes[number] ?? '' }));
      case 'remove_phone':
        return answerOf(await totp.removeDevice({ userId, deviceName: 'phone', onBehalfOf }));
      case 'import_phone':
        return answerOf(await totp.importDevice({ userId, deviceName: 'phone', secretKey: secretOf(0) }));
      case 'unlock':
        return answerOf(await totp.unlockUser({ userId }));
      case 'erase':
        return answerOf(await totp.removeUser({ userId }));
      case 'check_browser':
        return answerOf(await totp.verifyTrustedBrowser({ userId, trustToken: this.trustToken }));
      case 'forget_browsers':
        return answerOf(await totp.forgetTrustedBrowsers({ userId, onBehalfOf }));
      default:
        throw new Error(`The model asks for "${kind}", which this does not know.`);
    }
  }

  private async row(): Promise<Row> {
    const account = (await this.site.store.load(this.userId))?.account;
    const device = (name: string) => account?.devices.find((one) => one.name === name);
    const lock = account?.budget.lock;
    const { recoveryCodes: codes } = account ?? { recoveryCodes: null };
    return {
      phone: device('phone') === undefined ? 0 : 1,
      phoneUntil: stepsSinceStart(device('phone')?.usedUntil),
      tabletUntil: stepsSinceStart(device('tablet')?.usedUntil),
      removedUntil: stepsSinceStart(account?.usedUntil),
      failures: account?.budget.failures ?? 0,
      lockNumber: lock?.number ?? 0,
      lockedUntil: lock?.until === null ? 255 : stepsSinceStart(lock?.until),
      codes: codes === null ? 0 : codes.total - codes.used.length,
      browsers: account?.trustedBrowsers.length ?? 0,
    };
  }
}

/** The first statement of a change is not sent. */
function firstNotSent(): Meet {
  return (statement) =>
    /^(BEGIN|START|ROLLBACK|SELECT)/.test(statement.sql) ? statement.send() : isNotSent(statement);
}

/** The reply to the statement that commits is lost: to `COMMIT`, or to a write outside of a transaction. */
function commitWithoutReply(): Meet {
  let isInTransaction = false;
  return (statement) => {
    if (/^(BEGIN|START)/.test(statement.sql)) isInTransaction = true;
    const commits = isInTransaction ? statement.sql.startsWith('COMMIT') : statement.isWrite;
    return commits ? losesItsReply(statement) : statement.send();
  };
}

function isFailed(at: Stop): boolean {
  return typeof at === 'object' && at.status === 'STORAGE_ERROR';
}

function answerOf(answer: { readonly status: string }): Answer {
  const field = (name: string): unknown => new Map(Object.entries(answer)).get(name);
  const details: Readonly<Record<string, unknown>> = {
    INVALID_TOTP_ERROR: field('currentNumberOfFailedAttempts'),
    LIMIT_REACHED_ERROR: Number(field('retryAfterMs')) / STEP,
    OK:
      field('recoveryCodesLeft') ??
      field('didDeviceExist') ??
      field('wasLocked') ??
      field('didUserExist') ??
      field('forgotten'),
  };
  return { status: answer.status, detail: Number(details[answer.status] ?? 0) };
}

/** 0 for times before the model's. */
function stepsSinceStart(time = START): number {
  return Math.max(0, (time - START) / STEP);
}

function secretOf(device: number): string {
  return secrets[device] ?? '';
}
