/** Delivers the entries of one destination, batch by batch, and stores what became of them. */
import { randomInt } from 'node:crypto';
import { inspect } from 'node:util';
import { Logger } from '@nestjs/common';
import type { AnyTotpEvent } from '../events/catalogue.js';
import { NoTotpMetrics, type TotpMetrics } from '../metrics/metrics.js';
import type { TotpClock } from '../shared/clock.js';
import { TotpUndeliverableEventError } from '../shared/errors.js';
import { logError } from '../shared/log-error.js';
import { yieldToEventLoop } from '../shared/timers.js';
import { withFailure } from './attempt-history.js';
import type { TotpEventDestination } from './destination.js';
import type { Lease } from './lease.js';
import { type MonotonicClock, monotonicClock } from './monotonic-clock.js';
import { type FencedWrite, LONGEST_WAIT_MS, type OutboxEntry, type OutboxQueue, type QueuedEntry } from './outbox.js';

/** A delivery that failed. */
export interface TotpFailedDelivery {
  readonly event: AnyTotpEvent;
  /** The name of the destination. */
  readonly destination: string;
  /** Attempts until now, with this one. */
  readonly attempts: number;
}

/**
 * Whether to try again after an error. It is not asked about a `TotpUndeliverableEventError`, a delivery that timed out, or a row that
 * cannot be read.
 *
 * @example
 * events: { outbox: true, retryIf: (error) => !(error instanceof MessageTooLong) }
 * @param error what the destination or a handler threw; of an `AggregateError`, each of its errors
 * @returns false for an error that no later attempt can avoid: the event becomes a dead letter at once
 */
export type TotpRetryIf = (error: unknown, delivery: TotpFailedDelivery) => boolean;

export interface DeliverySettings {
  /** Milliseconds that one delivery may take. */
  readonly deliveryTimeout: number;
  /** Attempts after which an entry is dead-lettered. */
  readonly maxAttempts: number;
  /** Asked before that; by default, an entry is tried again. */
  readonly retryIf?: TotpRetryIf | undefined;
}

/** The dependencies of deliveries. */
export interface DeliveryWork {
  readonly queue: OutboxQueue;
  readonly settings: DeliverySettings;
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
  /** Whether the entry becomes a dead letter: another attempt cannot help, or there were enough. */
  readonly isFinal: boolean;
}

/** The deliveries to one destination. */
export class DestinationDeliveries {
  private readonly logger = new Logger('TotpModule');
  private isFailing = false;
  private isStopped = false;
  /** What was done in this process. */
  counts: DeliveryCounts = { delivered: 0, failed: 0 };

  private readonly queue: OutboxQueue;
  private readonly settings: DeliverySettings;
  private readonly time: TotpClock;
  private readonly clock: MonotonicClock;
  private readonly metrics: TotpMetrics;
  private readonly chance: () => number;

  /** @param onRetry called with the milliseconds until a failed entry is due again */
  constructor(
    private readonly destination: TotpEventDestination,
    { queue, settings, time, clock = monotonicClock, metrics = new NoTotpMetrics(), chance = randomly }: DeliveryWork,
    private readonly onRetry: (wait: number) => void,
  ) {
    this.queue = queue;
    this.settings = settings;
    this.time = time;
    this.clock = clock;
    this.metrics = metrics;
    this.chance = chance;
  }

  /** Begins no more deliveries. */
  stop(): void {
    this.isStopped = true;
  }

  /**
   * Delivers what is due in a partition. A batch consists of the first entries of several users. Each user's are delivered one after the
   * other, until one fails or the batch has taken its time. The next batch is read only after the delivered ones are deleted, so no state
   * is needed to keep the order of each user.
   */
  async empty(lease: Lease): Promise<void> {
    while (!this.isStopped) {
      const { partition } = lease.token;
      const heads = await this.queue.heads(partition, BATCH_SIZE);
      const runs = await Promise.all(heads.map((head) => this.runOf(partition, head)));
      // After the reads, because they may be slow.
      if (runs.length === 0 || !(await lease.ensure(this.settings.deliveryTimeout * (1 + RUN_TIME)))) return;
      if (!(await this.deliverBatch(runs, lease))) return;
      // Entries that are committed meanwhile have a process that looks for them.
      if (heads.length < BATCH_SIZE && !heads.some(({ isFollowed }) => isFollowed)) return;
      // With SQLite and in-process handlers this loop may never await I/O.
      await yieldToEventLoop();
    }
  }

  /** The first due entries of a user, in order. */
  private async runOf(partition: string, head: QueuedEntry): Promise<readonly OutboxEntry[]> {
    if (!head.isFollowed) return [head];
    const following = await this.queue.following(partition, head, RUN_SIZE - 1);
    // One that has failed before waits for its time.
    const end = following.findIndex(({ attempts }) => attempts > 0);
    return [head, ...(end === -1 ? following : following.slice(0, end))];
  }

