/**
 * The contract's rules of codes and locks once more, as simply as they can be said: nothing is counted, everything is worked
 * out again from all that happened. Too slow to use, and too plain to be wrong in the same way as the module.
 */
import { totpCode } from 'nestjs-totp/testing';

export const RULES = {
  maxFailures: 3,
  cooldown: 60,
  multiplier: 2,
  maxCooldown: 300,
  hardLimit: 10,
  maxDevices: 3,
  vigilance: { after: 3, forgivenPerDay: 4 },
  maxBrowsers: 2,
};

const STEP = 30_000;
const DAY = 86_400_000;

interface ModelDevice {
  name: string;
  readonly secret: string;
  readonly createdAt: number;
  verified: boolean;
  /** The last step of which a code was accepted. */
  usedStep: number;
}

export class AccountModel {
  private devices: ModelDevice[] = [];
  /** The times of all failures since the last accepted code. */
  private streak: number[] = [];
  private stepUsedByRemoved = -1;
  /** The times of all failures that ever were. */
  private readonly failures: number[] = [];
  /** The first of two codes. */
  private first: { readonly device: ModelDevice; readonly step: number; readonly session: string } | undefined;
  private codes: string[] = [];
  private temporary: { readonly code: string; readonly from: number; readonly until: number } | undefined;
  /** The tokens of trusted browsers, and until when each is trusted. */
  private browsers: { readonly token: string; readonly until: number }[] = [];

  create(name: string, secret: string, now: number): string {
    return this.add({ name, secret, createdAt: now, verified: false, usedStep: -1 }, now);
  }

  import(name: string, secret: string, now: number): string {
    if (this.live(now).some((device) => device.verified && device.secret === secret))
      return 'SECRET_ALREADY_EXISTS_ERROR';
    return this.add({ name, secret, createdAt: now, verified: true, usedStep: this.stepUsedByRemoved }, now);
  }

  rename(from: string, to: string, now: number): string {
    const device = this.find(from, now);
    if (!device) return 'UNKNOWN_DEVICE_ERROR';
    if (from !== to && this.find(to, now)) return 'DEVICE_ALREADY_EXISTS_ERROR';
    if (from === to) return 'OK';
    this.devices = this.live(now); // a change of devices removes those that have expired, for ever
    device.name = to;
    return 'OK';
  }

  remove(name: string, now: number): boolean {
    const device = this.find(name, now);
    if (!device) return false;
    this.devices = this.live(now).filter((other) => other !== device);
    this.stepUsedByRemoved = Math.max(this.stepUsedByRemoved, device.usedStep);
    if (device.verified) this.browsers = [];
    return true;
  }

  renewCodes(codes: readonly string[]): string {
    if (!this.devices.some(({ verified }) => verified)) return 'UNKNOWN_USER_ID_ERROR';
    this.codes = [...codes];
    return 'OK';
  }

  help(code: string, from: number, until: number): string {
    if (!this.devices.some(({ verified }) => verified)) return 'UNKNOWN_USER_ID_ERROR';
    this.temporary = { code, from, until };
    return 'OK';
  }

  recover(code: string, now: number): object {
    if (!this.devices.some(({ verified }) => verified)) return { status: 'UNKNOWN_USER_ID_ERROR' };
    const { temporary } = this;
    const isTemporary = temporary?.code === code && now >= temporary.from - 60_000 && now < temporary.until;
    if (!isTemporary && !this.codes.includes(code)) return { status: 'INVALID_RECOVERY_CODE_ERROR' };
    if (isTemporary) this.temporary = undefined;
    this.codes = this.codes.filter((other) => other !== code);
    this.streak = [];
    this.first = undefined;
    this.browsers = [];
    return { status: 'OK', recoveryCodesLeft: this.codes.length };
  }

  isTrusted(token: string, now: number): boolean {
    return this.browsers.some((browser) => browser.token === token && now < browser.until);
  }

  forget(): number {
    const { length } = this.browsers;
    this.browsers = [];
    return length;
  }

  /** Trusts a browser: after a code was accepted for it. */
  trust(token: string, now: number): void {
    const live = this.browsers.filter(({ until }) => now < until);
    this.browsers = [...live, { token, until: now + DAY }].slice(-RULES.maxBrowsers);
  }

  unlock(): void {
    this.streak = [];
  }

