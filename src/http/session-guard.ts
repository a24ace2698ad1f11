import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { unauthorised } from './refusals.js';
import { bodyFields } from './requests.js';
import { property } from '../shared/unknown.js';
import { SessionContainer, TotpSessionAdapter } from './session.js';

/** The sessions of the requests that are under way. */
const sessions = new WeakMap<object, SessionContainer>();

/** Lets only signed-in users reach the module's routes: anybody else gets a 401. */
@Injectable()
export class TotpSessionGuard implements CanActivate {
  constructor(@Inject(TotpSessionAdapter) private readonly adapter: TotpSessionAdapter) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.adapter.resolve(context);
    if (!session) throw unauthorised();
    sessions.set(context.switchToHttp().getRequest<object>(), new SessionContainer(this.adapter, session));
    return true;
  }
}

/** A request to the module behind `TotpSessionGuard`, the same on every platform. */
export interface TotpRequest {
  readonly session: SessionContainer;
  /** The platform's own request. */
  readonly raw: object;
  /** The platform's own response. */
  readonly response: unknown;
  /** The fields of the body; a 400 if it is none. Read past the application's pipes, which may change or strip them. */
  fields(): object;
}

export const CurrentRequest = createParamDecorator((_: unknown, context: ExecutionContext): TotpRequest => {
  const raw = context.switchToHttp().getRequest<object>();
  const session = sessions.get(raw);
  if (session === undefined) throw unauthorised();
  return {
    session,
    raw,
    response: context.switchToHttp().getResponse<unknown>(),
    fields: () => bodyFields(property(raw, 'body'), property(raw, 'headers')),
  };
});
