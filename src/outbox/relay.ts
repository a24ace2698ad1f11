/** Hands on what stands in the outbox, for as long as the application runs. */
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { TotpClock } from '../shared/clock.js';
import { TotpArgumentError, TotpConfigurationError } from '../shared/errors.js';
import type { TotpMetrics, TotpOutboxBacklog } from '../metrics/metrics.js';
import { Courier, type CourierSettings, type Stopwatch } from './dispatcher.js';
import type { TotpEventDestination } from './destination.js';
import type { OutboxQueue, ParkedTotpEvent } from './outbox.js';

const MAX_LISTED = 1_000;

/** What a relay works on. */
export interface RelayWork {
  readonly queue: OutboxQueue;
  readonly destinations: readonly TotpEventDestination[];
  readonly settings: CourierSettings;
  readonly clock: TotpClock;
  readonly stopwatch?: Stopwatch;
  readonly metrics?: TotpMetrics;
}

/**
 * Brings the events of the module's outbox to their destinations: at least once, and in the order of each user.
 *
 * It starts with the application and stops with it. Any number of processes may do this on one database. A destination that
 * fails is tried again after 1 s, 2 s, 4 s and so on to 5 min, and keeps no other destination waiting. Until then the later events of
 * that user wait too. After `events.maxAttempts` tries the event is parked, and they go on without it.
 */
@Injectable()
export class TotpOutboxRelay implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly couriers: readonly Courier[];
  private unwatch: (() => void) | undefined;

  /** @param work undefined when the application has no outbox, or one of its own */
  constructor(private readonly work: RelayWork | undefined) {
    this.couriers =
      work?.destinations.map((destination) => {
        return new Courier(destination, work.queue, work.settings, work.clock, work.stopwatch, work.metrics);
      }) ?? [];
  }

  onApplicationBootstrap(): void {
    this.unwatch = this.work?.metrics?.observeBacklog(() => this.backlog());
    this.nudge();
  }

  /** Ends before the connections to databases and brokers do, with the deliveries that are under way. */
  async beforeApplicationShutdown(): Promise<void> {
    this.unwatch?.();
    await Promise.all(this.couriers.map((courier) => courier.stop()));
  }

  /** Has events looked for now, which nobody waits for: calls may come faster than the outbox is ever empty. */
  nudge(): void {
    for (const courier of this.couriers) courier.nudge();
  }

  /**
   * Looks for events now, instead of at the next poll. Resolves when this process has nothing left that it can hand on: in a test,
   * the destinations have them then.
   */
  async wake(): Promise<void> {
    await Promise.all(this.couriers.map((courier) => courier.wake()));
  }

  /**
   * Events that were given up on, oldest first.
   *
   * @param limit 1–1,000, default 100
   */
  parked(limit = 100): Promise<readonly ParkedTotpEvent[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED) {
      throw new TotpArgumentError('limit must be a whole number from 1 to 1,000');
    }
    return this.queue.parked(limit);
  }

  /**
   * Brings parked events again, with all their tries: after those of the same user that have gone on without them.
   *
   * @param ids at most 1,000, as `parked` tells them; all when left out
   * @returns how many there were
   */
  async retry(ids?: readonly string[]): Promise<number> {
    const { queue, clock } = this.started();
    if (ids !== undefined && ids.length > MAX_LISTED) throw new TotpArgumentError('ids has more than 1,000 entries');
    const retried = await queue.unpark(ids, clock.now());
    this.nudge();
    return retried;
  }

  /** How much waits to be handed on to each destination, for metrics: one bounded statement per destination. */
  backlog(): Promise<readonly TotpOutboxBacklog[]> {
    return this.queue.backlog();
  }

  private get queue(): OutboxQueue {
    return this.started().queue;
  }

  private started(): RelayWork {
    if (this.work !== undefined) return this.work;
    throw new TotpConfigurationError(
      "TotpOutboxRelay: the module's own outbox is not in use. Write events: { outbox: true }, and provide no TotpOutbox.",
    );
  }
}
