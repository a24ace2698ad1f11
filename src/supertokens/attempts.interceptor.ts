/** Makes the number of attempts that are left read right on SuperTokens' pre-built screen. */
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import { property } from '../shared/unknown.js';

/**
 * The screen shows `maxNumberOfFailedAttempts - currentNumberOfFailedAttempts + 1` attempts: one too many when a code that was used already
 * is refused first, since that does not count as a failure. So the answer says 1 instead of 0.
 */
export class AttemptsInterceptor implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map(withAnAttempt));
  }
}

function withAnAttempt(answer: unknown): unknown {
  const isFirst =
    property(answer, 'status') === 'INVALID_TOTP_ERROR' && property(answer, 'currentNumberOfFailedAttempts') === 0;
  return isFirst ? Object.assign({}, answer, { currentNumberOfFailedAttempts: 1 }) : answer;
}
