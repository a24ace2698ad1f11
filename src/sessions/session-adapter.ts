/** Connects the module with the application's sessions. */
import type { ExecutionContext } from '@nestjs/common';
import type { TotpSession } from './session.js';
import { requestOf } from './transports.js';

/**
 * Finds the session of a caller.
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
  /** The session of a caller; undefined without a signed-in user, who is refused (401). */
  abstract resolve(context: ExecutionContext): Promise<TotpSession | undefined>;

  /**
   * The object on which your sign-in guard notes the user: the request over HTTP and in GraphQL; for a WebSocket gateway, a
   * `SocketRequest`; for a message handler, the transport's context. For other transports, override this and return what your server
   * knows about the sender.
   *
   * @throws TotpConfigurationError for a context in which everything may come from the client
   */
  protected getRequest(context: ExecutionContext): unknown {
    return requestOf(context);
  }
}
