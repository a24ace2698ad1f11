/** Lets only signed-in agents of the support desk pass. */
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { type Request, type Response } from 'express';

declare module 'express-session' {
  interface SessionData {
    /** The name of the agent who gave the support desk's password. */
    agent: string;
  }
}

export interface SupportRequest extends Request {
  agent: string;
}

@Injectable()
export class SupportGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<SupportRequest>();
    const { agent } = request.session;
    if (agent === undefined) {
      context.switchToHttp().getResponse<Response>().redirect(303, '/support/sign-in');
      return false;
    }
    request.agent = agent;
    return true;
  }
}
