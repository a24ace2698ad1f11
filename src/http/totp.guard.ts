import { type CanActivate, type ExecutionContext, Inject, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { completedLately } from '../accounts/step-up.js';
import { TotpClock } from '../shared/clock.js';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { TotpService } from '../recipe/totp.service.js';
import { property } from '../shared/unknown.js';
import { invalidClaim, unauthorised } from './refusals.js';
import { TotpSessionAdapter } from './session.js';

const REQUIRE_TOTP = Symbol('nestjs-totp require');
const WITHOUT_TOTP = Symbol('nestjs-totp without');

export interface RequireTotpOptions {
  /** Seconds that the completion may be old: a session that completed TOTP earlier must enter a code again. */
  readonly maxAge?: number;
}

/**
 * Says what `TotpGuard` asks of a session on this route, or on all routes of a controller.
 *
 * @example
 * \@UseGuards(SignedInGuard, TotpGuard)
 * \@RequireTotp({ maxAge: 300 })
 * \@Post('transfers')
 */
export const RequireTotp = (options: RequireTotpOptions = {}) => SetMetadata(REQUIRE_TOTP, options);

/**
 * Lets requests to a route or a controller pass a global `TotpGuard`: for signing in. The module's own routes have it, since
 * otherwise a code would be asked for before one can be entered.
 */
export const WithoutTotp = () => SetMetadata(WITHOUT_TOTP, true);

/**
 * Protects the application's own routes: lets a session pass that completed TOTP, and within `maxAge` where
 * `@RequireTotp({ maxAge })` asks for that. Put it behind your sign-in guard.
 *
 * A user without a verified device passes, unless the module is set to `enrolment: 'required'`.
 */
@Injectable()
export class TotpGuard implements CanActivate {
  constructor(
    @Inject(TotpSessionAdapter) private readonly adapter: TotpSessionAdapter,
    @Inject(TotpService) private readonly totp: TotpService,
    @Inject(TotpClock) private readonly clock: TotpClock,
    @Inject(TOTP_OPTIONS) private readonly config: TotpConfig,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.setting(WITHOUT_TOTP, context) === true) return true;

    const session = await this.adapter.resolve(context);
    if (!session) throw unauthorised();

    const completedAt = await this.adapter.completedAt(session);
    const isCompleted = completedLately(completedAt, this.clock.now(), this.maxAgeMs(context));
    const needsDevice = this.config.enrolment === 'required';
    if (isCompleted && !needsDevice) return true;

    const { enrolled } = await this.totp.getStatus({ userId: session.userId, tenantId: session.tenantId });
    if (!enrolled && needsDevice) throw invalidClaim('an authenticator must be set up first');
    if (enrolled && !isCompleted) throw invalidClaim('a code of your authenticator is required');
    return true;
  }

  protected maxAgeMs(context: ExecutionContext): number {
    const maxAge = property(this.setting(REQUIRE_TOTP, context), 'maxAge');
    return typeof maxAge === 'number' ? maxAge * 1000 : Infinity;
  }

  /** What a decorator says of the route, or else of its controller. */
  private setting(key: symbol, context: ExecutionContext): unknown {
    return this.reflector.getAllAndOverride<unknown>(key, [context.getHandler(), context.getClass()]);
  }
}
