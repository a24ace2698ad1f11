/** Keeps the sessions of express-session in the database. */
import { createHash } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type SessionData, Store } from 'express-session';
import { In, LessThan, MoreThan, Repository } from 'typeorm';
import { SessionEntity } from './session.entity.js';

export const SESSION_COOKIE = 'keepsake';

/** A session ends this long after it was last changed, in milliseconds. */
export const SESSION_LIFETIME = 12 * 60 * 60 * 1000;

type Callback<Result> = (error: unknown, result?: Result) => void;

@Injectable()
export class SessionStore extends Store implements OnModuleInit {
  private readonly begun = new Set<string>();

  constructor(@InjectRepository(SessionEntity) private readonly sessions: Repository<SessionEntity>) {
    super();
  }

  override get(sessionId: string, callback: Callback<SessionData | null>): void {
    answer(this.find(sessionId), callback);
  }

  override set(sessionId: string, data: SessionData, callback: Callback<void> = () => undefined): void {
    answer(this.save(sessionId, data), callback);
  }

  override destroy(sessionId: string, callback: Callback<void> = () => undefined): void {
    answer(this.remove(sessionId), callback);
  }

  /** Lets a new session be stored. Any other is only updated: a request on its way must not bring back a session that was ended. */
  begin(sessionId: string): void {
    this.begun.add(hashed(sessionId));
  }

  async has(sessionId: string): Promise<boolean> {
    return (await this.find(sessionId)) !== null;
  }

  /** The user's sessions that have not expired, newest first. */
  async ofUser(userId: string): Promise<SessionData[]> {
    const rows = await this.sessions.findBy({ userId, expiresAt: MoreThan(Date.now()) });
    return rows.map(({ data }) => data).sort((one, other) => other.signedInAt - one.signedInAt);
  }

  /** Removes those of the user's sessions that `ends` returns true for. Returns what they held. */
  async removeOfUser(userId: string, ends: (session: SessionData) => boolean): Promise<SessionData[]> {
    const rows = (await this.sessions.findBy({ userId })).filter(({ data }) => ends(data));
    if (rows.length > 0) await this.sessions.delete({ id: In(rows.map(({ id }) => id)) });
    return rows.map(({ data }) => data);
  }

  /** Expired sessions are no longer found; their rows are deleted at the next start. */
  async onModuleInit(): Promise<void> {
    await this.sessions.delete({ expiresAt: LessThan(Date.now()) });
  }

  private async find(sessionId: string): Promise<SessionData | null> {
    const row = await this.sessions.findOneBy({ id: hashed(sessionId), expiresAt: MoreThan(Date.now()) });
    return row?.data ?? null;
  }

  private async save(sessionId: string, data: SessionData): Promise<void> {
    // The support desk's sessions have no user.
    const { userId = null } = data as Partial<SessionData>;
    const row = { userId, data, expiresAt: Date.now() + SESSION_LIFETIME };
    const id = hashed(sessionId);
    if (this.begun.delete(id)) await this.sessions.insert({ id, ...row });
    else await this.sessions.update({ id }, row);
  }

  private async remove(sessionId: string): Promise<void> {
    await this.sessions.delete({ id: hashed(sessionId) });
  }
}

function hashed(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('hex');
}

/** What express-session waits for is a callback. */
function answer<Result>(work: Promise<Result>, callback: Callback<Result>): void {
  work.then((result) => {
    callback(null, result);
  }, callback);
}
