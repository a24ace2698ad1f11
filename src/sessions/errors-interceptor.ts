/** Answers the errors of `TotpService` in handlers of the application's own. */
import {
  BadRequestException,
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, type Observable } from 'rxjs';
import { TotpArgumentError, TotpStepUpRequiredError } from '../shared/errors.js';
import { forTransport, refusal } from './refusals.js';
import { keptSession } from './session-guard.js';
import { SessionHeaderWriter } from './session-headers.js';

/**
 * For your own controllers, resolvers, gateways and message handlers that call `TotpService`: turns `TotpStepUpRequiredError` into the
 * refusal that `TotpGuard` throws for a session without a code (over HTTP, 403), and `TotpArgumentError` into a 400 whose message names the
 * argument. The transport's exception filters see these exceptions, so your own filters apply to them.
 *
 * @example
 * \@UseGuards(SignInGuard, TotpSessionGuard)
 * \@UseInterceptors(TotpErrorsInterceptor)
 * \@Controller('authenticators')
 */
@Injectable()
export class TotpErrorsInterceptor implements NestInterceptor {
  constructor(@Inject(SessionHeaderWriter) private readonly headers: SessionHeaderWriter) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError(async (error: unknown) => {
        const session = error instanceof TotpStepUpRequiredError ? keptSession(context) : undefined;
        if (session !== undefined) await this.headers.write(context, session);
        throw await exceptionOf(error, context);
      }),
    );
  }
}

async function exceptionOf(error: unknown, context: ExecutionContext): Promise<unknown> {
  if (error instanceof TotpStepUpRequiredError) return forTransport(context, refusal('no-code'));
  if (error instanceof TotpArgumentError) return forTransport(context, new InvalidArgumentException(error));
  return error;
}

/** A 400. In GraphQL, an error whose extensions have the code `BAD_USER_INPUT`. */
class InvalidArgumentException extends BadRequestException {
  readonly extensions = { code: 'BAD_USER_INPUT', errorCode: 'TOTP_ARGUMENT' };

  constructor(error: TotpArgumentError) {
    super({ message: error.message, errorCode: error.code }, { cause: error });
    this.message = error.message;
  }
}
