/** Lets only signed-in users pass, and hands their sessions to the handlers. */
import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import { refusalFor } from './refusals.js';
import { SessionContainer } from './session.js';
import { TotpSessionAdapter } from './session-adapter.js';
import { requestInProgress } from './transports.js';

/** The sessions of requests in progress. */
const sessions = new WeakMap<object, SessionContainer>();

/** The session that a guard has found for a request in progress. */
export function keptSession(context: ExecutionContext): SessionContainer | undefined {
  const request = requestInProgress(context);
  return request && sessions.get(request);
}

/** Keeps the session that a guard has found, for `@CurrentTotpSession()`. */
export function keepSession(context: ExecutionContext, session: SessionContainer): void {
  const request = requestInProgress(context);
  if (request !== undefined) sessions.set(request, session);
}

/**
 * Refuses callers without a signed-in user, and does not ask whether they completed TOTP: for your own routes on which codes are entered and
 * devices are managed. List it after your sign-in guard.
 *
 * @example
 * \@UseGuards(SignInGuard, TotpSessionGuard)
 * \@WithoutTotp()
 * \@Post('code')
 * enterCode(@CurrentTotpSession() session: SessionContainer, @Body() { code }: CodeDto) {
 *   return this.totp.verifyTOTP({ userId: session.getUserId(), session, totp: code });
 * }
 */
@Injectable()
export class TotpSessionGuard implements CanActivate {
  constructor(@Inject(TotpSessionAdapter) private readonly adapter: TotpSessionAdapter) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.adapter.resolve(context);
    if (!session) throw await refusalFor(context, 'no-session');
    keepSession(context, new SessionContainer(session));
    return true;
  }
}

/**
 * Passes the session of the caller to a handler, as a `SessionContainer`: in a controller, resolver, gateway or message handler behind
 * `TotpGuard` or `TotpSessionGuard`.
 *
 * @throws TotpConfigurationError without such a guard
 */
export const CurrentTotpSession = createParamDecorator((_: unknown, context: ExecutionContext): SessionContainer => {
  const session = keptSession(context);
  if (session !== undefined) return session;
  throw new TotpConfigurationError(
    `TotpModule: ${context.getClass().name}.${context.getHandler().name} has @CurrentTotpSession(), but no guard has found the session. ` +
      'Write @UseGuards(SignInGuard, TotpSessionGuard), or TotpGuard if the session must have completed TOTP.',
  );
});
