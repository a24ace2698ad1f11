/** Begins, renews and ends sessions. */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Request } from 'express';
import { type SessionData } from 'express-session';
import { TotpClock } from 'nestjs-totp';
import { filter, type Observable, Subject } from 'rxjs';
import { type Flash } from './flash.js';
import { SessionStore } from './session-store.js';

declare module 'express-session' {
  interface SessionData {
    /** The user who gave the right password. */
    userId: string;
    /** A name for the session that is no secret, and stays the same when the id changes. */
    handle: string;
    /** Epoch milliseconds, by the module's clock. */
    signedInAt: number;
    /** How the browser names itself. */
    userAgent: string;
  }
}

@Injectable()
export class SessionsService {
  private readonly changes = new Subject<string>();

  constructor(
    private readonly store: SessionStore,
    private readonly clock: TotpClock,
  ) {}

  /** After the password: under a new id, so that an id that was planted before it is worth nothing (session fixation). */
  async begin(request: Request, userId: string): Promise<void> {
    const { handle } = request.session;
    await this.regenerate(request);
    const userAgent = (request.headers['user-agent'] ?? '').slice(0, 256);
    Object.assign(request.session, { userId, handle: randomUUID(), signedInAt: this.clock.now(), userAgent });
    await save(request);
    this.changed(handle);
  }

  /** After the support desk's password. */
  async beginSupport(request: Request, agent: string): Promise<void> {
    await this.regenerate(request);
    Object.assign(request.session, { agent });
    await save(request);
  }

  /** The same session under a new id. */
  async renew(request: Request): Promise<void> {
    const before = request.session;
    await this.regenerate(request);
    Object.assign(request.session, before, { cookie: request.session.cookie });
    await save(request);
    this.changed(before.handle);
  }

  async end(request: Request): Promise<void> {
    const { handle } = request.session;
    await new Promise<void>((resolve, reject) => {
      request.session.destroy(settle(resolve, reject));
    });
    this.changed(handle);
  }

  /** The user's sessions, newest first. */
  ofUser(userId: string): Promise<SessionData[]> {
    return this.store.ofUser(userId);
  }

  /**
   * Ends sessions of a user that are not the given one.
   *
   * @param kept the handle of the session that stays
   * @param since ends those that began at this time or before, in epoch ms; all by default
   */
  async endOthers(userId: string, kept: string | undefined, since = Infinity): Promise<void> {
    await this.endWhere(userId, (session) => session.handle !== kept && session.signedInAt <= since);
  }

  endOne(userId: string, handle: string): Promise<void> {
    return this.endWhere(userId, (session) => session.handle === handle);
  }

  /** Keeps a message for the page that a redirect leads to. */
  async tell(request: Request, flash: Flash): Promise<void> {
    request.session.flash = flash;
    await save(request);
  }

  /** Whether the session with this id is still there and has not expired. */
  isOpen(sessionId: string): Promise<boolean> {
    return this.store.has(sessionId);
  }

  /** Emits when the session ended or got a new id: open connections must be asked for again. */
  changesOf(handle: string | undefined): Observable<string> {
    return this.changes.pipe(filter((changed) => changed === handle));
  }

  /** Under a new id, and empty. */
  private async regenerate(request: Request): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      request.session.regenerate(settle(resolve, reject));
    });
    this.store.begin(request.sessionID);
  }

  private async endWhere(userId: string, ends: (session: SessionData) => boolean): Promise<void> {
    for (const { handle } of await this.store.removeOfUser(userId, ends)) this.changed(handle);
  }

  private changed(handle: string | undefined): void {
    if (handle !== undefined) this.changes.next(handle);
  }
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
