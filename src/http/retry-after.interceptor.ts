import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type Observable, tap } from 'rxjs';
import { property } from './property.js';

/** Gives a `LIMIT_REACHED_ERROR` its `Retry-After` header (RFC 9110 §10.2.3): whole seconds, rounded up. */
@Injectable()
export class RetryAfterInterceptor implements NestInterceptor {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      tap((answer: unknown) => {
        const wait = property(answer, 'retryAfterMs');
        if (property(answer, 'status') !== 'LIMIT_REACHED_ERROR' || typeof wait !== 'number') return;
        this.host.httpAdapter.setHeader(
          context.switchToHttp().getResponse<unknown>(),
          'Retry-After',
          String(Math.ceil(wait / 1000)),
        );
      }),
    );
  }
}
