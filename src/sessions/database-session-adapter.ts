/** The session adapter for sessions on the server whose completion is kept in the module's table. */
import { Inject, Injectable } from '@nestjs/common';
import { TotpClock } from '../shared/clock.js';
import { property } from '../shared/unknown.js';
import { SessionCompletions } from '../storage/session-completions.js';
import type { RequestUser } from './request-user.js';
import { RequestSessionAdapter } from './request-session-adapter.js';
import type { TotpSession } from './session.js';
import { TokenSession, WITHOUT_EXPIRY_MS } from './token-session-adapter.js';

/**
 * For sessions on the server, like `RequestSessionAdapter`, but keeps the completion in the module's table `totp_session_completions`, under
 * the id of `request.session`. A request that writes to the session while a code is accepted cannot overwrite it there, and a sign-in that
 * renews the id of the session starts without it, even if it keeps the session's data.
 *
 * @example
 * TotpModule.forRoot({ …, providers: [{ provide: TotpSessionAdapter, useClass: TotpDatabaseSessionAdapter }] });
 */
@Injectable()
export class TotpDatabaseSessionAdapter extends RequestSessionAdapter {
  constructor(
    @Inject(SessionCompletions) protected readonly completions: SessionCompletions,
    @Inject(TotpClock) protected readonly clock: TotpClock,
  ) {
    super();
  }

  protected override createSession(request: unknown, user: RequestUser): TotpSession {
    const store = this.getStore(request);
    const handle = this.getHandle(store);
    return new TokenSession({ ...user, handle }, this.getExpiry(store), this.completions, this.clock);
  }

  /** Until when the completion is kept, in epoch ms: until the session's cookie expires, or for a day if it has no such time. */
  protected getExpiry(store: object): number {
    const expires = property(property(store, 'cookie'), 'expires');
    return expires instanceof Date ? expires.getTime() : this.clock.now() + WITHOUT_EXPIRY_MS;
  }
}
