/** Reports whether codes can be checked now, for `@nestjs/terminus` or any other health check. */
import { Inject, Injectable, Logger } from '@nestjs/common';
import { TotpAccountStore } from '../storage/account-store.js';
import { TotpClock } from '../shared/clock.js';
import { durationMs, type TotpDuration } from '../shared/duration.js';
import { TotpArgumentError } from '../shared/errors.js';
import { logError } from '../shared/log-error.js';
import { delay } from '../shared/timers.js';
import { TotpKeyRotation } from './key-rotation.js';

export interface TotpHealth {
  readonly status: 'up' | 'down';
  /** What is wrong and what to do, when `down`. */
  readonly message?: string;
  /** Ids of keys that stored secrets are sealed with and that the cipher does not have. */
  readonly missingKeys?: readonly string[];
  /** How far the process's clock is ahead of the database's, in ms; negative when it is behind. */
  readonly clockDifferenceMs?: number;
}

/** With a larger difference, valid codes would be rejected, or accepted for too long. */
const MAX_CLOCK_DIFFERENCE_S = 10;

/** In which time the database has to answer. */
const TIMEOUT = '3s';
const TIMEOUT_RANGE_MS = [10, 60_000] as const;

/** The measurements from which the health follows. */
type Figures = Pick<TotpHealth, 'clockDifferenceMs'> & Required<Pick<TotpHealth, 'missingKeys'>>;

export interface TotpHealthSettings {
  /** Seconds that the clocks may differ by, default 10. */
  readonly maxClockDifference?: number;
  /** The time in which the database has to answer: 10 ms to 1 minute, in seconds or as a string such as `'500ms'`; default `'3s'`. */
  readonly timeout?: TotpDuration;
}

const FAILED: TotpHealth = { status: 'down', message: 'The database failed: see the log.' };

/**
 * Reports whether the database answers, every key in use is present, and the clocks of process and database agree. It takes two
 * statements, three on PostgreSQL, and one for each set of keys in use, for any number of users.
 *
 * It also logs a warning when a standby of PostgreSQL has taken over, which may have lost what was accepted last.
 */
@Injectable()
export class TotpHealthIndicator {
  private readonly logger = new Logger('TotpModule');
  private reading: Promise<Figures | undefined> | undefined;
  /** Undefined before it was read; null where it cannot be known. */
  private serverHistory: string | null | undefined;

  constructor(
    @Inject(TotpAccountStore) private readonly store: TotpAccountStore,
    @Inject(TotpKeyRotation) private readonly rotation: TotpKeyRotation,
    @Inject(TotpClock) private readonly clock: TotpClock,
  ) {}

  /**
   * The health in the form of `@nestjs/terminus`: `down` when the database fails or takes too long.
   *
   * @param key the name of the result
   * @throws TotpArgumentError for a setting that is wrong, and nothing else
   * @example
   * \@Get('health')
   * \@HealthCheck()
   * check() {
   *   return this.health.check([() => this.totp.isHealthy('totp')]);
   * }
   */
  async isHealthy(
    key: string,
    { maxClockDifference = MAX_CLOCK_DIFFERENCE_S, timeout = TIMEOUT }: TotpHealthSettings = {},
  ): Promise<Record<string, TotpHealth>> {
    const limitMs = timeoutMs(timeout);
    // Concurrent probes share one measurement, so that they do not add to the load of a slow database.
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    const figures = await within(limitMs, this.reading);
    if (figures === 'too late') {
      return { [key]: { status: 'down', message: `The database did not answer within ${String(limitMs)} ms.` } };
    }
    return { [key]: figures === undefined ? FAILED : judge(figures, maxClockDifference) };
  }

  /** Undefined when the store has no clock. */
  private async read(): Promise<Figures | undefined> {
    try {
      const asked = this.clock.now();
      const stored = await this.store.now();
      // The store read its clock at some time between the request and the reply.
      const own = (asked + this.clock.now()) / 2;
      await this.warnOfNewServer();
      return {
        missingKeys: await this.rotation.missingKeys(),
        ...(stored === undefined ? {} : { clockDifferenceMs: Math.round(own - stored) }),
      };
    } catch (error) {
      // The database's error goes to the log only, because a health endpoint is often public.
      logError(this.logger, 'The health check failed', error);
      return undefined;
    }
  }

  private async warnOfNewServer(): Promise<void> {
    if (this.serverHistory === null) return;
    const current = await this.store.serverHistory?.().catch(() => 'failed' as const);
    if (current === 'failed') return;
    if (this.serverHistory !== undefined && current !== undefined && current !== this.serverHistory) {
      this.logger.warn(
        'Another PostgreSQL server has taken over. If it was an asynchronous standby, codes that were accepted in the last moments before ' +
          'may be accepted again, and failures and locks of that time are forgotten. Set synchronous_standby_names to prevent that.',
      );
    }
    this.serverHistory = current ?? null;
  }
}

/** What a promise becomes within a time. */
async function within<Value>(limitMs: number, promise: Promise<Value>): Promise<Value | 'too late'> {
  const isOver = new AbortController();
  const limit = delay(limitMs, 'too late' as const, { signal: isOver.signal });
  // Rejected when the promise came first.
  limit.catch(() => undefined);
  try {
    return await Promise.race([promise, limit]);
  } finally {
    isOver.abort();
  }
}

function timeoutMs(timeout: TotpDuration): number {
  const ms = durationMs(timeout);
  const [min, max] = TIMEOUT_RANGE_MS;
  if (ms !== undefined && ms >= min && ms <= max) return ms;
  throw new TotpArgumentError("timeout must be 10 ms to 1 minute: seconds, or a string such as '500ms'");
}

function judge(figures: Figures, maxClockDifference: number): TotpHealth {
  const { missingKeys, clockDifferenceMs = 0 } = figures;
  const problems = [
    missingKeys.length === 0
      ? []
      : `Users have secrets under keys that are not in secrets.keys: ${missingKeys.join(', ')}. Put them back.`,
    Math.abs(clockDifferenceMs) <= maxClockDifference * 1000
      ? []
      : 'The clocks of this process and of the database differ: synchronise both with a time server (NTP).',
  ].flat();
  return problems.length === 0
    ? { status: 'up', ...figures }
    : { status: 'down', message: problems.join(' '), ...figures };
}
