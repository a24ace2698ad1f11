/** Connects the module with the application's sessions. */
import type { ExecutionContext } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import type { TotpSession } from './session.js';

/**
 * Finds the session of a request.
 *
 * The default is `RequestSessionAdapter`; for bearer tokens there is `TotpTokenSessionAdapter`. One of your own reads the
 * request through `getRequest`, so that it never takes a message that a client wrote for a request.
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
  /** The session of a request; undefined when nobody is signed in, which is answered with 401. */
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
        `has the type ${JSON.stringify(type)}), so a client may have written what it was called with, and no session is read from that. ` +
        'Override getRequest(context) in your TotpSessionAdapter to return a request that your server has authenticated, or exempt ' +
        'the handler with @WithoutTotp().',
    );
  }
}

/** A context that a library or a test has made may have neither class nor handler. */
function nameOf(thing: unknown): string {
  return typeof thing === 'function' ? thing.name : '?';
}

/** Whether a value is what `JSON.parse` makes, and not an instance of a class. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Array.isArray(value);
}
