/** Delivers the events of the outbox while the application runs. */
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { TotpArgumentError, TotpConfigurationError } from '../shared/errors.js';
import type { TotpMetrics, TotpOutboxBacklog } from '../metrics/metrics.js';
import type { TotpEventDestination } from './destination.js';
import { type DispatcherSettings, OutboxDispatcher } from './dispatcher.js';
import type { MonotonicClock } from './monotonic-clock.js';
import type { OutboxQueue, TotpDeadLetter } from './outbox.js';

const MAX_LISTED = 1_000;

/** The dependencies of a relay. */
export interface RelayWork {
  readonly queue: OutboxQueue;
  readonly destinations: readonly TotpEventDestination[];
  readonly settings: DispatcherSettings;
  readonly clock?: MonotonicClock;
  readonly metrics?: TotpMetrics;
}

/**
 * Delivers the events of the module's outbox to their destinations: at least once, and those of each user in order.
 *
 * It starts and stops with the application. Any number of processes may run relays on one database. A failed delivery is retried after
 * 1 s, 2 s, 4 s and so on to 5 min, without delaying other destinations. Later events of that user wait. After `events.maxAttempts`
 * attempts, the event becomes a dead letter, and the later events are delivered without it.
 */
@Injectable()
export class TotpOutboxRelay implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly dispatchers: readonly OutboxDispatcher[];
  private stopObserving: (() => void) | undefined;

  /** @param work undefined without an outbox, and with one that delivers events itself */
  constructor(private readonly work: RelayWork | undefined) {
    this.dispatchers =
      work?.destinations.map((destination) => {
        return new OutboxDispatcher(destination, work.queue, work.settings, work.clock, work.metrics);
      }) ?? [];
    work?.queue.onCommitted(() => {
      this.nudge();
    });
  }

  onApplicationBootstrap(): void {
    this.stopObserving = this.work?.metrics?.observeBacklog(() => this.backlog());
    this.nudge();
  }

  /** Finishes the deliveries in progress, before the connections to databases and brokers are closed. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopObserving?.();
    await Promise.all(this.dispatchers.map((dispatcher) => dispatcher.stop()));
  }

  /** As `wake`, without waiting: under load, the outbox may never be empty. */
  nudge(): void {
    for (const dispatcher of this.dispatchers) dispatcher.nudge();
  }

  /**
   * Looks for events now, instead of at the next poll. Resolves when this process has nothing left to deliver: in a test,
   * the destinations then have received the events.
   */
  async wake(): Promise<void> {
    await Promise.all(this.dispatchers.map((dispatcher) => dispatcher.wake()));
  }

  /**
   * Lists the events that are not delivered until they are requeued, oldest first.
   *
   * @param limit 1–1,000, default 100
   */
  deadLetters(limit = 100): Promise<readonly TotpDeadLetter[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED) {
      throw new TotpArgumentError('limit must be a whole number from 1 to 1,000');
    }
    return this.queue.deadLetters(limit);
  }

  /**
   * Delivers dead letters again, with all their attempts. They arrive after events of the same user that were delivered meanwhile.
   *
   * @param ids at most 1,000 ids from `deadLetters`; all dead letters when left out
   * @returns how many were requeued
   */
  async requeue(ids?: readonly string[]): Promise<number> {
    const { queue } = this.started();
    if (ids !== undefined && ids.length > MAX_LISTED) throw new TotpArgumentError('ids has more than 1,000 entries');
    const requeued = await queue.requeue(ids);
    this.nudge();
    return requeued;
  }

  /** The backlog of each destination, for metrics: one bounded statement per destination. */
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