  /** @returns whether to continue: an entry was delivered or became a dead letter, and the lease still holds */
  private async deliverBatch(runs: readonly (readonly OutboxEntry[])[], lease: Lease): Promise<boolean> {
    const failed: Omit<Failure, 'isFinal'>[] = [];
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
          failed.push({ entry, error, completed });
          return;
        }
      }
    };
    await Promise.all(runs.map(deliverRun));
    const failures = failed.map((failure) => ({ ...failure, isFinal: this.isFinal(failure.entry, failure.error) }));
    const outcome = await this.record(delivered, failures, lease);
    if (outcome === 'lease lost') {
      this.logger.warn(
        `Another process took over a lease for ${this.destination.name}; events that may be delivered twice: ${String(delivered.length)}`,
      );
    }
    if (delivered.length > 0) this.isFailing = false;
    this.reportFailures(failures);
    this.counts = {
      delivered: this.counts.delivered + delivered.length,
      failed: this.counts.failed + failures.length,
    };
    delivered.forEach(() => {
      this.metrics.recordDelivery(this.destination.name);
    });
    for (const { error } of failures) this.metrics.recordDelivery(this.destination.name, { error });
    const isAnyDone = delivered.length > 0 || failures.some(({ isFinal }) => isFinal);
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
  private reportFailures(failures: readonly Failure[]): void {
    const first = failures.find(({ isFinal }) => !isFinal);
    if (first !== undefined && !this.isFailing) {
      const { entry, error } = first;
      this.logger.warn(
        `The event ${entry.id} could not be delivered and will be retried: ${reasonOf(error)}. Further failures are not logged until one succeeds.`,
      );
    }
    if (first !== undefined) this.isFailing = true;
  }

  private async deliver({ event }: OutboxEntry, completed: Set<string>): Promise<void> {
    if (event === undefined) throw new NotDelivered('the row is damaged');
    const tooLong = new AbortController();
    let cancel: (() => void) | undefined;
    const timeout = new Promise<never>((_, reject) => {
      cancel = this.clock.after(this.settings.deliveryTimeout, () => {
        reject(new NotDelivered(`no reply within ${String(this.settings.deliveryTimeout)} ms`));
        tooLong.abort();
      });
    });
    try {
      await Promise.race([this.destination.deliver(event, tooLong.signal, completed), timeout]);
    } finally {
      cancel?.();
    }
  }

  private isFinal({ event, attempts: before }: OutboxEntry, error: unknown): boolean {
    const attempts = before + 1;
    if (attempts >= this.settings.maxAttempts) return true;
    if (event === undefined) return false;
    const delivery = { event, destination: this.destination.name, attempts };
    return !partsOf(error).some((part) => this.mayPass(part, delivery));
  }

  /** Whether a later attempt may succeed. */
  private mayPass(error: unknown, delivery: TotpFailedDelivery): boolean {
    if (error instanceof TotpUndeliverableEventError) return false;
    if (error instanceof NotDelivered) return true;
    const { retryIf } = this.settings;
    if (retryIf === undefined) return true;
    try {
      const answer: unknown = retryIf(error, delivery);
      if (typeof answer === 'boolean') return answer;
      Promise.resolve(answer).catch(() => undefined);
      throw new TypeError(`it returned ${inspect(answer)}. Return true or false`);
    } catch (failure) {
      logError(this.logger, 'events.retryIf failed, so the event will be retried', failure);
      return true;
    }
  }

  private async putBack({ entry, error, completed, isFinal }: Failure, lease: Lease): Promise<FencedWrite> {
    const attempts = entry.attempts + 1;
    const reason = reasonOf(error);
    const history = withFailure(entry.history, { at: this.time.now(), reason }, completed);
    const wait = isFinal ? null : waitAfter(attempts, this.chance());
    const outcome = await this.queue.putBack(lease.token, { ...entry, attempts, history }, wait);
    if (wait !== null) this.onRetry(wait);
    if (outcome === 'written' && isFinal) {
      this.logger.error(
        `The event ${entry.id} is a dead letter after ${attempts === 1 ? '1 attempt' : `${String(attempts)} attempts`}: ${reason}. TotpOutboxAdmin.requeue() delivers it again.`,
      );
    }
    return outcome;
  }
}

/** The destination has neither taken the event nor refused it. */
class NotDelivered extends Error {}

/** What the parts of a destination have thrown: at least one error. */
function partsOf(error: unknown, seen = new Set<unknown>()): readonly unknown[] {
  if (!(error instanceof AggregateError) || seen.has(error) || !Array.isArray(error.errors)) return [error];
  seen.add(error);
  const parts = error.errors.flatMap((part) => partsOf(part, seen));
  return parts.length > 0 ? parts : [error];
}

/** Why a delivery failed, without the password or the query that a URL may contain. */
function reasonOf(error: unknown): string {
  try {
    return partsOf(error).map(reasonOfPart).join('; ').slice(0, REASON_LENGTH);
  } catch {
    return 'the error cannot be read';
  }
}

/** Anything may be thrown, and of any length. */
function reasonOfPart(error: unknown): string {
  const { message = error }: { readonly message?: unknown } = error ?? {};
  const text = typeof message === 'string' ? message || inspect(error).split('\n', 1).join() : inspect(message);
  return text
    .replace(/\/\/\S*@/g, '//')
    .replace(/(:\/\/[^\s?#]*)[?#]\S*/g, '$1')
    .slice(0, REASON_LENGTH);
}
