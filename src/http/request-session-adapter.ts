import { createHash, randomUUID } from 'node:crypto';
import { type ExecutionContext, Injectable } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import { property, textProperty } from '../shared/unknown.js';
import { tenantIdOf, userIdOf } from './request-user.js';
import { type TotpSession, TotpSessionAdapter } from './session.js';

/** The name of the module's entry in the session. */
const KEY = 'nestjs-totp';

/**
 * For sessions on the server: reads the user from `request.user` and keeps the completion in `request.session`, as
 * `express-session` and Fastify's session plugins provide it.
 *
 * The completion is kept together with the user id, so a session that goes over to another user has not completed anything.
 */
@Injectable()
export class RequestSessionAdapter extends TotpSessionAdapter {
  override resolve(context: ExecutionContext): Promise<TotpSession | undefined> {
    const request = this.getRequest(context);
    const user = property(request, 'user');
    const userId = userIdOf(user);
    if (userId === undefined) return Promise.resolve(undefined);
    const store = this.getStore(request);
    return Promise.resolve(new RequestSession(userId, tenantIdOf(user), this.getHandle(store), request));
  }

  override completedAt(session: TotpSession): Promise<number | undefined> {
    const entry = property(this.storeOf(session), KEY);
    const at = property(entry, 'completedAt');
    const isOwn = property(entry, 'userId') === session.userId;
    return Promise.resolve(isOwn && typeof at === 'number' ? at : undefined);
  }

  override complete(session: TotpSession, at: number): Promise<void> {
    Reflect.set(this.storeOf(session), KEY, { handle: session.handle, userId: session.userId, completedAt: at });
    return Promise.resolve();
  }

  /** The request of a context; GraphQL and other contexts override this. */
  protected getRequest(context: ExecutionContext): unknown {
    return context.switchToHttp().getRequest<unknown>();
  }

  /** Where the session keeps things between requests. */
  protected getStore(request: unknown): object {
    const store = property(request, 'session');
    if (typeof store === 'object' && store !== null) return store;
    throw new TotpConfigurationError(
      'TotpModule: there is a request.user but no request.session, so it cannot be remembered that TOTP was completed. ' +
        'Add express-session or @fastify/session, or, for bearer tokens, write ' +
        'providers: [{ provide: TotpSessionAdapter, useClass: TotpTokenSessionAdapter }].',
    );
  }

  /**
   * A handle for the session: made of its id, which is a secret where it is the value of a cookie; for sessions that live in a
   * cookie and have no id, one that is put into them.
   */
  protected getHandle(store: object): string {
    const known = textProperty(store, 'id') ?? textProperty(store, 'sessionId');
    if (known !== undefined) return createHash('sha256').update(known).digest('hex');
    const entry = property(store, KEY);
    const kept = textProperty(entry, 'handle');
    if (kept !== undefined) return kept;
    const handle = randomUUID();
    Reflect.set(store, KEY, { ...(typeof entry === 'object' ? entry : {}), handle });
    return handle;
  }

  /** Asked for anew each time: the session may have been given a new id, and a new object, in between. */
  private storeOf(session: TotpSession): object {
    if (session instanceof RequestSession) return this.getStore(session.request);
    throw new TotpConfigurationError(
      'RequestSessionAdapter was given a session that it did not resolve: override resolve, completedAt and complete together.',
    );
  }
}

class RequestSession implements TotpSession {
  constructor(
    readonly userId: string,
    readonly tenantId: string,
    readonly handle: string,
    readonly request: unknown,
  ) {}
}
