/** The session as an override of SuperTokens' APIs reads it: the application's own, under SuperTokens' names. */
import { ForbiddenException } from '@nestjs/common';
import type { SessionContainer } from '../../sessions/session.js';
import { TotpConfigurationError } from '../../shared/errors.js';
import { property } from '../../shared/unknown.js';
import type { SignOutInput } from '../sign-out.js';

/** A claim of SuperTokens, which knows where its value is in the payload of an access token. */
export interface SuperTokensClaim<Value> {
  readonly key: string;
  getValueFromPayload(payload: SuperTokensPayload, userContext: object): Value | undefined;
}

/** A validator of a claim, as SuperTokens' claims make them. */
export interface SuperTokensClaimValidator {
  readonly id: string;
  validate(
    payload: SuperTokensPayload,
    userContext: object,
  ): Promise<{ readonly isValid: boolean; readonly reason?: unknown }>;
}

/** What SuperTokens would have in its access token, and the properties of `request.user`. */
export interface SuperTokensPayload {
  readonly [claim: string]: unknown;
  readonly sub: string;
  readonly tId: string;
  readonly sessionHandle: string;
  /** `c.totp`: when the session completed TOTP, in epoch seconds; `v`: whether it did. */
  readonly 'st-mfa': { readonly c: { readonly totp?: number }; readonly v: boolean };
}

/** Ends the session of the application. */
export type RevokeSession = (input: SignOutInput) => void | Promise<void>;

export class SuperTokensSession {
  private constructor(
    /** The module's own form of the session. */
    readonly container: SessionContainer,
    private readonly payload: SuperTokensPayload,
    private readonly revoke: (() => void | Promise<void>) | undefined,
  ) {}

  /** @param revoke undefined when the application did not say how its sessions end */
  static async of(
    session: SessionContainer,
    { request, response, revoke }: { request: unknown; response: unknown; revoke: RevokeSession | undefined },
  ): Promise<SuperTokensSession> {
    const completedAt = await session.getCompletedAt();
    const payload: SuperTokensPayload = {
      ...claimsOf(property(request, 'user')),
      sub: session.getUserId(),
      tId: session.getTenantId(),
      sessionHandle: session.getHandle(),
      'st-mfa': {
        c: completedAt === undefined ? {} : { totp: Math.floor(completedAt / 1_000) },
        v: completedAt !== undefined,
      },
    };
    return new SuperTokensSession(session, payload, revoke && (() => revoke({ session, request, response })));
  }

  getUserId(): string {
    return this.container.getUserId();
  }

  /** The user's only id: users are not linked. */
  getRecipeUserId(): { getAsString(): string } {
    return { getAsString: () => this.getUserId() };
  }

  getTenantId(): string {
    return this.container.getTenantId();
  }

  getHandle(): string {
    return this.container.getHandle();
  }

  getAccessTokenPayload(): SuperTokensPayload {
    return this.payload;
  }

  /** When the session began, in epoch ms: the claim `iat` of `request.user`. */
  getTimeCreated(): Promise<number> {
    return this.time('iat', 'getTimeCreated');
  }

  /** When the session ends, in epoch ms: the claim `exp` of `request.user`. */
  getExpiry(): Promise<number> {
    return this.time('exp', 'getExpiry');
  }

  getClaimValue<Value>(claim: SuperTokensClaim<Value>, userContext: object = {}): Promise<Value | undefined> {
    return Promise.resolve(claim.getValueFromPayload(this.payload, userContext));
  }

  /** @throws ForbiddenException with the claims that are invalid, as SuperTokens answers */
  async assertClaims(validators: readonly SuperTokensClaimValidator[], userContext: object = {}): Promise<void> {
    const invalid: { id: string; reason: unknown }[] = [];
    for (const validator of validators) {
      const { isValid, reason } = await validator.validate(this.payload, userContext);
      if (!isValid) invalid.push({ id: validator.id, reason });
    }
    if (invalid.length > 0) {
      throw new ForbiddenException({ message: 'invalid claim', claimValidationErrors: invalid });
    }
  }

  async revokeSession(): Promise<void> {
    if (this.revoke === undefined) {
      throw unavailable('revokeSession', 'Write superTokensOverride({ …, revokeSession: ({ request }) => … })');
    }
    await this.revoke();
  }

  mergeIntoAccessTokenPayload(): never {
    throw unavailable('mergeIntoAccessTokenPayload', CHANGE);
  }

  fetchAndSetClaim(): never {
    throw unavailable('fetchAndSetClaim', CHANGE);
  }

  setClaimValue(): never {
    throw unavailable('setClaimValue', CHANGE);
  }

  removeClaim(): never {
    throw unavailable('removeClaim', CHANGE);
  }

  updateSessionDataInDatabase(): never {
    throw unavailable('updateSessionDataInDatabase', 'Write to your own session, in options.req.original');
  }

  getSessionDataFromDatabase(): never {
    throw unavailable('getSessionDataFromDatabase', 'Read your own session, in options.req.original');
  }

  getAccessToken(): never {
    throw unavailable('getAccessToken', "Read the request's headers: options.req.getHeaderValue('authorization')");
  }

  getAllSessionTokensDangerously(): never {
    throw unavailable('getAllSessionTokensDangerously', "Read the request's headers: options.req.getHeaderValue(…)");
  }

  attachToRequestResponse(): never {
    throw unavailable('attachToRequestResponse', 'Set headers and cookies by options.res');
  }

  private time(claim: 'iat' | 'exp', method: string): Promise<number> {
    const seconds = this.payload[claim];
    return typeof seconds === 'number'
      ? Promise.resolve(seconds * 1_000)
      : Promise.reject(unavailable(method, `Let your sign-in guard set ${claim}, in epoch seconds, in request.user`));
  }
}

const CHANGE = 'Change your own session, in options.req.original; a TotpCompletionHook adds a new token to an answer';

function unavailable(method: string, instead: string): TotpConfigurationError {
  return new TotpConfigurationError(
    `TotpModule: an override called session.${method}(), but the session is not SuperTokens'. ${instead}.`,
  );
}

function claimsOf(user: unknown): object {
  return typeof user === 'object' && user !== null ? user : {};
}
