/** Reads sessions of SuperTokens' SDK, for applications that keep them and serve the module's own routes. */
import type { ExecutionContext } from '@nestjs/common';
import { TotpSession } from '../../sessions/session.js';
import { TotpSessionAdapter } from '../../sessions/session-adapter.js';
import { TotpConfigurationError } from '../../shared/errors.js';
import { kindOf, property } from '../../shared/unknown.js';

/** What the adapter needs of the SDK's `MultiFactorAuth`. */
export interface SuperTokensMultiFactorAuth {
  markFactorAsCompleteInSession(session: unknown, factorId: string): Promise<void>;
}

/** The claim in SuperTokens' access token that says which factors a session has completed, and when. */
const MFA_CLAIM = 'st-mfa';

/**
 * The session is the one that SuperTokens' `verifySession` puts into the request. It has completed TOTP when SuperTokens' claim `st-mfa` says
 * so, and completing it changes that claim: SuperTokens' validators and this module's `TotpGuard` agree.
 *
 * @example
 * TotpModule.forRoot({
 *   …,
 *   guards: [SuperTokensGuard], // calls verifySession({ overrideGlobalClaimValidators: () => [] })
 *   providers: [{ provide: TotpSessionAdapter, useValue: new SuperTokensSessionAdapter(MultiFactorAuth) }],
 * });
 */
export class SuperTokensSessionAdapter extends TotpSessionAdapter {
  /** @param mfa `MultiFactorAuth` of `supertokens-node/recipe/multifactorauth`, whose recipe must be initialized */
  constructor(private readonly mfa: SuperTokensMultiFactorAuth) {
    super();
  }

  // `async`, so that a session of something else is a rejection.
  // eslint-disable-next-line @typescript-eslint/require-await
  override async resolve(context: ExecutionContext): Promise<TotpSession | undefined> {
    const session = property(this.getRequest(context), 'session');
    return isObject(session) ? new SdkSession(session, this.mfa) : undefined;
  }
}

class SdkSession extends TotpSession {
  override readonly userId: string;
  override readonly tenantId: string;
  override readonly handle: string;

  constructor(
    private readonly session: object,
    private readonly mfa: SuperTokensMultiFactorAuth,
  ) {
    super();
    this.userId = this.ask('getUserId');
    this.tenantId = this.ask('getTenantId');
    this.handle = this.ask('getHandle');
  }

  override completedAt(): Promise<number | undefined> {
    const payload = this.call('getAccessTokenPayload');
    const seconds = property(property(property(payload, MFA_CLAIM), 'c'), 'totp');
    return Promise.resolve(typeof seconds === 'number' ? seconds * 1_000 : undefined);
  }

  /** SuperTokens takes the time itself. */
  override async complete(): Promise<void> {
    await this.mfa.markFactorAsCompleteInSession(this.session, 'totp');
  }

  private ask(method: 'getUserId' | 'getTenantId' | 'getHandle'): string {
    const value = this.call(method);
    if (typeof value === 'string') return value;
    throw new TotpConfigurationError(`TotpModule: ${method}() of a session of SuperTokens returned ${kindOf(value)}.`);
  }

  private call(method: string): unknown {
    const own = property(this.session, method);
    if (typeof own === 'function') return Reflect.apply(own, this.session, []);
    throw new TotpConfigurationError(
      `TotpModule: request.session has no ${method}(), so it is not a session of SuperTokens. Let a guard call ` +
        'verifySession() of supertokens-node before the module reads the session.',
    );
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