  signIn(code: string, session: string, now: number): object {
    if (this.live(now).length === 0) return { status: 'UNKNOWN_USER_ID_ERROR' };
    const refusal = this.refusal(now);
    if (refusal) return refusal;
    const matches = this.live(now)
      .filter((device) => device.verified)
      .map((device) => ({ device, step: latestStep(device.secret, code, now) }))
      .filter(({ step }) => step >= 0);
    const fresh = matches.find(({ device, step }) => step > device.usedStep);
    const failures = this.standing().counted.filter((failedAt) => now - failedAt < RULES.cooldown * 1000).length;
    if (fresh) {
      const { device, step } = fresh;
      device.usedStep = step;
      const { first } = this;
      const isSecond = first?.device === device && first.session === session && first.step === step - 1;
      if (this.unforgiven(now) >= RULES.vigilance.after && !isSecond) {
        this.first = { device, step, session };
        return { ...invalid(failures), nextCodeRequired: true };
      }
      this.first = undefined;
      this.streak = [];
      return { status: 'OK' };
    }
    if (matches.length === 0) return this.fail(session, now);
    const isFirst = this.first?.device === matches[0]?.device && this.first?.session === session;
    return { ...invalid(failures), ...(isFirst ? { nextCodeRequired: true } : {}) };
  }

  /** The failures that time has not forgiven, gone through one by one. */
  private unforgiven(now: number): number {
    const each = DAY / RULES.vigilance.forgivenPerDay;
    let forgivenAt = 0;
    for (const failedAt of this.failures) forgivenAt = Math.max(forgivenAt, failedAt) + each;
    return Math.max(0, Math.ceil((forgivenAt - now) / each));
  }

  enrol(name: string, code: string, now: number): object {
    const device = this.find(name, now);
    if (!device) return { status: 'UNKNOWN_DEVICE_ERROR' };
    if (device.verified) return { status: 'OK', wasAlreadyVerified: true };
    const refusal = this.refusal(now);
    if (refusal) return refusal;
    const step = latestStep(device.secret, code, now);
    if (step < 0) return this.fail('none', now);
    device.verified = true;
    device.usedStep = step;
    this.streak = [];
    return { status: 'OK', wasAlreadyVerified: false };
  }

  names(now: number): string[] {
    return this.live(now).map(({ name, verified }) => `${name} ${verified ? 'verified' : 'unverified'}`);
  }

  private add(device: ModelDevice, now: number): string {
    const namesake = this.find(device.name, now);
    if (namesake?.verified) return 'DEVICE_ALREADY_EXISTS_ERROR';
    const others = this.live(now).filter((other) => other !== namesake);
    if (others.length >= RULES.maxDevices) return 'DEVICE_LIMIT_REACHED_ERROR';
    this.devices = [...others, device];
    return 'OK';
  }

  private live(now: number): ModelDevice[] {
    return this.devices.filter(({ verified, createdAt }) => verified || now - createdAt < DAY);
  }

  private find(name: string, now: number): ModelDevice | undefined {
    return this.live(now).find((device) => device.name === name);
  }

  /** Goes through the whole streak: what counts towards the next lock, and until when the newest lock lasts. */
  private standing() {
    let counted: number[] = [];
    let newestCount = 0;
    let locks = 0;
    let lockedUntil = -Infinity;
    this.streak.forEach((failedAt, index) => {
      counted = [...counted.filter((earlier) => failedAt - earlier < RULES.cooldown * 1000), failedAt];
      newestCount = counted.length;
      const isHard = index + 1 >= RULES.hardLimit;
      if (!isHard && counted.length < RULES.maxFailures) return;
      const seconds = Math.min(RULES.cooldown * RULES.multiplier ** locks, RULES.maxCooldown);
      lockedUntil = isHard ? Infinity : failedAt + seconds * 1000;
      locks += 1;
      counted = [];
    });
    return { counted, newestCount, lockedUntil };
  }

  private refusal(now: number): object | undefined {
    const { lockedUntil } = this.standing();
    if (now >= lockedUntil) return undefined;
    return {
      status: 'LIMIT_REACHED_ERROR',
      retryAfterMs: Math.min(lockedUntil - now, RULES.maxCooldown * 1000),
      currentNumberOfFailedAttempts: RULES.maxFailures,
      maxNumberOfFailedAttempts: RULES.maxFailures,
    };
  }

  private fail(session: string, now: number): object {
    this.streak.push(now);
    this.failures.push(now);
    if (this.first?.session === session) this.first = undefined;
    return invalid(this.standing().newestCount);
  }
}

function invalid(failures: number): object {
  return {
    status: 'INVALID_TOTP_ERROR',
    currentNumberOfFailedAttempts: failures,
    maxNumberOfFailedAttempts: RULES.maxFailures,
  };
}

/** The latest step of the window that a code is the code of; -1 when there is none. */
function latestStep(secret: string, code: string, now: number): number {
  const current = Math.floor(now / STEP);
  const steps = [current + 1, current, current - 1].filter((step) => step >= 0);
  return steps.find((step) => totpCode(secret, step * STEP) === code) ?? -1;
}
