/** Connects the module with the application's sessions. */
import type { ExecutionContext } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import type { TotpSession } from './session.js';

/**
 * Finds the session of a request.
 *
 * The default is `RequestSessionAdapter`; `TotpTokenSessionAdapter` is for bearer tokens. An adapter of your own must read the
 * request through `getRequest`, which never treats a message that a client wrote as a request.
 *
 * @example
 * \@Injectable()
 * class Sessions extends TotpSessionAdapter {
 *   override async resolve(context: ExecutionContext) {
 *     const session = await this.mySessions.find(this.getRequest(context));
 *     return session && new MyTotpSession(session); // extends TotpSession
 *   }
 * }
 */
export abstract class TotpSessionAdapter {
  /** The session of a request; undefined without a signed-in user, which is answered with 401. */
  abstract resolve(context: ExecutionContext): Promise<TotpSession | undefined>;

  /**
   * The request of a context. For GraphQL, WebSockets and messages, override this and return what your server knows about the
   * sender: the message itself is written by the client.
   *
   * @throws TotpConfigurationError for a context that is not HTTP
   */
  protected getRequest(context: ExecutionContext): unknown {
    const request = context.switchToHttp().getRequest<unknown>();
    const type = context.getType<string>();
    // Some libraries run guards on their messages under Nest's default type, `http`. No platform's request is a plain object.
    if (type === 'http' && !isPlain(request)) return request;
    throw new TotpConfigurationError(
      `TotpModule: ${nameOf(context.getClass())}.${nameOf(context.getHandler())} was not called by an HTTP request (its context ` +
        `has the type ${JSON.stringify(type)}), so its arguments may come from a client, and no session is read from them. ` +
        'Override getRequest(context) in your TotpSessionAdapter to return a request that your server has authenticated, or exempt ' +
        'the handler with @WithoutTotp().',
    );
  }
}

/** A context that a library or a test has built may have neither class nor handler. */
function nameOf(thing: unknown): string {
  return typeof thing === 'function' ? thing.name : '?';
}

/** Whether a value could come from `JSON.parse`, and is not an instance of a class. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Array.isArray(value);
}
