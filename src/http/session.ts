/** What the module needs of the application's own sign-in. */
import type { ExecutionContext } from '@nestjs/common';
import type { ActingSession } from '../recipe/recipe-interface.js';

/** Who asks. */
export interface TotpSession {
  readonly userId: string;
  /** `public` where an application has no tenants. */
  readonly tenantId: string;
  /** Stays the same for the session's life, and is no secret: events carry it. */
  readonly handle: string;
}

/**
 * Connects the module with the application's sessions: who asks, and when that session completed TOTP.
 *
 * The default is `RequestSessionAdapter`; for bearer tokens there is `TotpTokenSessionAdapter`.
 */
export abstract class TotpSessionAdapter {
  /** The session of a request; undefined when nobody is signed in, which is then a 401. */
  abstract resolve(context: ExecutionContext): Promise<TotpSession | undefined>;

  /** When the session completed TOTP, in epoch ms; undefined if it did not. */
  abstract completedAt(session: TotpSession): Promise<number | undefined>;

  /**
   * Remembers that the session completed TOTP.
   *
   * @param at epoch ms
   */
  abstract complete(session: TotpSession, at: number): Promise<void>;
}

/** What an API function is given of the session, under SuperTokens' names. */
export class SessionContainer {
  constructor(
    private readonly adapter: TotpSessionAdapter,
    private readonly session: TotpSession,
  ) {}

  getUserId(): string {
    return this.session.userId;
  }

  getTenantId(): string {
    return this.session.tenantId;
  }

  getHandle(): string {
    return this.session.handle;
  }

  /** When the session completed TOTP, in epoch ms; undefined if it did not. */
  getCompletedAt(): Promise<number | undefined> {
    return this.adapter.completedAt(this.session);
  }

  /** The session as `TotpService` takes it. */
  async acting(): Promise<ActingSession> {
    return { handle: this.getHandle(), completedAt: await this.getCompletedAt() };
  }

  /**
   * Marks TOTP as completed in this session.
   *
   * @param at epoch ms
   */
  complete(at: number): Promise<void> {
    return this.adapter.complete(this.session, at);
  }
}
