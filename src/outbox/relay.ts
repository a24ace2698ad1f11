/** Delivers the events of the outbox while the application runs. */
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import type { TotpOutboxBacklog } from '../metrics/metrics.js';
import type { TotpEventDestination } from './destination.js';
import type { DeliveryCounts } from './deliveries.js';
import { type DispatcherWork, OutboxDispatcher } from './dispatcher.js';
import type { OutboxQueue } from './outbox.js';

/** The dependencies of a relay. */
export interface RelayWork extends DispatcherWork {
  readonly destinations: readonly TotpEventDestination[];
}

/**
 * Delivers the events of the module's outbox to their destinations: at least once, and those of each user in order.
 *
 * It starts and stops with the application, unless `events.relay` is false: then it only runs when `runOnce` is called. Any number of
 * processes may run relays on one database. A failed delivery is retried after 1 s, 2 s, 4 s and so on to 5 min, each shortened by up to a
 * quarter at random, without delaying other destinations. Later events of that user wait. After `events.maxAttempts` attempts, the event
 * becomes a dead letter, and the later events are delivered without it.
 */
@Injectable()
export class TotpOutboxRelay implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly dispatcher: OutboxDispatcher | undefined;
  private stopObserving: (() => void) | undefined;

  /** @param work undefined without an outbox, and with one that delivers events itself */
  constructor(private readonly work: RelayWork | undefined) {
    if (work !== undefined) this.dispatcher = new OutboxDispatcher(work.destinations, work);
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
    await this.dispatcher?.stop();
  }

  /** Looks for events now, instead of at the next poll. */
  private nudge(): void {
    if (this.work?.settings.isPolling === true) this.dispatcher?.nudge();
  }

  /**
   * Delivers what is due now, and resolves when nothing is left: for a cron job or a serverless function with `events.relay: false`, and for
   * tests, whose destinations then have received the events.
   *
   * It waits for a process that died while it was delivering to lose its lease: three times `deliveryTimeout`.
   *
   * @example
   * const app = await NestFactory.createApplicationContext(AppModule); // with events: { outbox: true, relay: false }
   * const { failed } = await app.get(TotpOutboxRelay).runOnce();
   * await app.close();
   * @throws TotpStorageError when the database cannot be read or written: events may be left
   * @returns how many events were delivered, and how many attempts failed, in this process
   */
  async runOnce(): Promise<DeliveryCounts> {
    return (await this.dispatcher?.runOnce()) ?? { delivered: 0, failed: 0 };
  }

  /** The backlog of each destination, for metrics: one bounded statement per destination. */
  backlog(): Promise<readonly TotpOutboxBacklog[]> {
    return this.queue.backlog();
  }

  private get queue(): OutboxQueue {
    if (this.work !== undefined) return this.work.queue;
    throw new TotpConfigurationError(
      "TotpOutboxRelay: the module's own outbox is not in use. Write events: { outbox: true }, and provide no TotpOutbox.",
    );
  }
}
