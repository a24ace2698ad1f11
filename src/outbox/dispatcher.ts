/** Delivers the entries of the outbox to one destination. */
import { AsyncResource } from 'node:async_hooks';
import { randomInt } from 'node:crypto';
import { inspect } from 'node:util';
import { Logger } from '@nestjs/common';
import { NoTotpMetrics, type TotpMetrics } from '../metrics/metrics.js';
import type { TotpClock } from '../shared/clock.js';
import { TotpUndeliverableEventError } from '../shared/errors.js';
import { logError } from '../shared/log-error.js';
import { yieldToEventLoop } from '../shared/timers.js';
import { withFailure } from './attempt-history.js';
import type { TotpEventDestination } from './destination.js';
import { Lease } from './lease.js';
import { type MonotonicClock, monotonicClock } from './monotonic-clock.js';
import { type FencedWrite, LONGEST_WAIT_MS, type OutboxEntry, type OutboxQueue } from './outbox.js';

export interface DispatcherSettings {
  /** Whether it looks for events by itself, after each commit and each `pollInterval`. If not, it only runs when asked to. */
  readonly isPolling: boolean;
  /** Milliseconds between two polls for events that other processes left behind. */
  readonly pollInterval: number;
  /** Milliseconds that one delivery may take. */
  readonly deliveryTimeout: number;
  /** Attempts after which an entry is dead-lettered. */
  readonly maxAttempts: number;
}

/** The dependencies of a dispatcher. */
export interface DispatcherWork {
  readonly queue: OutboxQueue;
  readonly settings: DispatcherSettings;
  /** Dates failures. */
  readonly time: TotpClock;
  /** Measures waits. */
  readonly clock?: MonotonicClock;
  readonly metrics?: TotpMetrics;
  /** How much of a wait is left out, from 0 to 1. */
  readonly chance?: () => number;
}

/** Deliveries at a time per partition. Each is for a different user, because a user's events are delivered one after the other. */
const BATCH_SIZE = 50;
/** Maximum number of events of one user in a batch. They are delivered one after the other. */
const RUN_SIZE = 50;
/** The part of `deliveryTimeout` after which no more of them begin, so that other users of the partition need not wait long. */
const RUN_TIME = 0.01;
/** Delay before re-checking a partition that another process holds: it may release the partition without seeing the newest entries. */
const RECHECK_MS = 100;
/** Maximum length of a stored failure reason. */
const REASON_LENGTH = 500;
const FIRST_WAIT_MS = 1_000;

const randomly = () => randomInt(1_001) / 1_000;

/** How much of a wait is left to chance, so that the events of an outage do not all come back in the same moment. */
const JITTER = 0.25;

/**
 * How long an entry waits after a failed attempt, in ms: 1 s, 2 s, 4 s and so on to 5 min, shortened by up to a quarter.
 *
 * @param chance 0 for the whole wait, 1 for the shortest
 */
export function waitAfter(attempts: number, chance: number): number {
  const whole = Math.min(FIRST_WAIT_MS * 2 ** (attempts - 1), LONGEST_WAIT_MS);
  return Math.round(whole * (1 - JITTER * chance));
}

/** What was done in this process. */
export interface DeliveryCounts {
  readonly delivered: number;
  /** Failed attempts. */
  readonly failed: number;
}

/** An entry that its destination did not take. */
interface Failure {
  readonly entry: OutboxEntry;
  readonly error: unknown;
  /** The parts of the destination that have taken the event. */
  readonly completed: ReadonlySet<string>;
}

/**
 * Finds the partitions that have due entries, leases them, and empties each of them batch by batch, independently of the others. A
 * batch consists of the first entries of several users. Each user's are delivered one after the other, until one fails or the batch has
 * taken its time. The next batch is read only after the delivered ones are deleted, so no state is needed to keep the order of each user.
 */
export class OutboxDispatcher {
  private readonly logger = new Logger('TotpModule');
  private readonly leaseLength: number;
  /** Tokens of other processes, and the time since which each has not changed. */
  private readonly watched = new Map<string, { readonly token: string; readonly since: number }>();
  private round: Promise<void> | undefined;
  private isAskedAgain = false;
  /** Partitions that are being emptied, and whether they were found due again in the meantime. */
  private readonly serving = new Map<string, Promise<void>>();
  private readonly dueAgain = new Set<string>();
  private isFailing = false;
  /** Whether the last round left no due partition to another process. */
  private isComplete = true;
  private done: DeliveryCounts = { delivered: 0, failed: 0 };
  private isStopped = false;
  private cancelPoll: (() => void) | undefined;
  /** Runs rounds outside of the async context of the request whose commit started them. */
  private readonly startRound = AsyncResource.bind(() => this.runRound());

