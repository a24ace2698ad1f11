/** Checks codes on behalf of a page's session, which the module completes, and returns the result as a message. */
import { Injectable } from '@nestjs/common';
import {
  type EnrolmentAnswer,
  type TrustBrowserInput,
  TotpClock,
  TotpService,
  type VerifyTOTPAnswer,
} from 'nestjs-totp';
import { type TotpRequest } from '../sessions/totp-session.guard.js';

export type CodeOutcome =
  /** With a token, if the browser is to be trusted. */
  | { status: 'accepted'; trustToken?: string | undefined }
  /** The page shows how long to wait. */
  | { status: 'locked' }
  /** There is no authenticator to check the code against. */
  | { status: 'missing' }
  | { status: 'refused'; text: string };

@Injectable()
export class SecondStep {
  constructor(
    private readonly totp: TotpService,
    private readonly clock: TotpClock,
  ) {}

  /** Checks a code of any of the user's authenticators. */
  async verify(request: TotpRequest, code: string, trustBrowser?: TrustBrowserInput): Promise<CodeOutcome> {
    if (!isSixDigits(code)) return NOT_SIX_DIGITS;
    const call = { userId: request.user.id, totp: code, session: request.totp };
    return outcomeOf(await this.totp.verifyTOTP(trustBrowser ? { ...call, trustBrowser } : call));
  }

  /** Confirms a new authenticator with its first code. */
  async confirm(request: TotpRequest, deviceName: string, code: string): Promise<CodeOutcome> {
    if (!isSixDigits(code)) return NOT_SIX_DIGITS;
    const call = { userId: request.user.id, deviceName, totp: code, session: request.totp };
    return outcomeOf(await this.totp.verifyDevice(call));
  }

  /** Milliseconds until codes are checked again; 0 unless the account is locked. */
  async remainingWait(userId: string): Promise<number> {
    const { lock } = await this.totp.getStatus({ userId });
    if (lock === null) return 0;
    // A lock without an end lasts until support unlocks the account: look again in a day.
    return lock.until === null ? 86_400_000 : Math.max(0, lock.until - this.clock.now());
  }
}

function outcomeOf(answer: VerifyTOTPAnswer | EnrolmentAnswer): CodeOutcome {
  switch (answer.status) {
    case 'OK':
      return { status: 'accepted', trustToken: 'trustToken' in answer ? answer.trustToken : undefined };
    case 'INVALID_TOTP_ERROR': {
      if (answer.nextCodeRequired) return { status: 'refused', text: NEXT_CODE };
      const left = answer.maxNumberOfFailedAttempts - answer.currentNumberOfFailedAttempts;
      if (left <= 0) return { status: 'locked' };
      const tries = left === 1 ? 'You have one try left.' : `You have ${left} tries left.`;
      return { status: 'refused', text: `This code is wrong, or was used before. ${tries}` };
    }
    case 'LIMIT_REACHED_ERROR':
      return { status: 'locked' };
    default:
      return { status: 'missing' };
  }
}

/** An obvious slip is refused before the module counts it as a wrong code. */
function isSixDigits(code: string): boolean {
  return code.match(/\p{Nd}/gu)?.length === 6 && !/\p{L}/u.test(code);
}

const NEXT_CODE =
  'This code is right. Because many wrong codes were entered for your account, enter the next one too, as soon as your app shows it.';

const NOT_SIX_DIGITS: CodeOutcome = {
  status: 'refused',
  text: 'Enter the six digits that your authenticator app shows.',
};
