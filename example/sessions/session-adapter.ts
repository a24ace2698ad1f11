/** Connects the module with the example's sessions. Beyond the module's own adapter, it gives a session a new id after the code. */
import { Injectable } from '@nestjs/common';
import { type Request } from 'express';
import { RequestSession, RequestSessionAdapter, type RequestUser, type SessionIdentity } from 'nestjs-totp';
import { SessionsService } from './sessions.service.js';

@Injectable()
export class SessionAdapter extends RequestSessionAdapter {
  constructor(private readonly sessions: SessionsService) {
    super();
  }

  protected override createSession(request: Request, user: RequestUser): RequestSession {
    const handle = this.getHandle(request.session);
    return new RenewedSession({ ...user, handle }, request, this.sessions);
  }

  /** The name that events use for the session: not its id, which opens the session. */
  protected override getHandle(store: Request['session']): string {
    return store.handle ?? super.getHandle(store);
  }
}

class RenewedSession extends RequestSession {
  constructor(
    identity: SessionIdentity,
    private readonly request: Request,
    private readonly sessions: SessionsService,
  ) {
    super(identity, () => request.session);
  }

  /** An id that was learnt before the code was entered does not open the session after it. */
  override async complete(at: number): Promise<void> {
    await super.complete(at);
    await this.sessions.renew(this.request);
  }
}
