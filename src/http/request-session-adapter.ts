import { randomUUID } from 'node:crypto';
import { type ExecutionContext, Injectable } from '@nestjs/common';
import { TotpConfigurationError } from '../totp.errors.js';
import { property, tenantIdOf, textProperty, userIdOf } from './request-user.js';
import { type TotpSession, TotpSessionAdapter } from './session.js';

/** The name of the module's entry in the session. */
const KEY = 'totp';

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
    return Promise.resolve(new RequestSession(userId, tenantIdOf(user), this.getHandle(store), store));
  }

  override completedAt(session: TotpSession): Promise<number | undefined> {
    const entry = property(storeOf(session), KEY);
    const at = property(entry, 'completedAt');
    const isOwn = property(entry, 'userId') === session.userId;
    return Promise.resolve(isOwn && typeof at === 'number' ? at : undefined);
  }

  override complete(session: TotpSession, at: number): Promise<void> {
    Reflect.set(storeOf(session), KEY, { handle: session.handle, userId: session.userId, completedAt: at });
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

  /** The session's own id; for sessions that live in a cookie and have none, one that is put into it. */
  protected getHandle(store: object): string {
    const known = textProperty(store, 'id') ?? textProperty(store, 'sessionId');
    if (known !== undefined) return known;
    const entry = property(store, KEY);
    const kept = textProperty(entry, 'handle');
    if (kept !== undefined) return kept;
    const handle = randomUUID();
    Reflect.set(store, KEY, { ...(typeof entry === 'object' ? entry : {}), handle });
    return handle;
  }
}

class RequestSession implements TotpSession {
  constructor(
    readonly userId: string,
    readonly tenantId: string,
    readonly handle: string,
    readonly store: object,
  ) {}
}

function storeOf(session: TotpSession): object {
  if (session instanceof RequestSession) return session.store;
  throw new TotpConfigurationError(
    'RequestSessionAdapter was given a session that it did not resolve: override resolve, completedAt and complete together.',
  );
}
