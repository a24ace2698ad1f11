/** Begins, renews and ends sessions. */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Request } from 'express';
import { filter, type Observable, Subject } from 'rxjs';

declare module 'express-session' {
  interface SessionData {
    /** Who gave the right password. */
    userId: string;
    /** A name for the session that is no secret, and stays when the id changes. */
    handle: string;
  }
}

@Injectable()
export class SessionsService {
  private readonly endings = new Subject<string>();

  /** After the password: under a new id, so that an id that was planted before it is worth nothing (session fixation). */
  async begin(request: Request, userId: string): Promise<void> {
    await regenerate(request);
    Object.assign(request.session, { userId, handle: randomUUID() });
    await save(request);
  }

  /** The same session under a new id. */
  async renew(request: Request): Promise<void> {
    const before = request.session;
    await regenerate(request);
    Object.assign(request.session, before, { cookie: request.session.cookie });
    await save(request);
  }

  async end(request: Request): Promise<void> {
    const { handle } = request.session;
    await new Promise<void>((resolve, reject) => {
      request.session.destroy(settle(resolve, reject));
    });
    if (handle !== undefined) this.endings.next(handle);
  }

  /** Emits when the session is ended. */
  ended(handle: string | undefined): Observable<string> {
    return this.endings.pipe(filter((ended) => ended === handle));
  }
}

function regenerate(request: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    request.session.regenerate(settle(resolve, reject));
  });
}

/** express-session also saves by itself, but after the head of the answer is sent: a redirect could be followed before. */
function save(request: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    request.session.save(settle(resolve, reject));
  });
}

function settle(resolve: () => void, reject: (error: Error) => void): (error: unknown) => void {
  return (error) => {
    if (error === undefined || error === null) resolve();
    else reject(error instanceof Error ? error : new Error('The session could not be changed.', { cause: error }));
  };
}
