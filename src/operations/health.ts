/** Reports whether codes can be checked now, for `@nestjs/terminus` or any other health check. */
import { Inject, Injectable, Logger } from '@nestjs/common';
import { TotpAccountStore } from '../storage/account-store.js';
import { TotpClock } from '../shared/clock.js';
import { logError } from '../shared/log-error.js';
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

/** The measurements from which the health follows. */
type Figures = Pick<TotpHealth, 'clockDifferenceMs'> & Required<Pick<TotpHealth, 'missingKeys'>>;

const UNKNOWN: TotpHealth = {
  status: 'down',
  message: 'The database failed: see the log.',
};

/**
 * Reports whether the database answers, every key in use is present, and the clocks of process and database agree. It takes two
 * statements, and one for each set of keys in use, for any number of users.
 */
@Injectable()
export class TotpHealthIndicator {
  private readonly logger = new Logger('TotpModule');
  private reading: Promise<Figures | undefined> | undefined;

  constructor(
    @Inject(TotpAccountStore) private readonly store: TotpAccountStore,
    @Inject(TotpKeyRotation) private readonly rotation: TotpKeyRotation,
    @Inject(TotpClock) private readonly clock: TotpClock,
  ) {}

  /**
   * The health in the form of `@nestjs/terminus`. Never throws.
   *
   * @param key the name of the result
   * @param settings.maxClockDifference seconds that the clocks may differ by, default 10
   * @example
   * \@Get('health')
   * \@HealthCheck()
   * check() {
   *   return this.health.check([() => this.totp.isHealthy('totp')]);
   * }
   */
  async isHealthy(
    key: string,
    { maxClockDifference = MAX_CLOCK_DIFFERENCE_S }: { readonly maxClockDifference?: number } = {},
  ): Promise<Record<string, TotpHealth>> {
    // Concurrent probes share one measurement, so that they do not add to the load of a slow database.
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    const figures = await this.reading;
    return { [key]: figures === undefined ? UNKNOWN : judge(figures, maxClockDifference) };
  }

  /** Undefined when the store has no clock. */
  private async read(): Promise<Figures | undefined> {
    try {
      const asked = this.clock.now();
      const stored = await this.store.now();
      // The store read its clock at some time between the request and the reply.
      const own = (asked + this.clock.now()) / 2;
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
