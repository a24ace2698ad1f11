/** The session adapter for bearer tokens. */
import { Inject, Injectable } from '@nestjs/common';
import { TotpClock } from '../shared/clock.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { kindOf, property } from '../shared/unknown.js';
import { SessionCompletions } from '../storage/session-completions.js';
import { optionalText, type RequestUser, RequestUserSessionAdapter } from './request-user.js';
import { type SessionIdentity, TotpSession } from './session.js';

/** How long a completion is kept for a session that does not say when it expires, in ms. */
export const WITHOUT_EXPIRY_MS = 86_400_000;

/**
 * For bearer tokens (`@nestjs/jwt`, Passport), which have no storage: reads the token's payload from `request.user`
 * and keeps the completion in the module's table `totp_session_completions` until the token expires.
 *
 * @example
 * TotpModule.forRoot({ …, guards: [JwtGuard], providers: [{ provide: TotpSessionAdapter, useClass: TotpTokenSessionAdapter }] });
 */
@Injectable()
export class TotpTokenSessionAdapter extends RequestUserSessionAdapter {
  constructor(
    @Inject(SessionCompletions) protected readonly completions: SessionCompletions,
    @Inject(TotpClock) protected readonly clock: TotpClock,
  ) {
    super();
  }

  protected override createSession(_request: unknown, user: RequestUser): TotpSession {
    const handle = this.getHandle(user.user);
    const expiresAt = this.getExpiry(user.user);
    return new TokenSession({ ...user, handle }, expiresAt, this.completions, this.clock);
  }

  /** The token's `sid`, or else its `jti`. Prefer `sid`: it stays the same when a token is refreshed. */
  protected getHandle(payload: unknown): string {
    return tokenHandle(payload, 'TotpTokenSessionAdapter');
  }

  /**
   * Until when the completion is kept, in epoch ms: the token's `exp`. If tokens are refreshed, so that `sid` outlives the token,
   * override this to keep the completion for as long as the session lasts.
   */
  protected getExpiry(payload: unknown): number {
    const expiry = property(payload, 'exp');
    if (expiry === undefined) return this.clock.now() + WITHOUT_EXPIRY_MS;
    if (typeof expiry === 'number') return expiry * 1000;
    throw new TotpConfigurationError(
      `TotpModule: request.user.exp is ${kindOf(expiry)}. Keep the value of the token, in epoch seconds (RFC 7519 §4.1.4), or ` +
        'override getExpiry(payload) in your TotpSessionAdapter.',
    );
  }
}

/**
 * The `sid` of a token, or else its `jti`.
 *
 * @param adapter the name of the session adapter that needs it, for the error
 * @throws TotpConfigurationError when the token has neither
 */
export function tokenHandle(payload: unknown, adapter: string): string {
  const handle = optionalText(payload, 'sid', 'request.user') ?? optionalText(payload, 'jti', 'request.user');
  if (handle !== undefined) return handle;
  throw new TotpConfigurationError(
    `TotpModule: request.user has neither "sid" nor "jti", which ${adapter} needs. Sign tokens with one ` +
      '(jwt.sign({ sub, sid: randomUUID() })), and let your strategy keep it in request.user.',
  );
}

/** A session whose completion is kept in `SessionCompletions`. */
export class TokenSession extends TotpSession {
  readonly userId: string;
  override readonly tenantId: string;
  readonly handle: string;
  private readonly key: string;

  /** @param expiresAt epoch ms: until when a completion is kept */
  constructor(
    { userId, tenantId, handle }: SessionIdentity,
    private readonly expiresAt: number,
    private readonly completions: SessionCompletions,
    private readonly clock: TotpClock,
  ) {
    super();
    if (!Number.isFinite(expiresAt) || expiresAt < 0) {
      throw new TotpConfigurationError(
        `TotpModule: the end of a token's session is ${kindOf(expiresAt)}. Let exp be epoch seconds, and getExpiry() return epoch milliseconds.`,
      );
    }
    this.userId = userId;
    this.tenantId = tenantId;
    this.handle = handle;
    this.key = JSON.stringify([tenantId, userId, handle]);
  }

  override completedAt(): Promise<number | undefined> {
    return this.completions.find(this.key, this.clock.now());
  }

  override complete(at: number): Promise<void> {
    const expiresAt = Math.min(Math.floor(this.expiresAt), Number.MAX_SAFE_INTEGER);
    return this.completions.put(this.key, this.userId, at, expiresAt);
  }
}
