/** The session adapter for sessions on the server. */
import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import { property, textProperty } from '../shared/unknown.js';
import { optionalText, type RequestUser, RequestUserSessionAdapter } from './request-user.js';
import { type SessionIdentity, TotpSession } from './session.js';

/** The name of the module's entry in the session. */
const KEY = 'nestjs-totp';

/**
 * For sessions on the server: reads the user from `request.user` and keeps the completion in `request.session`, as
 * `express-session` and Fastify's session plugins provide it.
 */
@Injectable()
export class RequestSessionAdapter extends RequestUserSessionAdapter {
  protected override createSession(request: unknown, user: RequestUser): TotpSession {
    const handle = this.getHandle(this.getStore(request));
    return new RequestSession({ ...user, handle }, () => this.getStore(request));
  }

  /**
   * The object in which the session stores data between requests.
   *
   * @throws TotpConfigurationError when the request has none, or one that the client could change
   */
  protected getStore(request: unknown): object {
    const store = property(request, 'session');
    if (typeof store !== 'object' || store === null) {
      throw new TotpConfigurationError(
        'TotpModule: the request has a user but no session, so the completion of TOTP cannot be stored. ' +
          'Add express-session or @fastify/session, or, for bearer tokens, write ' +
          'providers: [{ provide: TotpSessionAdapter, useClass: TotpTokenSessionAdapter }].',
      );
    }
    if (property(property(request, 'sessionOptions'), 'signed') === false) {
      throw new TotpConfigurationError(
        'TotpModule: cookie-session is set to signed: false, so clients could claim that they completed TOTP. Remove that option ' +
          'and give cookie-session keys.',
      );
    }
    return store;
  }

  /**
   * A handle for the session: a hash of its id, since the id itself is often the secret value of a cookie. A session that is stored
   * in a cookie has no id, and is given a random one.
   */
  protected getHandle(store: object): string {
    const id = optionalText(store, 'id', 'request.session') ?? optionalText(store, 'sessionId', 'request.session');
    if (id !== undefined) return createHash('sha256').update(id).digest('hex');
    const entry = property(store, KEY);
    const kept = textProperty(entry, 'handle');
    if (kept !== undefined) return kept;
    const handle = randomUUID();
    Reflect.set(store, KEY, { ...(typeof entry === 'object' ? entry : {}), handle });
    return handle;
  }
}

/**
 * A session whose completion is kept in `request.session`, together with the user id: when another user signs in over the same
 * session, it has not completed TOTP.
 */
export class RequestSession extends TotpSession {
  readonly userId: string;
  override readonly tenantId: string;
  readonly handle: string;

  /** @param store called each time: the application may have regenerated the session, which replaces the object */
  constructor(
    { userId, tenantId, handle }: SessionIdentity,
    private readonly store: () => object,
  ) {
    super();
    this.userId = userId;
    this.tenantId = tenantId;
    this.handle = handle;
  }

  override completedAt(): Promise<number | undefined> {
    const entry = property(this.store(), KEY);
    const at = property(entry, 'completedAt');
    const isOwn = property(entry, 'userId') === this.userId;
    return Promise.resolve(isOwn && typeof at === 'number' ? at : undefined);
  }

  override complete(at: number): Promise<void> {
    Reflect.set(this.store(), KEY, { handle: this.handle, userId: this.userId, completedAt: at });
    return Promise.resolve();
  }
}
