import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { TotpClock } from '../shared/clock.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { property, textProperty } from '../shared/unknown.js';
import { tenantIdOf, userIdOf } from './request-user.js';
import { type TotpSession, TotpSessionAdapter } from './session.js';
import { SessionCompletions } from '../storage/session-completions.js';

/** How long a completion is kept for a token that names no end, in ms. */
const WITHOUT_EXPIRY_MS = 86_400_000;

/**
 * For bearer tokens (`@nestjs/jwt`, Passport), which have no place to remember anything: reads the token's payload from
 * `request.user` and keeps the completion in the module's table `totp_session_completions` until the token expires.
 *
 * The session is the token's `sid`, or else its `jti`. Prefer `sid`: it stays the same when a token is refreshed.
 *
 * @example
 * TotpModule.forRoot({ …, guards: [JwtGuard], providers: [{ provide: TotpSessionAdapter, useClass: TotpTokenSessionAdapter }] });
 */
@Injectable()
export class TotpTokenSessionAdapter extends TotpSessionAdapter {
  constructor(
    @Inject(SessionCompletions) private readonly completions: SessionCompletions,
    @Inject(TotpClock) private readonly clock: TotpClock,
  ) {
    super();
  }

  override resolve(context: ExecutionContext): Promise<TotpSession | undefined> {
    const payload = property(this.getRequest(context), 'user');
    const userId = userIdOf(payload);
    if (userId === undefined) return Promise.resolve(undefined);
    const handle = textProperty(payload, 'sid') ?? textProperty(payload, 'jti');
    if (handle === undefined) {
      throw new TotpConfigurationError(
        'TotpTokenSessionAdapter: request.user has neither "sid" nor "jti". Sign tokens with one ' +
          '(jwt.sign({ sub, sid: randomUUID() })), and let your strategy keep it in request.user.',
      );
    }
    return Promise.resolve(new TokenSession(userId, tenantIdOf(payload), handle, this.getExpiry(payload)));
  }

  override completedAt(session: TotpSession): Promise<number | undefined> {
    return this.completions.find(keyOf(session), this.clock.now());
  }

  override async complete(session: TotpSession, at: number): Promise<void> {
    const expiresAt = session instanceof TokenSession ? session.expiresAt : at + WITHOUT_EXPIRY_MS;
    await this.completions.put(keyOf(session), at, Math.min(Math.floor(expiresAt), Number.MAX_SAFE_INTEGER));
  }

  /**
   * Until when the completion is kept, in epoch ms: the token's `exp`. Where `sid` outlives the token, since tokens are
   * refreshed, override this to keep the completion for as long as the session lasts.
   */
  protected getExpiry(payload: unknown): number {
    const expiry = property(payload, 'exp');
    return typeof expiry === 'number' ? expiry * 1000 : this.clock.now() + WITHOUT_EXPIRY_MS;
  }

  /** The request of a context; GraphQL and other contexts override this. */
  protected getRequest(context: ExecutionContext): unknown {
    return context.switchToHttp().getRequest<unknown>();
  }
}

class TokenSession implements TotpSession {
  constructor(
    readonly userId: string,
    readonly tenantId: string,
    readonly handle: string,
    readonly expiresAt: number,
  ) {}
}

function keyOf({ tenantId, userId, handle }: TotpSession): string {
  return JSON.stringify([tenantId, userId, handle]);
}
