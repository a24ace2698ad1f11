/** Gives pages the session as the module sees it, `request.totp`: when it completed the second step, and how to complete it. */
import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { SessionContainer, TotpSessionAdapter } from 'nestjs-totp';
import { type SignedInRequest } from './signed-in.guard.js';

export interface TotpRequest extends SignedInRequest {
  totp: SessionContainer;
}

/** Goes after `SignedInGuard`. It refuses nothing that is signed in: the module's `TotpGuard` does. */
@Injectable()
export class TotpSessionGuard implements CanActivate {
  constructor(private readonly adapter: TotpSessionAdapter) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.adapter.resolve(context);
    if (session === undefined) throw new UnauthorizedException({ message: 'unauthorised' });
    context.switchToHttp().getRequest<TotpRequest>().totp = new SessionContainer(session);
    return true;
  }
}
