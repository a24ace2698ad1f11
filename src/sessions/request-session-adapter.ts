/** The session adapter for sessions on the server. */
import { createHash, randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import { logError } from '../shared/log-error.js';
import { property, textProperty } from '../shared/unknown.js';
import { optionalText, type RequestUser, RequestUserSessionAdapter } from './request-user.js';
import { type SessionIdentity, TotpSession } from './session.js';
import { SocketRequest } from './transports.js';

/** The name of the module's entry in the session. */
const KEY = 'nestjs-totp';

/**
 * For sessions on the server: reads the user from `request.user` and keeps the completion in `request.session`, as
 * `express-session` and Fastify's session plugins provide it. For WebSocket gateways, that is the session of the request that opened the
 * socket: `io.engine.use(sessionMiddleware)`.
 */
@Injectable()
export class RequestSessionAdapter extends RequestUserSessionAdapter {
  protected override createSession(request: unknown, user: RequestUser): TotpSession {
    const handle = this.getHandle(this.getStore(request));
    const Session = request instanceof SocketRequest ? SocketSession : RequestSession;
    return new Session({ ...user, handle }, () => this.getStore(request));
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
    protected readonly store: () => object,
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

/**
 * The session behind a socket. It was read when the socket opened, so it is read again each time, and saved at once: nothing else would save
 * it. A session that has ended since has not completed TOTP.
 */
class SocketSession extends RequestSession {
  private static readonly logger = new Logger('TotpModule');

  override async completedAt(): Promise<number | undefined> {
    try {
      await this.call('reload');
    } catch (error) {
      if (error instanceof TotpConfigurationError) throw error;
      logError(SocketSession.logger, 'The session of a socket has ended, or could not be read again', error);
      return undefined;
    }
    return super.completedAt();
  }

  override async complete(at: number): Promise<void> {
    await this.call('reload');
    await super.complete(at);
    await this.call('save');
  }

  /** Calls a method of `express-session`, which takes a callback. */
  private call(name: 'reload' | 'save'): Promise<void> {
    const store = this.store();
    const method: unknown = Reflect.get(store, name);
    if (typeof method !== 'function') {
      throw new TotpConfigurationError(
        `TotpModule: the session of a socket has no ${name}(), so it cannot be kept up to date while the socket is open. Let ` +
          'express-session provide it, or write providers: [{ provide: TotpSessionAdapter, useClass: TotpDatabaseSessionAdapter }].',
      );
    }
    return new Promise((resolve, reject) => {
      Reflect.apply(method, store, [
        (error: unknown) => {
          if (error === undefined || error === null) resolve();
          else reject(error instanceof Error ? error : new Error(`${name}() of the session failed`, { cause: error }));
        },
      ]);
    });
  }
}
