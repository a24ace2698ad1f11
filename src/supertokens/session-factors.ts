/** What SuperTokens' front ends want to know about the second factor of a session. */
import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { TotpService } from '../recipe/totp.service.js';
import { isRequired, TotpEnrolmentPolicy } from '../sessions/enrolment-policy.js';
import { findRequest } from '../sessions/transports.js';
import { trustedSince } from '../sessions/trust-token.js';
import { TotpClock } from '../shared/clock.js';

export interface SessionToAsk {
  readonly userId: string;
  readonly tenantId: string;
  /** Epoch ms; undefined when the session has not completed TOTP. */
  readonly completedAt: number | undefined;
}

export interface SessionFactorsAnswer {
  /** Whether the user has a verified device. */
  readonly isEnrolled: boolean;
  /** When the session completed TOTP, or, in a trusted browser, when the browser came to be trusted: epoch ms. */
  readonly completedAt: number | undefined;
  /** Whether `TotpGuard` lets the session pass, apart from a `maxAge`. */
  readonly isSatisfied: boolean;
}

@Injectable()
export class SessionFactors {
  constructor(
    @Inject(TotpService) private readonly totp: TotpService,
    @Inject(TotpEnrolmentPolicy) private readonly policy: TotpEnrolmentPolicy,
    @Inject(TotpClock) private readonly clock: TotpClock,
    @Inject(TOTP_OPTIONS) private readonly config: TotpConfig,
  ) {}

  /** @param context the request; undefined while the user signs in, when no browser counts as trusted yet */
  async of(session: SessionToAsk, context?: ExecutionContext): Promise<SessionFactorsAnswer> {
    const { userId, tenantId } = session;
    const request = context && findRequest(context);
    const completedAt = session.completedAt ?? (await trustedSince(this.totp, this.config, request, session));
    const { enrolled: isEnrolled } = await this.totp.getStatus({ userId, tenantId });
    const isSatisfied = isEnrolled ? completedAt !== undefined : !(await this.mustEnrol(session, context));
    return { isEnrolled, completedAt, isSatisfied };
  }

  private async mustEnrol({ userId, tenantId }: SessionToAsk, context?: ExecutionContext): Promise<boolean> {
    const input = { userId, tenantId, ...(context === undefined ? {} : { context }) };
    return isRequired(await this.policy.requirement(input), this.clock.now());
  }
}
