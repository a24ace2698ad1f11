/** Users whose right code, or wrong codes, are entered in many processes at once, and what has to come of it whatever fails. */
import { randomUUID } from 'node:crypto';
import type { TotpAccountStore } from 'nestjs-totp';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';
import type { Answer, Call } from '../processes/fleet.js';
import { SECRET, WRONG_CODE } from './operations.js';

/** What every process reads from its clock. */
export const NOW = new TestTotpClock().now();
export const RIGHT_CODE = totpCode(SECRET, NOW);

export const enrolment = (userId: string): Call => ({
  name: 'importDevice',
  input: { userId, deviceName: 'phone', secretKey: SECRET },
});
export const check = (userId: string, totp: string): Call => ({ name: 'verifyTOTP', input: { userId, totp } });

interface Attacked {
  readonly userId: string;
  readonly totp: string;
  readonly answers: Answer[];
}

export class Attack {
  private readonly users: readonly Attacked[];

  /** @param size how many users have their right code entered; as many others, wrong ones */
  constructor(size: number) {
    this.users = Array.from({ length: 2 * size }, (_, n) => ({
      userId: randomUUID(),
      totp: n % 2 === 0 ? RIGHT_CODE : WRONG_CODE,
      answers: [],
    }));
  }

  get userIds(): string[] {
    return this.users.map(({ userId }) => userId);
  }

  get enrolments(): Call[] {
    return this.users.map(({ userId }) => enrolment(userId));
  }

  /** The code of every user, over and over. */
  calls(times: number): Call[] {
    return Array.from({ length: times * this.users.length }, (_, n) => {
      const { userId, totp } = this.user(n);
      return check(userId, totp);
    });
  }

  /** @param answers to `calls` */
  note(answers: readonly Answer[]): void {
    for (const [n, answer] of answers.entries()) this.user(n).answers.push(answer);
  }

  /** Whose code the n-th call enters: in another order each time, so that no user is left to the same processes. */
  private user(n: number): Attacked {
    const { length } = this.users;
    const user = this.users[(n + Math.floor(n / length)) % length];
    if (user === undefined) throw new Error('An attack needs users.');
    return user;
  }

  /** Nothing was accepted twice, no attempt restored, and what was answered is stored. */
  async expectExact(store: TotpAccountStore): Promise<void> {
    const left = await store.loadMany(this.users.map(({ userId }) => userId));
    for (const { userId, totp, answers } of this.users) {
      const account = left.get(userId);
      const faults = answers.filter(({ status }) => status === 'FAULT');
      for (const fault of faults) expect(fault).toMatchObject({ code: 'TOTP_STORAGE' });
      const [device] = account?.devices ?? [];
      expect(device).toMatchObject({ name: 'phone', verifiedAt: expect.any(Number) });

      const accepted = answers.filter(({ status }) => status === 'OK');
      const counts = answers
        .filter(({ status }) => status === 'INVALID_TOTP_ERROR')
        .map((answer) => answer.currentNumberOfFailedAttempts ?? NaN);
      if (totp === RIGHT_CODE) {
        expect(accepted.length).toBeLessThanOrEqual(1);
        if (accepted.length + counts.length > 0) expect(device?.usedUntil).toBe(NOW + 30_000);
        // Where it is refused, it is as a replay, which counts for nothing.
        expect(new Set([0, ...counts])).toEqual(new Set([0]));
        expect(account?.budget.failures).toBe(0);
      } else {
        expect(accepted).toEqual([]);
        expect(new Set(counts).size).toBe(counts.length);
        expect(Math.min(1, ...counts)).toBe(1);
        expect(Math.max(0, ...counts)).toBeLessThanOrEqual(account?.budget.failures ?? 0);
        expect(account?.budget.failures).toBeLessThanOrEqual(5);
      }
      const statuses = answers.map(({ status }) => status);
      const possible = [
        'OK',
        'INVALID_TOTP_ERROR',
        'FAULT',
        'NONE',
        ...(totp === WRONG_CODE ? ['LIMIT_REACHED_ERROR'] : []),
      ];
      for (const status of statuses) expect(possible).toContain(status);
    }
  }

  /** A code that was accepted is refused when it is entered again. */
  async expectRefusedAgain(answerOf: (call: Call) => Promise<Answer>): Promise<void> {
    for (const { userId, totp, answers } of this.users) {
      if (!answers.some(({ status }) => status === 'OK')) continue;
      expect(await answerOf(check(userId, totp))).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
    }
  }

  /** The same when it is over: each right code is used up, and each user of wrong ones is locked. */
  async expectOver(store: TotpAccountStore): Promise<void> {
    await this.expectExact(store);
    const left = await store.loadMany(this.users.map(({ userId }) => userId));
    for (const { userId, totp } of this.users) {
      const account = left.get(userId);
      if (totp === RIGHT_CODE) expect(account?.devices[0]?.usedUntil).toBe(NOW + 30_000);
      else expect(account?.budget).toMatchObject({ failures: 5, lock: { number: 1 } });
    }
  }
}
