/** A signed-in session: who it belongs to, and when it completed TOTP. */
import { Logger } from '@nestjs/common';
import type { ActingSession } from '../accounts/step-up.js';
import { TotpArgumentError, TotpConfigurationError } from '../shared/errors.js';
import { logError } from '../shared/log-error.js';
import { kindOf } from '../shared/unknown.js';

/** The user, tenant and handle of a session. */
export interface SessionIdentity {
  readonly userId: string;
  /** `public` in applications without tenants. */
  readonly tenantId: string;
  /** Does not change during the session. Not a secret: events carry it. */
  readonly handle: string;
}

/** What a `TotpSessionAdapter` returns for a request: a session that knows when it completed TOTP. */
export abstract class TotpSession implements SessionIdentity {
  abstract readonly userId: string;
  readonly tenantId: string = 'public';
  abstract readonly handle: string;

  /** When the session completed TOTP, in epoch ms; undefined if it did not. */
  abstract completedAt(): Promise<number | undefined>;

  /**
   * Stores that the session completed TOTP.
   *
   * @param at epoch ms
   */
  abstract complete(at: number): Promise<void>;
}

/** The session classes whose completion was read back once, as a check. */
const checked = new WeakSet<object>();

/** Stores may round the time of a completion to whole seconds. */
const ROUNDING_MS = 1_000;

const logger = new Logger('TotpModule');

/**
 * A session as API functions see it, under SuperTokens' names. It checks what the application's adapter returns: a value of
 * the wrong type is an error, never a completion.
 */
export class SessionContainer {
  /** @throws TotpConfigurationError when the session has no user, tenant or handle */
  constructor(private readonly session: TotpSession) {
    for (const name of ['userId', 'tenantId', 'handle'] as const) {
      const value: unknown = session[name];
      if (typeof value === 'string' && value !== '') continue;
      throw new TotpConfigurationError(
        `TotpModule: the session adapter returned a session whose ${name} is ${kindOf(value)}. ` +
          'Return a non-empty string.',
      );
    }
  }

  getUserId(): string {
    return this.session.userId;
  }

  getTenantId(): string {
    return this.session.tenantId;
  }

  getHandle(): string {
    return this.session.handle;
  }

  /**
   * When the session completed TOTP, in epoch ms; undefined if it did not.
   *
   * @throws TotpConfigurationError when the adapter returns something else, such as a `Date` or the 0 that `Number(null)` is
   */
  async getCompletedAt(): Promise<number | undefined> {
    const at: unknown = await this.session.completedAt();
    if (at === undefined || at === null) return undefined;
    if (isTime(at)) return at;
    throw new TotpConfigurationError(
      `TotpModule: completedAt() of a session returned ${kindOf(at)}. ` +
        'Return epoch milliseconds, or undefined for a session that has not completed TOTP.',
    );
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
  async complete(at: number): Promise<void> {
    if (!isTime(at)) {
      throw new TotpArgumentError(
        `TotpModule: complete() was called with ${kindOf(at)}. Pass the time in epoch milliseconds.`,
      );
    }
    await this.session.complete(at);
    await this.checkOnce(at);
  }

  /** Warns about a session that does not store its completion: the only other symptom would be repeated 403 answers. */
  private async checkOnce(at: number): Promise<void> {
    const kind = this.session.constructor;
    if (checked.has(kind)) return;
    checked.add(kind);
    try {
      const kept: unknown = await this.session.completedAt();
      if (typeof kept === 'number' && Math.abs(kept - at) < ROUNDING_MS) return;
      logger.error(
        `A session was completed at ${String(at)}, and its completedAt() then returned ${kindOf(kept)}, so TotpGuard will ask for a code ` +
          'again. Let complete(at) store the time, and completedAt() return it in epoch milliseconds.',
      );
    } catch (error) {
      logError(logger, 'The completion of a session could not be read back', error);
    }
  }
}

/** Whether a value is a time in epoch ms that a `Date` can hold. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= 8.64e15;
}
