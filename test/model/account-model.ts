/**
 * The contract's rules of codes and locks once more, as simply as they can be said: nothing is counted, everything is worked
 * out again from all that happened. Too slow to use, and too plain to be wrong in the same way as the module.
 */
import { totpCode } from 'nestjs-totp/testing';

export const RULES = { maxFailures: 3, cooldown: 60, multiplier: 2, maxCooldown: 300, hardLimit: 10, maxDevices: 3 };

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
    return true;
  }

  unlock(): void {
    this.streak = [];
  }

  signIn(code: string, now: number): object {
    if (this.live(now).length === 0) return { status: 'UNKNOWN_USER_ID_ERROR' };
    const refusal = this.refusal(now);
    if (refusal) return refusal;
    const matches = this.live(now)
      .filter((device) => device.verified)
      .map((device) => ({ device, step: latestStep(device.secret, code, now) }))
      .filter(({ step }) => step >= 0);
    const fresh = matches.find(({ device, step }) => step > device.usedStep);
    if (fresh) {
      fresh.device.usedStep = fresh.step;
      this.streak = [];
      return { status: 'OK' };
    }
    if (matches.length === 0) return this.fail(now);
    return invalid(this.standing().counted.filter((failedAt) => now - failedAt < RULES.cooldown * 1000).length);
  }

  enrol(name: string, code: string, now: number): object {
    const device = this.find(name, now);
    if (!device) return { status: 'UNKNOWN_DEVICE_ERROR' };
    if (device.verified) return { status: 'OK', wasAlreadyVerified: true };
    const refusal = this.refusal(now);
    if (refusal) return refusal;
    const step = latestStep(device.secret, code, now);
    if (step < 0) return this.fail(now);
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

  private fail(now: number): object {
    this.streak.push(now);
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
