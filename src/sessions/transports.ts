/** Finds, for each transport, the object on which the server's own code notes who is calling. A client never writes it. */
import type { ExecutionContext } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import { property } from '../shared/unknown.js';

/** What to write when a transport's context has no such object. */
const ADVICE: Readonly<Record<string, string>> = {
  graphql:
    'Let the GraphQL context have the request as its property req, which Nest does for queries and mutations; for subscriptions, write ' +
    'context: ({ extra }) => ({ req: extra.request }).',
  rpc: 'Let your transport pass a context object to its handlers, on which a guard of yours sets user.',
};
const OTHER_ADVICE =
  'Override getRequest(context) in your TotpSessionAdapter to return a request that your server has authenticated, or exempt the ' +
  'handler with @WithoutTotp().';

/**
 * The object that a sign-in guard sets `user` on: the request over HTTP and in GraphQL; for a WebSocket gateway, the socket as a
 * `SocketRequest`; for a message handler, the transport's context, such as `TcpContext`. It is the same object throughout a request.
 *
 * Messages, GraphQL arguments and connection parameters are not considered: a client could write that it has completed TOTP.
 *
 * @throws TotpConfigurationError when the context has no object that only the server writes
 */
export function requestOf(context: ExecutionContext): object {
  const request = findRequest(context);
  if (request !== undefined) return request;
  const type = context.getType<string>();
  throw new TotpConfigurationError(
    `TotpModule: ${nameOf(context.getClass())}.${nameOf(context.getHandler())} was called without an HTTP request (its context has the ` +
      `type ${JSON.stringify(type)}), and everything else that it received may come from a client, so no session is read from it. ` +
      (ADVICE[type] ?? OTHER_ADVICE),
  );
}

/** The same, or undefined: for what an application's own adapter may not need. */
export function findRequest(context: ExecutionContext): object | undefined {
  return candidates(context).find(isInstance);
}

/**
 * What a guard and a handler both see of one request or message, and no later one does: over WebSockets, where the socket stays, the
 * message. Only a message that is no object is known by its socket.
 */
export function requestInProgress(context: ExecutionContext): object | undefined {
  if (context.getType<string>() === 'ws') {
    const message: unknown = context.switchToWs().getData<unknown>();
    if (typeof message === 'object' && message !== null) return message;
  }
  return findRequest(context);
}

function candidates(context: ExecutionContext): readonly unknown[] {
  switch (context.getType<string>()) {
    case 'http':
      return [context.switchToHttp().getRequest<unknown>()];
    case 'graphql': {
      // As `GqlExecutionContext.create(context).getContext()` of @nestjs/graphql, which may not be installed.
      const graphql: unknown = context.getArgByIndex(2);
      return [property(graphql, 'req')];
    }
    case 'ws':
      return [socketRequest(context.switchToWs().getClient<unknown>())];
    case 'rpc':
      return [context.switchToRpc().getContext<unknown>()];
    default:
      return [];
  }
}

/**
 * A socket in the form of a request. The user is what the server's code has set on the socket, on its `data` (Socket.IO), or on the
 * request that opened it; session and headers are those of that request.
 */
export class SocketRequest {
  constructor(private readonly socket: object) {}

  get user(): unknown {
    return (
      property(this.socket, 'user') ??
      property(property(this.socket, 'data'), 'user') ??
      property(this.upgradeRequest, 'user')
    );
  }

  /** Read each time: reloading a session replaces the object. */
  get session(): unknown {
    return property(this.upgradeRequest, 'session');
  }

  get headers(): unknown {
    return property(this.upgradeRequest, 'headers');
  }

  private get upgradeRequest(): unknown {
    return property(this.socket, 'request');
  }
}

const socketRequests = new WeakMap<object, SocketRequest>();

function socketRequest(socket: unknown): SocketRequest | undefined {
  if (!isInstance(socket)) return undefined;
  const known = socketRequests.get(socket) ?? new SocketRequest(socket);
  socketRequests.set(socket, known);
  return known;
}

/** A context that a library or a test has built may have neither class nor handler. */
function nameOf(thing: unknown): string {
  return typeof thing === 'function' ? thing.name : '?';
}

/**
 * Whether a value is an instance of a class, as no result of `JSON.parse` is. Some libraries run guards on their messages under Nest's
 * default type, `http`; no platform's request is a plain object.
 */
function isInstance(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype !== null && prototype !== Object.prototype && !Array.isArray(value);
}
