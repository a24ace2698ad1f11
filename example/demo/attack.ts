/** Attacks a person's own account: many calls at once, as an attacker with many connections makes them. */
import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { TotpService, type VerifyTOTPAnswer } from 'nestjs-totp';

const GUESSES = 100;
const COPIES = 50;

/** `wrong` was checked and counted, `used` was accepted before, `refused` was not checked in a lock, `missing` is an account without an authenticator. */
export type Outcome = 'accepted' | 'wrong' | 'used' | 'refused' | 'missing';

export interface AttackResult {
  calls: number;
  /** How many calls came to each outcome. */
  counts: Record<Outcome, number>;
}

@Injectable()
export class Attacker {
  constructor(private readonly totp: TotpService) {}

  /** Guesses a hundred different codes at once. */
  guess(userId: string, hear: (outcome: Outcome) => void): Promise<AttackResult> {
    const codes = new Set<string>();
    while (codes.size < GUESSES) codes.add(String(randomInt(1_000_000)).padStart(6, '0'));
    return this.fire(userId, [...codes], hear);
  }

  /** Enters one code fifty times at once. */
  copy(userId: string, code: string, hear: (outcome: Outcome) => void): Promise<AttackResult> {
    return this.fire(userId, Array<string>(COPIES).fill(code), hear);
  }

  /** @param hear called with each outcome as it comes */
  private async fire(
    userId: string,
    codes: readonly string[],
    hear: (outcome: Outcome) => void,
  ): Promise<AttackResult> {
    const counts = { accepted: 0, wrong: 0, used: 0, refused: 0, missing: 0 };
    await Promise.all(
      codes.map(async (totp) => {
        const outcome = outcomeOf(await this.totp.verifyTOTP({ userId, totp, reportReplay: true }));
        counts[outcome]++;
        hear(outcome);
      }),
    );
    return { calls: codes.length, counts };
  }
}

function outcomeOf(answer: VerifyTOTPAnswer): Outcome {
  switch (answer.status) {
    case 'OK':
      return 'accepted';
    case 'INVALID_TOTP_ERROR':
      return answer.replayed === true ? 'used' : 'wrong';
    case 'LIMIT_REACHED_ERROR':
      return 'refused';
    case 'UNKNOWN_USER_ID_ERROR':
      return 'missing';
  }
}
