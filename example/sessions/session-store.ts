/** Keeps the sessions of express-session in the database. */
import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type SessionData, Store } from 'express-session';
import { LessThan, MoreThan, Repository } from 'typeorm';
import { SessionEntity } from './session.entity.js';

/** A session ends this long after it was last changed, in milliseconds. */
export const SESSION_LIFETIME = 12 * 60 * 60 * 1000;

type Callback<Result> = (error: unknown, result?: Result) => void;

@Injectable()
export class SessionStore extends Store {
  constructor(@InjectRepository(SessionEntity) private readonly sessions: Repository<SessionEntity>) {
    super();
  }

  override get(sessionId: string, callback: Callback<SessionData | null>): void {
    const found = this.sessions.findOneBy({ id: hashed(sessionId), expiresAt: MoreThan(Date.now()) });
    answer(
      found.then((row) => row?.data ?? null),
      callback,
    );
  }

  override set(sessionId: string, data: SessionData, callback: Callback<void> = () => undefined): void {
    answer(this.save(sessionId, data), callback);
  }

  override destroy(sessionId: string, callback: Callback<void> = () => undefined): void {
    const deleted = this.sessions.delete({ id: hashed(sessionId) });
    answer(
      deleted.then(() => undefined),
      callback,
    );
  }

  private async save(sessionId: string, data: SessionData): Promise<void> {
    const now = Date.now();
    await this.sessions.upsert({ id: hashed(sessionId), data, expiresAt: now + SESSION_LIFETIME }, ['id']);
    await this.sessions.delete({ expiresAt: LessThan(now) });
  }
}

function hashed(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('hex');
}

function answer<Result>(work: Promise<Result>, callback: Callback<Result>): void {
  work.then((result) => {
    callback(null, result);
  }, callback);
}
