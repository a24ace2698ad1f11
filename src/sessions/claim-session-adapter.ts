/** The session adapter for tokens that carry the completion themselves. */
import { Injectable } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import { kindOf, property } from '../shared/unknown.js';
import { type RequestUser, RequestUserSessionAdapter } from './request-user.js';
import { type SessionIdentity, TotpSession } from './session.js';
import { tokenHandle } from './token-session-adapter.js';

/**
 * For applications without any state on the server: reads from `request.user`, the payload of a verified token, whether its session has
 * completed TOTP. It has when `amr` contains `mfa` and `auth_time` says when, as `completionClaims` writes them.
 *
 * A completed session needs a new token, which a `TotpCompletionHook` issues. A token stays valid until it expires: removing the user's
 * devices does not take the completion back, so keep such tokens short-lived, or use `TotpTokenSessionAdapter`. Accept only tokens that
 * your application has signed: other issuers write `mfa` for factors of their own.
 *
 * @example
 * TotpModule.forRoot({
 *   …,
 *   guards: [JwtGuard],
 *   providers: [
 *     { provide: TotpSessionAdapter, useClass: TotpClaimSessionAdapter },
 *     { provide: TotpCompletionHook, useClass: IssueToken },
 *   ],
 * });
 */
@Injectable()
export class TotpClaimSessionAdapter extends RequestUserSessionAdapter {
  protected override createSession(_request: unknown, user: RequestUser): TotpSession {
    return new ClaimSession({ ...user, handle: this.getHandle(user.user) }, this.getCompletedAt(user.user));
  }

  /** The token's `sid`, or else its `jti`. */
  protected getHandle(payload: unknown): string {
    return tokenHandle(payload, 'TotpClaimSessionAdapter');
  }

  /**
   * When the session completed TOTP, in epoch ms; undefined if the token does not say that it did.
   *
   * @throws TotpConfigurationError for claims of a wrong type, which must neither pass for a completion nor be overlooked
   */
  protected getCompletedAt(payload: unknown): number | undefined {
    const [amr, time] = [property(payload, 'amr'), property(payload, 'auth_time')];
    if (amr === undefined) return undefined;
    if (!Array.isArray(amr)) throw wrongClaim('amr', amr, 'an array of strings (RFC 8176 §1)');
    if (!amr.includes('mfa')) return undefined;
    if (typeof time !== 'number')
      throw wrongClaim('auth_time', time, 'a time in epoch seconds (OpenID Connect Core §2)');
    return time * 1_000;
  }
}

/** A session whose completion is a claim of its token. A new one lasts for this request; the next token has to carry it. */
class ClaimSession extends TotpSession {
  readonly userId: string;
  override readonly tenantId: string;
  readonly handle: string;

  constructor(
    { userId, tenantId, handle }: SessionIdentity,
    private at: number | undefined,
  ) {
    super();
    this.userId = userId;
    this.tenantId = tenantId;
    this.handle = handle;
  }

  override completedAt(): Promise<number | undefined> {
    return Promise.resolve(this.at);
  }

  override complete(at: number): Promise<void> {
    this.at = at;
    return Promise.resolve();
  }
}

function wrongClaim(name: string, value: unknown, expected: string): TotpConfigurationError {
  return new TotpConfigurationError(
    `TotpModule: request.user.${name} is ${kindOf(value)}. Sign tokens with completionClaims(…), which writes ${expected}, or override ` +
      'getCompletedAt(payload) in your TotpSessionAdapter.',
  );
}
