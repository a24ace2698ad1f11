/** Tells the module of the example's sessions; beyond the module's own adapter it gives the session a new id after the code. */
import { type ExecutionContext, Injectable } from '@nestjs/common';
import { type Request } from 'express';
import { RequestSessionAdapter, type TotpSession } from 'nestjs-totp';
import { SessionsService } from './sessions.service.js';

@Injectable()
export class SessionAdapter extends RequestSessionAdapter {
  private readonly requests = new WeakMap<TotpSession, Request>();

  constructor(private readonly sessions: SessionsService) {
    super();
  }

  override async resolve(context: ExecutionContext): Promise<TotpSession | undefined> {
    const session = await super.resolve(context);
    if (session !== undefined) this.requests.set(session, context.switchToHttp().getRequest<Request>());
    return session;
  }

  override async complete(session: TotpSession, at: number): Promise<void> {
    await super.complete(session, at);
    // Who knew the id while the password alone was behind it does not know that of the stronger session.
    const request = this.requests.get(session);
    if (request !== undefined) await this.sessions.renew(request);
  }

  /** What events call the session. Not its id, which is as good as a key. */
  protected override getHandle(store: Request['session']): string {
    return store.handle ?? super.getHandle(store);
  }
}
