/** Whether codes can be checked now: for `@nestjs/terminus`, or any other health check. */
import { Inject, Injectable, Logger } from '@nestjs/common';
import { TotpAccountStore } from '../storage/account-store.js';
import { TotpClock } from '../shared/clock.js';
import { logError } from '../shared/log-error.js';
import { TotpKeyRotation } from './key-rotation.js';

export interface TotpHealth {
  readonly status: 'up' | 'down';
  /** What is wrong and what to do, when `down`. */
  readonly message?: string;
  /** Ids of keys that stored secrets are sealed with and that are not there. */
  readonly missingKeys?: readonly string[];
  /** How far the process's clock is ahead of the database's, in ms; negative when it is behind. */
  readonly clockDifferenceMs?: number;
}

/** Codes of a clock that is further off are refused, or taken too late. */
const MAX_CLOCK_DIFFERENCE_S = 10;

/** What the health is judged by. */
type Figures = Pick<TotpHealth, 'clockDifferenceMs'> & Required<Pick<TotpHealth, 'missingKeys'>>;

const UNKNOWN: TotpHealth = {
  status: 'down',
  message: 'The database does not answer as it should: see the log.',
};

/**
 * Tells whether the database answers, every key in use is there, and the clocks of process and database agree. It costs two
 * statements and one for each set of keys that users have, however many users there are.
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
   * @param key what the result is filed under
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
    // Probes that come while one is under way wait for the same figures: a slow database is not asked once more by each.
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    const figures = await this.reading;
    return { [key]: figures === undefined ? UNKNOWN : judge(figures, maxClockDifference) };
  }

  /** Undefined when the database does not tell. */
  private async read(): Promise<Figures | undefined> {
    try {
      const asked = this.clock.now();
      const stored = await this.store.now();
      // The store's time is that of a moment between the question and the answer.
      const own = (asked + this.clock.now()) / 2;
      return {
        missingKeys: await this.rotation.missingKeys(),
        ...(stored === undefined ? {} : { clockDifferenceMs: Math.round(own - stored) }),
      };
    } catch (error) {
      // What the database says may be seen by anybody who may see the health: it goes to the log alone.
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
      : 'The clocks of this process and of the database differ: let both follow a time server (NTP).',
  ].flat();
  return problems.length === 0
    ? { status: 'up', ...figures }
    : { status: 'down', message: problems.join(' '), ...figures };
}
