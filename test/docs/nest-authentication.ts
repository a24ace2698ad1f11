/**
 * A stand-in for `@nestjs/authentication` 0.1, which is not on npm yet: `SessionService` with the signatures of its public repository, in
 * memory, and a guard that puts the session into the request as that package's does.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';

export interface SessionRecord {
  /** SHA-256 of the cookie's token. */
  id: string;
  userId: string;
  createdAt: Date;
  expiresAt: Date;
  lastActiveAt: Date;
  mfa?: 'pending' | 'verified';
  metadata?: Record<string, unknown>;
}

export interface IssuedSession {
  session: SessionRecord;
  token: string;
  cookie: string;
}

type Changes = Pick<Partial<SessionRecord>, 'mfa' | 'metadata'>;

const DAY_MS = 86_400_000;

@Injectable()
export class SessionService {
  private readonly records = new Map<string, SessionRecord>();

  create(userId: string): Promise<IssuedSession> {
    const now = new Date();
    const times = { createdAt: now, lastActiveAt: now, expiresAt: new Date(now.getTime() + DAY_MS) };
    return Promise.resolve(this.issue({ userId, ...times }));
  }

  validate(token: string | undefined): Promise<SessionRecord | null> {
    return Promise.resolve(this.records.get(sha256(token ?? '')) ?? null);
  }

  rotate({ id, ...rest }: SessionRecord, changes: Changes = {}): Promise<IssuedSession | null> {
    return Promise.resolve(this.records.delete(id) ? this.issue({ ...rest, ...changes }) : null);
  }

  revokeAll(userId: string): Promise<void> {
    for (const record of this.records.values()) if (record.userId === userId) this.records.delete(record.id);
    return Promise.resolve();
  }

  private issue(record: Omit<SessionRecord, 'id'>): IssuedSession {
    const token = randomBytes(32).toString('base64url');
    const session = { id: sha256(token), ...record };
    this.records.set(session.id, session);
    return { session, token, cookie: `sid=${token}; Path=/; HttpOnly; SameSite=Lax` };
  }
}

@Injectable()
export class AuthenticationGuard implements CanActivate {
  constructor(private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context
      .switchToHttp()
      .getRequest<{ headers: { cookie?: string }; user?: object; session?: SessionRecord }>();
    const session = await this.sessions.validate(request.headers.cookie?.replace('sid=', ''));
    if (session === null) throw new UnauthorizedException();
    request.user = { id: session.userId };
    request.session = session;
    return true;
  }
}

function sha256(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
