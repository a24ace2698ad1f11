/** Prepares requests to the module's routes for the controller. */
import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { refusal } from '../sessions/refusals.js';
import type { SessionContainer } from '../sessions/session.js';
import { keptSession } from '../sessions/session-guard.js';
import { property } from '../shared/unknown.js';
import { bodyFields } from './requests.js';

/**
 * Keeps all answers of the module's routes out of caches, including errors (RFC 9111 §5.2.2.5, ASVS 14.3.2). It is a guard, and the first,
 * because Nest sets the headers of `@Header` only after all guards have passed.
 */
@Injectable()
export class NoStoreGuard implements CanActivate {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  canActivate(context: ExecutionContext): boolean {
    this.host.httpAdapter.setHeader(context.switchToHttp().getResponse(), 'Cache-Control', 'no-store');
    return true;
  }
}

/** A request to the module behind `TotpSessionGuard`, the same on every platform. */
export interface TotpRequest {
  readonly session: SessionContainer;
  readonly context: ExecutionContext;
  /** The platform's own request. */
  readonly raw: object;
  /** The platform's own response. */
  readonly response: unknown;
  /** The fields of the body; a 400 if it is invalid. They bypass the application's pipes, which may change or strip them. */
  fields(): object;
}

export const CurrentRequest = createParamDecorator((_: unknown, context: ExecutionContext): TotpRequest => {
  const raw = context.switchToHttp().getRequest<object>();
  const session = keptSession(context);
  if (session === undefined) throw refusal('no-session');
  return {
    session,
    context,
    raw,
    response: context.switchToHttp().getResponse<unknown>(),
    fields: () => bodyFields(property(raw, 'body'), property(raw, 'headers')),
  };
});
