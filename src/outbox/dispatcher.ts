/** Finds what is due in the outbox, and has it delivered by the process that leases its partition. */
import { AsyncResource } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { logError } from '../shared/log-error.js';
import { type DeliveryCounts, type DeliverySettings, type DeliveryWork, DestinationDeliveries } from './deliveries.js';
import type { TotpEventDestination } from './destination.js';
import { Lease } from './lease.js';
import { type MonotonicClock, monotonicClock } from './monotonic-clock.js';
import type { OutboxQueue } from './outbox.js';
import { destinationOf } from './partitions.js';

export interface DispatcherSettings extends DeliverySettings {
  /** Whether it looks for events by itself, after each commit and each `pollInterval`. If not, it only runs when asked to. */
  readonly isPolling: boolean;
  /** Milliseconds between two polls for events that other processes left behind. */
  readonly pollInterval: number;
}

/** The dependencies of a dispatcher. */
export interface DispatcherWork extends DeliveryWork {
  readonly settings: DispatcherSettings;
}

/** Delay before re-checking a partition that another process holds: it may release the partition without seeing the newest entries. */
const RECHECK_MS = 100;
/** Rounds of a busy process begin this long after one another, so that each finds many entries for its statements. */
const ROUND_INTERVAL_MS = 50;
/** Retries may be this late, so that those of an outage, which are due at random times, share their polls. */
const RETRY_PRECISION_MS = 1_000;

/**
 * Finds the partitions of all destinations that have due entries, with one statement, leases them, and has each of them emptied
 * independently of the others.
 */
export class OutboxDispatcher {
  private readonly logger = new Logger('TotpModule');
  private readonly deliveries: ReadonlyMap<string, DestinationDeliveries>;
  private readonly queue: OutboxQueue;
  private readonly settings: DispatcherSettings;
  private readonly clock: MonotonicClock;
  private readonly leaseLength: number;
  /** Tokens of other processes, and the time since which each has not changed. */
  private readonly watched = new Map<string, { readonly token: string; readonly since: number }>();
  private round: Promise<void> | undefined;
  private lastRoundAt = -Infinity;
  /** Whether there may be entries that the last round has not seen. */
  private isAskedAgain = false;
  /** Partitions that are being emptied, and whether they were found due again in the meantime. */
  private readonly serving = new Map<string, Promise<void>>();
  private readonly dueAgain = new Set<string>();
  /** Whether the last round left no due partition to another process. */
  private isComplete = true;
  /** Why the last pass of `runOnce` is not known to be complete. */
  private fault: Error | undefined;
  private isStopped = false;
  /** By the time at which failed entries of this process are due, what cancels the poll for them. */
  private readonly retries = new Map<number, () => void>();
  private nextPoll: { readonly at: number; readonly cancel: () => void } | undefined;
  /** Runs rounds outside of the async context of the request whose commit started them. */
  private readonly startRound = AsyncResource.bind(() => this.runRound());

  constructor(destinations: readonly TotpEventDestination[], work: DispatcherWork) {
    const { queue, settings, clock = monotonicClock } = work;
    this.queue = queue;
    this.settings = settings;
    this.clock = clock;
    this.leaseLength = Lease.lengthFor(settings.deliveryTimeout);
    const onRetry = (wait: number) => {
      this.pollForRetry(wait);
    };
    this.deliveries = new Map(
      destinations.map((destination) => [destination.name, new DestinationDeliveries(destination, work, onRetry)]),
    );
  }

  /** Looks for entries: now, or shortly after the last round. */
  nudge(): void {
    this.isAskedAgain = true;
    const wait = this.lastRoundAt + ROUND_INTERVAL_MS - this.clock.elapsed();
    if (wait > 0) this.pollWithin(wait);
    else this.look();
  }

  /** Looks for entries, and resolves when nothing is left to do. Never rejects. */
  async wake(): Promise<void> {
    this.look();
    for (;;) {
      const running = [...this.serving.values(), ...(this.round === undefined ? [] : [this.round])];
      if (running.length === 0) return;
      let cancel: (() => void) | undefined;
      const recheck = new Promise<void>((resolve) => {
        // Without polls, leases of other processes are rechecked while this one delivers.
        if (this.isComplete || this.settings.isPolling) return;
        cancel = this.clock.after(RECHECK_MS, () => {
          this.look();
          resolve();
        });
      });
      await Promise.race([...running, recheck]);
      cancel?.();
      if (this.isAskedAgain) this.look();
    }
  }

  /** Looks for entries now, or once the current round is over. */
  private look(): void {
    this.isAskedAgain = this.round !== undefined;
    if (!this.isStopped) this.round ??= this.startRound();
  }

