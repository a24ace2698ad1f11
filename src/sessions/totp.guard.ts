/** The guard for the application's own routes. */
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { completedLately } from '../accounts/step-up.js';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { TotpService } from '../recipe/totp.service.js';
import { TotpClock } from '../shared/clock.js';
import type { TotpDuration } from '../shared/duration.js';
import { isRequired, TotpEnrolmentPolicy } from './enrolment-policy.js';
import { refusalFor, type TotpRefusal } from './refusals.js';
import { maxAgeMs, TOTP_REQUIREMENT, type TotpRequirement } from './require-totp.js';
import { SessionContainer, type TotpSession } from './session.js';
import { TotpSessionAdapter } from './session-adapter.js';
import { keepSession, keptSession } from './session-guard.js';
import { SessionHeaderWriter } from './session-headers.js';
import { findRequest } from './transports.js';
import { trustedSince } from './trust-token.js';

/**
 * Protects the application's own routes: a session passes if it completed TOTP, and did so within the `maxAge` of
 * `@RequireTotp({ maxAge })`. List it after your sign-in guard.
 *
 * A user without a verified device passes, unless `TotpEnrolmentPolicy`, which is the option `enrolment` by default, or
 * `@RequireTotp({ enrolment: 'required' })` says otherwise. In a trusted browser, a session that has not completed TOTP counts as having
 * done so when the browser came to be trusted.
 *
 * Each step is a method of its own, for subclasses to override.
 *
 * @example
 * \@Injectable()
 * class AdminTotpGuard extends TotpGuard {
 *   protected override requiresEnrolment() {
 *     return true;
 *   }
 * }
 */
@Injectable()
export class TotpGuard implements CanActivate {
  constructor(
    @Inject(TotpSessionAdapter) protected readonly adapter: TotpSessionAdapter,
    @Inject(TotpService) protected readonly totp: TotpService,
    @Inject(TotpClock) protected readonly clock: TotpClock,
    @Inject(TOTP_OPTIONS) protected readonly config: TotpConfig,
    @Inject(Reflector) protected readonly reflector: Reflector,
    @Inject(TotpEnrolmentPolicy) protected readonly policy: TotpEnrolmentPolicy,
    @Inject(SessionHeaderWriter) private readonly headers: SessionHeaderWriter,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (await this.shouldSkip(context)) return true;
    const reason = await this.refusal(context);
    if (reason === undefined) return true;
    const session = keptSession(context);
    if (session !== undefined) await this.headers.write(context, session);
    await this.refuse(context, reason);
    // If an override of refuse() does not throw, Nest answers 403.
    return false;
  }

  /** Whether the request passes unchecked: by default, with `@WithoutTotp()`. */
  protected shouldSkip(context: ExecutionContext): boolean | Promise<boolean> {
    return this.requirement(context) === 'none';
  }

  /** The session of the request; undefined without a signed-in user. */
  protected getSession(context: ExecutionContext): Promise<TotpSession | undefined> {
    return this.adapter.resolve(context);
  }

  /** Whether the user must have a verified device to pass: by default, as the decorator or `TotpEnrolmentPolicy` says. */
  protected requiresEnrolment(context: ExecutionContext, session: TotpSession): boolean | Promise<boolean>;
  protected async requiresEnrolment(context: ExecutionContext, { userId, tenantId }: TotpSession): Promise<boolean> {
    const requirement = this.requirement(context);
    if (typeof requirement === 'object' && requirement.enrolment === 'required') return true;
    return isRequired(await this.policy.requirement({ userId, tenantId, context }), this.clock.now());
  }

  /** When the browser of the caller came to be trusted, in epoch ms; undefined when it is not. */
  protected getTrustedSince(context: ExecutionContext, session: TotpSession): Promise<number | undefined> {
    return trustedSince(this.totp, this.config, findRequest(context), session);
  }

  /** Maximum age of the last TOTP check: by default, that of `@RequireTotp({ maxAge })`. Infinity accepts any age. */
  protected getMaxAge(context: ExecutionContext): TotpDuration | Promise<TotpDuration> {
    const requirement = this.requirement(context);
    return typeof requirement === 'object' ? requirement.maxAge : Infinity;
  }

  /**
   * Throws the exception of the transport: over HTTP, 401 without a session, otherwise the 403 that SuperTokens' front ends expect; in
   * GraphQL, an error with the code `UNAUTHENTICATED` or `FORBIDDEN`; otherwise a `WsException` or an `RpcException`.
   */
  protected refuse(context: ExecutionContext, reason: TotpRefusal): void | Promise<void> {
    const exception = refusalFor(context, reason);
    // Over HTTP at once, so that an override need not wait for `super.refuse`.
    if (exception instanceof Error) throw exception;
    return exception.then((error) => {
      throw error;
    });
  }

  private async refusal(context: ExecutionContext): Promise<TotpRefusal | undefined> {
    const session = await this.getSession(context);
    if (!session) return 'no-session';
    const checked = new SessionContainer(session);
    keepSession(context, checked);
    const maxAge = await this.getMaxAge(context);
    const maxAgeInMs = maxAge === Infinity ? Infinity : maxAgeMs(maxAge, 'What getMaxAge() of a TotpGuard returned');
    const completedAt = (await checked.getCompletedAt()) ?? (await this.getTrustedSince(context, session));
    const isCompleted = completedLately(completedAt, this.clock.now(), maxAgeInMs);
    const needsDevice = await this.requiresEnrolment(context, session);
    if (isCompleted && !needsDevice) return undefined;

    const { enrolled } = await this.totp.getStatus({ userId: session.userId, tenantId: session.tenantId });
    if (!enrolled && needsDevice) return 'no-device';
    return enrolled && !isCompleted ? 'no-code' : undefined;
  }

  /** The requirement of the route's decorator, or else of its controller's. */
  private requirement(context: ExecutionContext): TotpRequirement | undefined {
    return this.reflector.getAllAndOverride<TotpRequirement | undefined>(TOTP_REQUIREMENT, [
      context.getHandler(),
      context.getClass(),
    ]);
  }
}
