/** Refuses a caller with the exception of its transport: in the form that SuperTokens' front ends expect, where that is HTTP. */
import { type ExecutionContext, ForbiddenException, type HttpException, UnauthorizedException } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';

/** Why a caller is refused: no user is signed in, the user has no verified device, or TOTP was not completed recently enough. */
export type TotpRefusal = 'no-session' | 'no-device' | 'no-code';

interface RefusalBody {
  readonly message: string;
  /** Identifies the reason; does not change between versions. */
  readonly errorCode: 'TOTP_SIGN_IN_REQUIRED' | 'TOTP_DEVICE_REQUIRED' | 'TOTP_CODE_REQUIRED';
  /** What the session lacks, as SuperTokens' front ends read it. Users are shown the message. */
  readonly claimValidationErrors?: readonly [
    { readonly id: 'st-mfa'; readonly reason: { readonly message: string; readonly factorId: 'totp' } },
  ];
}

const BODIES: Readonly<Record<TotpRefusal, RefusalBody>> = {
  'no-session': { message: 'unauthorised', errorCode: 'TOTP_SIGN_IN_REQUIRED' },
  'no-device': invalidClaim('Set up an authenticator app first.', 'TOTP_DEVICE_REQUIRED'),
  'no-code': invalidClaim('Enter the code from your authenticator app.', 'TOTP_CODE_REQUIRED'),
};

/**
 * Refuses a caller in an HTTP request: 401 without a session, otherwise 403. In GraphQL it is an error whose extensions have the code
 * `UNAUTHENTICATED` or `FORBIDDEN`, and the body: every GraphQL server takes over the `extensions` of an error.
 */
export function refusal(reason: TotpRefusal): HttpException {
  const body = BODIES[reason];
  const isSignedIn = reason !== 'no-session';
  // Nest's own classes, for which the exception filters of applications look.
  const exception = isSignedIn ? new ForbiddenException({ ...body }) : new UnauthorizedException({ ...body });
  return Object.assign(exception, {
    // What GraphQL clients may show.
    message: body.claimValidationErrors?.[0].reason.message ?? body.message,
    extensions: { code: isSignedIn ? 'FORBIDDEN' : 'UNAUTHENTICATED', ...body },
  });
}

/** The exception that refuses a caller, for the transport of a context. */
export function refusalFor(context: ExecutionContext, reason: TotpRefusal): Error | Promise<Error> {
  return forTransport(context, refusal(reason));
}

/**
 * An HTTP exception as the exception of a context's transport, which is the same object except for WebSocket gateways (`WsException`) and
 * message handlers (`RpcException`): Nest answers "Internal server error" to any other class there.
 */
export function forTransport(context: ExecutionContext, exception: HttpException): Error | Promise<Error> {
  const type = context.getType<string>();
  if (type !== 'ws' && type !== 'rpc') return exception;
  const response = exception.getResponse();
  const body = { status: 'error', ...(typeof response === 'string' ? { message: response } : response) };
  return type === 'ws' ? webSocketException(body) : messageException(body);
}

/**
 * Both packages are optional, but an application with such handlers has the one that it needs. Bundlers take an import within `try` for
 * optional, and bundle the others.
 */
async function webSocketException(body: object): Promise<Error> {
  try {
    const { WsException } = await import('@nestjs/websockets');
    return new WsException(body);
  } catch (cause) {
    throw missing('@nestjs/websockets', cause);
  }
}

async function messageException(body: object): Promise<Error> {
  try {
    const { RpcException } = await import('@nestjs/microservices');
    return new RpcException(body);
  } catch (cause) {
    throw missing('@nestjs/microservices', cause);
  }
}

function missing(name: string, cause: unknown): TotpConfigurationError {
  return new TotpConfigurationError(
    `TotpModule: the package ${name} cannot be loaded, whose exceptions refuse callers of this transport. Run "npm install ${name}".`,
    { cause },
  );
}

function invalidClaim(message: string, errorCode: RefusalBody['errorCode']): RefusalBody {
  return {
    message: 'invalid claim',
    errorCode,
    claimValidationErrors: [{ id: 'st-mfa', reason: { message, factorId: 'totp' } }],
  };
}