  /**
   * Looks for entries, and resolves when nothing is left to do here or in another process. Waits for an abandoned lease to expire, but not
   * for a process that is still delivering by then. Events that its deliveries cause are delivered too.
   *
   * @throws the error of a statement that failed: entries may be left
   */
  async runOnce(): Promise<DeliveryCounts> {
    const before = this.counts();
    const startedAt = this.clock.elapsed();
    const isInTime = () => this.clock.elapsed() - startedAt <= this.leaseLength + RECHECK_MS;
    for (;;) {
      const last = this.counts();
      this.fault = undefined;
      await this.wake();
      this.throwFault();
      if (this.isStopped) break;
      // Deliveries may have caused further events.
      if (difference(this.counts(), last).delivered > 0) continue;
      if (this.isComplete || !isInTime()) break;
      await new Promise<void>((resolve) => this.clock.after(RECHECK_MS, resolve, true));
    }
    return difference(this.counts(), before);
  }

  private throwFault(): void {
    if (this.fault !== undefined) throw this.fault;
  }

  private counts(): DeliveryCounts {
    const all = [...this.deliveries.values()].map(({ counts }) => counts);
    return all.reduce(
      (sum, { delivered, failed }) => ({ delivered: sum.delivered + delivered, failed: sum.failed + failed }),
      { delivered: 0, failed: 0 },
    );
  }

  /** Stops, after the deliveries in progress. */
  async stop(): Promise<void> {
    this.isStopped = true;
    for (const deliveries of this.deliveries.values()) deliveries.stop();
    this.nextPoll?.cancel();
    for (const cancel of this.retries.values()) cancel();
    await this.wake();
  }

  private async runRound(): Promise<void> {
    this.isComplete = true;
    this.lastRoundAt = this.clock.elapsed();
    try {
      this.isComplete = await this.acquirePartitions();
    } catch (error) {
      this.logFault(error);
    }
    this.round = undefined;
    this.pollWithin(this.isComplete ? this.settings.pollInterval : RECHECK_MS);
    if (this.isAskedAgain) this.nudge();
  }

  /** Polls after `pollInterval`, or earlier. */
  private pollWithin(milliseconds: number): void {
    const { isPolling, pollInterval } = this.settings;
    if (this.isStopped || !isPolling) return;
    const wait = Math.min(milliseconds, pollInterval);
    const at = this.clock.elapsed() + wait;
    if (this.nextPoll !== undefined && this.nextPoll.at <= at) return;
    this.nextPoll?.cancel();
    const poll = () => {
      this.nextPoll = undefined;
      this.look();
    };
    // A process that does nothing but deliver has nothing else that keeps it alive.
    this.nextPoll = { at, cancel: this.clock.after(wait, poll, true) };
  }

  private pollForRetry(wait: number): void {
    if (this.isStopped || !this.settings.isPolling) return;
    const now = this.clock.elapsed();
    const at = Math.ceil((now + wait) / RETRY_PRECISION_MS) * RETRY_PRECISION_MS;
    if (this.retries.has(at)) return;
    const poll = () => {
      this.retries.delete(at);
      this.look();
    };
    this.retries.set(at, this.clock.after(at - now, poll));
  }

  /** @returns false when other processes hold a partition that has due entries */
  private async acquirePartitions(): Promise<boolean> {
    const served = new Set(this.serving.keys());
    const due = await this.queue.duePartitions([...this.deliveries.keys()]);
    // A lease that was released during the read may have been read: it is not that of another process.
    const isOutdated = (partition: string) => served.has(partition) && !this.serving.has(partition);
    const current = due.filter(({ partition }) => !isOutdated(partition));
    if (current.length < due.length) this.isAskedAgain = true;
    // Each handles its own errors: if the round ended early, it would lose the leases that are still being acquired.
    const acquired = await Promise.all(current.map(({ partition, token }) => this.beginPartition(partition, token)));
    return acquired.every(Boolean);
  }

  private async beginPartition(partition: string, seen: string | undefined): Promise<boolean> {
    if (this.isStopped) return true;
    if (this.serving.has(partition)) {
      this.dueAgain.add(partition);
      return true;
    }
    if (seen !== undefined && !this.isAbandoned(partition, seen)) return false;
    try {
      const lease = await Lease.acquire(this.queue, partition, seen, this.leaseLength, this.clock);
      // Not awaited, so that a slow delivery does not delay other partitions.
      if (lease !== undefined) this.serving.set(partition, this.serve(partition, lease));
      return lease !== undefined;
    } catch (error) {
      this.logFault(error);
      return true;
    }
  }

  private isAbandoned(partition: string, token: string): boolean {
    const now = this.clock.elapsed();
    const known = this.watched.get(partition);
    if (known?.token === token) return now - known.since > this.leaseLength;
    this.watched.set(partition, { token, since: now });
    return false;
  }

  private async serve(partition: string, lease: Lease): Promise<void> {
    const emptied = this.deliveries.get(destinationOf(partition))?.empty(lease) ?? Promise.resolve();
    try {
      await emptied.finally(() => lease.release());
    } catch (error) {
      this.logFault(error);
    }
    this.serving.delete(partition);
    if (this.dueAgain.delete(partition)) this.nudge();
  }

  private logFault(error: unknown): void {
    this.fault = error instanceof Error ? error : new Error(String(error));
    logError(this.logger, 'Could not read or update the outbox', error);
  }
}

function difference(counts: DeliveryCounts, before: DeliveryCounts): DeliveryCounts {
  return { delivered: counts.delivered - before.delivered, failed: counts.failed - before.failed };
}