  private readonly queue: OutboxQueue;
  private readonly settings: DispatcherSettings;
  private readonly time: TotpClock;
  private readonly clock: MonotonicClock;
  private readonly metrics: TotpMetrics;
  private readonly chance: () => number;

  constructor(
    private readonly destination: TotpEventDestination,
    { queue, settings, time, clock = monotonicClock, metrics = new NoTotpMetrics(), chance = randomly }: DispatcherWork,
  ) {
    this.queue = queue;
    this.settings = settings;
    this.time = time;
    this.clock = clock;
    this.metrics = metrics;
    this.chance = chance;
    this.leaseLength = Lease.lengthFor(settings.deliveryTimeout);
  }

  /** Looks for entries now, or after the current round. */
  nudge(): void {
    if (this.isStopped) return;
    this.isAskedAgain = true;
    this.round ??= this.startRound();
  }

  /** Looks for entries, and resolves when nothing is left to do. Never rejects. */
  async wake(): Promise<void> {
    this.nudge();
    while (this.round !== undefined || this.serving.size > 0) await Promise.all([this.round, ...this.serving.values()]);
  }

  /**
   * Looks for entries, and resolves when nothing is left to do here or in another process. Waits for an abandoned lease to expire, but not
   * for a process that is still delivering by then.
   */
  async runOnce(): Promise<DeliveryCounts> {
    const before = this.done;
    const startedAt = this.clock.elapsed();
    await this.wake();
    while (!this.isComplete && !this.isStopped && this.clock.elapsed() - startedAt <= this.leaseLength + RECHECK_MS) {
      await new Promise<void>((resolve) => this.clock.after(RECHECK_MS, resolve, true));
      await this.wake();
    }
    const { delivered, failed } = this.done;
    return { delivered: delivered - before.delivered, failed: failed - before.failed };
  }

  /** Stops, after the deliveries in progress. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.cancelPoll?.();
    await this.wake();
  }

  private async runRound(): Promise<void> {
    this.cancelPoll?.();
    this.isComplete = true;
    try {
      while (this.isAskedAgain && !this.isStopped) {
        this.isAskedAgain = false;
        this.isComplete = await this.acquirePartitions();
      }
    } catch (error) {
      this.logFault(error);
    }
    this.round = undefined;
    const { isPolling, pollInterval } = this.settings;
    if (this.isStopped || !isPolling) return;
    const wait = this.isComplete ? pollInterval : Math.min(RECHECK_MS, pollInterval);
    // A process that does nothing but deliver has nothing else that keeps it alive.
    this.cancelPoll = this.clock.after(
      wait,
      () => {
        this.nudge();
      },
      true,
    );
  }

  /** @returns false when other processes hold a partition that has due entries */
  private async acquirePartitions(): Promise<boolean> {
    const served = new Set(this.serving.keys());
    const due = await this.queue.duePartitions(this.destination.name);
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
    try {
      await this.empty(lease).finally(() => lease.release());
    } catch (error) {
      this.logFault(error);
    }
    this.serving.delete(partition);
    if (this.dueAgain.delete(partition)) this.nudge();
  }

  private async empty(lease: Lease): Promise<void> {
    while (!this.isStopped) {
      const runs = await this.readRuns(lease.token.partition);
      // After the reads, because they may be slow.
      if (runs.length === 0 || !(await lease.ensure(this.settings.deliveryTimeout * (1 + RUN_TIME)))) return;
      if (!(await this.deliverBatch(runs, lease))) return;
      // With SQLite and in-process handlers this loop may never await I/O.
      await yieldToEventLoop();
    }
  }

  /** The first due entries of each of several users, in order. */
  private async readRuns(partition: string): Promise<readonly (readonly OutboxEntry[])[]> {
    const heads = await this.queue.heads(partition, BATCH_SIZE);
    return Promise.all(
      heads.map(async (head) => {
        if (!head.isFollowed) return [head];
        const following = await this.queue.following(partition, head, RUN_SIZE - 1);
        // One that has failed before waits for its time.
        const end = following.findIndex(({ attempts }) => attempts > 0);
        return [head, ...(end === -1 ? following : following.slice(0, end))];
      }),
    );
  }

  private logFault(error: unknown): void {
    logError(
      this.logger,
      `Could not read or update the outbox for ${this.destination.name}; retrying at the next poll`,
      error,
    );
  }

