/** Refuses a caller with the exception of its transport: in the form that SuperTokens' front ends expect, where that is HTTP. */
import { type ExecutionContext, HttpException } from '@nestjs/common';

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
 * A refusal over HTTP: 401 without a session, otherwise 403. In GraphQL it is an error whose extensions have the code
 * `UNAUTHENTICATED` or `FORBIDDEN`, and the body: every GraphQL server takes over the `extensions` of an error.
 */
export class TotpRefusalException extends HttpException {
  readonly extensions: RefusalBody & { readonly code: 'UNAUTHENTICATED' | 'FORBIDDEN' };

  constructor(readonly reason: TotpRefusal) {
    const body = BODIES[reason];
    super({ ...body }, reason === 'no-session' ? 401 : 403, { errorCode: body.errorCode });
    // The message of a GraphQL error, which clients may show.
    this.message = body.claimValidationErrors?.[0].reason.message ?? body.message;
    this.extensions = { code: reason === 'no-session' ? 'UNAUTHENTICATED' : 'FORBIDDEN', ...body };
  }
}

/** Refuses a caller in an HTTP request or a GraphQL operation. */
export function refusal(reason: TotpRefusal): TotpRefusalException {
  return new TotpRefusalException(reason);
}

/** The exception that refuses a caller, for the transport of a context. */
export function refusalFor(context: ExecutionContext, reason: TotpRefusal): Promise<Error> {
  return forTransport(context, refusal(reason));
}

/**
 * An HTTP exception as the exception of a context's transport, which is the same class except for WebSocket gateways (`WsException`) and
 * message handlers (`RpcException`): Nest answers "Internal server error" to any other class there.
 */
export async function forTransport(context: ExecutionContext, exception: HttpException): Promise<Error> {
  const type = context.getType<string>();
  if (type !== 'ws' && type !== 'rpc') return exception;
  const response = exception.getResponse();
  const body = { status: 'error', ...(typeof response === 'string' ? { message: response } : response) };
  return type === 'ws' ? await webSocketException(body) : await messageException(body);
}

/** Both packages are optional, but an application with such handlers has the one that it needs. */
async function webSocketException(body: object): Promise<Error> {
  const { WsException } = await import('@nestjs/websockets');
  return new WsException(body);
}

async function messageException(body: object): Promise<Error> {
  const { RpcException } = await import('@nestjs/microservices');
  return new RpcException(body);
}

function invalidClaim(message: string, errorCode: RefusalBody['errorCode']): RefusalBody {
  return {
    message: 'invalid claim',
    errorCode,
    claimValidationErrors: [{ id: 'st-mfa', reason: { message, factorId: 'totp' } }],
  };
}
