import { type CanActivate, type ExecutionContext, Inject, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { completedLately } from '../accounts/step-up.js';
import { TotpClock } from '../totp.clock.js';
import { TOTP_OPTIONS, type TotpConfig } from '../totp.options.js';
import { TotpService } from '../totp.service.js';
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

/** Marks the module's own routes: as a global guard, `TotpGuard` would ask for a code before one can be entered. */
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
    if (this.reflector.get<boolean | undefined>(WITHOUT_TOTP, context.getClass()) === true) return true;

    const session = await this.adapter.resolve(context);
    if (!session) throw unauthorised();

    const completedAt = await this.adapter.completedAt(session);
    if (completedLately(completedAt, this.clock.now(), this.maxAgeMs(context))) return true;

    const { enrolled } = await this.totp.getStatus({ userId: session.userId, tenantId: session.tenantId });
    if (enrolled) throw invalidClaim('a code of your authenticator is required');
    if (this.config.enrolment === 'required') throw invalidClaim('an authenticator must be set up first');
    return true;
  }

  protected maxAgeMs(context: ExecutionContext): number {
    const options = this.reflector.getAllAndOverride<RequireTotpOptions | undefined>(REQUIRE_TOTP, [
      context.getHandler(),
      context.getClass(),
    ]);
    return options?.maxAge === undefined ? Infinity : options.maxAge * 1000;
  }
}