  /** @returns whether to continue: the destination took an entry, or said that it never will, and the lease still holds */
  private async deliverBatch(runs: readonly (readonly OutboxEntry[])[], lease: Lease): Promise<boolean> {
    const failures: Failure[] = [];
    const delivered: string[] = [];
    const endsAt = this.clock.elapsed() + this.settings.deliveryTimeout * RUN_TIME;
    const deliverRun = async (run: readonly OutboxEntry[]) => {
      for (const [n, entry] of run.entries()) {
        if (n > 0 && (this.isStopped || this.clock.elapsed() > endsAt)) return;
        const completed = new Set(entry.history.completed);
        try {
          await this.deliver(entry, completed);
          delivered.push(entry.id);
        } catch (error) {
          failures.push({ entry, error, completed });
          return;
        }
      }
    };
    await Promise.all(runs.map(deliverRun));
    const outcome = await this.record(delivered, failures, lease);
    if (outcome === 'lease lost') {
      this.logger.warn(
        `Another process took over a lease for ${this.destination.name}; events that may be delivered twice: ${String(delivered.length)}`,
      );
    }
    this.reportFailures(failures);
    this.done = {
      delivered: this.done.delivered + delivered.length,
      failed: this.done.failed + failures.length,
    };
    delivered.forEach(() => {
      this.metrics.recordDelivery(this.destination.name);
    });
    for (const { error } of failures) this.metrics.recordDelivery(this.destination.name, { error });
    const isAnyDone = delivered.length > 0 || failures.some(({ error }) => isUndeliverable(error));
    return outcome === 'written' && isAnyDone;
  }

  private async record(delivered: string[], failures: readonly Failure[], lease: Lease): Promise<FencedWrite> {
    let outcome = delivered.length === 0 ? 'written' : await this.queue.remove(lease.token, delivered);
    for (const failure of failures) {
      if (outcome === 'written') outcome = await this.putBack(failure, lease);
    }
    return outcome;
  }

  /** Logs only the first failure after a success: while a destination is down, failures are many. */
  private reportFailures([first]: readonly Failure[]): void {
    if (first !== undefined && !this.isFailing) {
      const { entry, error } = first;
      this.logger.warn(
        `The event ${entry.id} could not be delivered and will be retried: ${reasonOf(error)}. Further failures are not logged until one succeeds.`,
      );
    }
    this.isFailing = first !== undefined;
  }

  private async deliver({ event }: OutboxEntry, completed: Set<string>): Promise<void> {
    if (event === undefined) throw new Error('the row is damaged');
    const tooLong = new AbortController();
    let cancel: (() => void) | undefined;
    const timeout = new Promise<never>((_, reject) => {
      cancel = this.clock.after(this.settings.deliveryTimeout, () => {
        reject(new Error(`no reply within ${String(this.settings.deliveryTimeout)} ms`));
        tooLong.abort();
      });
    });
    try {
      await Promise.race([this.destination.deliver(event, tooLong.signal, completed), timeout]);
    } finally {
      cancel?.();
    }
  }

  private isGivenUp({ attempts }: OutboxEntry, error: unknown): boolean {
    return isUndeliverable(error) || attempts + 1 >= this.settings.maxAttempts;
  }

  private async putBack({ entry, error, completed }: Failure, lease: Lease): Promise<FencedWrite> {
    const attempts = entry.attempts + 1;
    const reason = reasonOf(error);
    const history = withFailure(entry.history, { at: this.time.now(), reason }, completed);
    const isGivenUp = this.isGivenUp(entry, error);
    const wait = isGivenUp ? null : waitAfter(attempts, this.chance());
    const outcome = await this.queue.putBack(lease.token, { ...entry, attempts, history }, wait);
    if (outcome === 'written' && isGivenUp) {
      this.logger.error(
        `The event ${entry.id} is a dead letter after ${attempts === 1 ? '1 attempt' : `${String(attempts)} attempts`}: ${reason}. TotpOutboxAdmin.requeue() delivers it again.`,
      );
    }
    return outcome;
  }
}

function isUndeliverable(error: unknown): boolean {
  return error instanceof TotpUndeliverableEventError;
}

/** Why a delivery failed, without the password or the query that a URL may contain. Anything may be thrown, and of any length. */
function reasonOf(error: unknown): string {
  const { message = error }: { readonly message?: unknown } = error ?? {};
  const text = typeof message === 'string' ? message : inspect(message);
  return text
    .replace(/\/\/\S*@/g, '//')
    .replace(/(:\/\/[^\s?#]*)[?#]\S*/g, '$1')
    .slice(0, REASON_LENGTH);
}
