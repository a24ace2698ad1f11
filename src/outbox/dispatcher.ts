/** Brings what waits in the outbox to one destination. */
import { AsyncResource } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { Logger } from '@nestjs/common';
import type { TotpClock } from '../shared/clock.js';
import { NoTotpMetrics, type TotpMetrics } from '../metrics/metrics.js';
import { BACKGROUND_STATEMENTS, Semaphore } from '../shared/semaphore.js';
import { yieldToEventLoop } from '../shared/timers.js';
import { logError } from '../shared/log-error.js';
import type { TotpEventDestination } from './destination.js';
import type { Claim, OutboxEntry, OutboxQueue } from './outbox.js';

export interface CourierSettings {
  /** Milliseconds between two looks at what others left behind. */
  readonly pollInterval: number;
  /** Milliseconds that one delivery may take. */
  readonly deliveryTimeout: number;
  /** Tries after which an entry is parked. */
  readonly maxAttempts: number;
}

/** Time as it passes, which no one sets back. */
export interface Stopwatch {
  /** Milliseconds since some moment. */
  elapsed(): number;
  /** Calls `action` after some milliseconds, and returns what stops that. Keeps no process alive. */
  after(milliseconds: number, action: () => void): () => void;
}

export const systemStopwatch: Stopwatch = {
  elapsed: () => performance.now(),
  after: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Deliveries side by side: of as many users, since a user's events go one after the other. */
const BATCH_SIZE = 50;
/** A claim lasts as long as this many deliveries may take, so that it outlasts the one batch that is begun under it. */
const LEASE_IN_DELIVERIES = 3;
/** When a lane that somebody else has is looked at again: what came in a moment before they let go of it is not seen by them. */
const AGAIN_MS = 100;
/** Of a reason, in characters: as many as tell what is wrong. */
const REASON_LENGTH = 500;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 300_000;

/** How long an entry waits after a try that failed: 1 s, 2 s, 4 s, and so on to 5 min. */
export function waitAfter(attempts: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** (attempts - 1), LONGEST_WAIT_MS);
}

/**
 * Looks which lanes have something due, takes them, and empties them batch by batch, each lane by itself. A batch is the first entries of
 * several users, and the next one of a user is looked at only when the one before is gone: so the order of each user needs no memory.
 *
 * A lane is claimed by a mark in the database. Whoever has it writes a new mark before it is too old, and who sees the same mark for
 * the whole length of a lease takes over. Each goes by a stopwatch of its own, so clocks that differ do no harm.
 */
export class Courier {
  private readonly logger = new Logger('TotpModule');
  private readonly lease: number;
  /** Claims of others, and since when they are known not to have changed. */
  private readonly watched = new Map<string, { readonly mark: string; readonly since: number }>();
  private round: Promise<void> | undefined;
  private isAskedAgain = false;
  /** Lanes that are being emptied, and those of them that were found due meanwhile. */
  private readonly serving = new Map<string, Promise<void>>();
  private readonly dueAgain = new Set<string>();
  private isFailing = false;
  private isStopped = false;
  private stopTimer: (() => void) | undefined;
  /** A round is not part of the request whose commit asked for it. */
  private readonly startRound = AsyncResource.bind(() => this.goRound());

  constructor(
    private readonly destination: TotpEventDestination,
    private readonly queue: OutboxQueue,
    private readonly settings: CourierSettings,
    private readonly clock: TotpClock,
    private readonly stopwatch: Stopwatch = systemStopwatch,
    private readonly metrics: TotpMetrics = new NoTotpMetrics(),
  ) {
    this.lease = LEASE_IN_DELIVERIES * settings.deliveryTimeout;
  }

  /** Has entries looked for now, or as soon as the present round is over. */
  nudge(): void {
    if (this.isStopped) return;
    this.isAskedAgain = true;
    this.round ??= this.startRound();
  }

  /** Looks for entries, and resolves when there is nothing more to do. Never rejects. */
  async wake(): Promise<void> {
    this.nudge();
    while (this.round !== undefined || this.serving.size > 0) await Promise.all([this.round, ...this.serving.values()]);
  }

  /** Ends after the entries at hand. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.stopTimer?.();
    await this.wake();
  }

  private async goRound(): Promise<void> {
    this.stopTimer?.();
    let isOver = true;
    try {
      while (this.isAskedAgain && !this.isStopped) {
        this.isAskedAgain = false;
        isOver = await this.takeLanes();
      }
    } catch (error) {
      this.tellOf(error);
    }
    this.round = undefined;
    if (this.isStopped) return;
    const { pollInterval } = this.settings;
    this.stopTimer = this.stopwatch.after(isOver ? pollInterval : Math.min(AGAIN_MS, pollInterval), () => {
      this.nudge();
    });
  }

  /** @returns false when others had a lane */
  private async takeLanes(): Promise<boolean> {
    const lanes = await this.queue.dueLanes(this.destination.name, this.clock.now());
    const taken = await new Semaphore(BACKGROUND_STATEMENTS).map(lanes, async ({ lane, mark }) => {
      if (this.isStopped) return true;
      if (this.serving.has(lane)) {
        this.dueAgain.add(lane);
        return true;
      }
      const hold = await this.take(lane, mark);
      // Is not waited for: a delivery that takes long holds up no other lane.
      if (hold !== undefined) this.serving.set(lane, this.serve(lane, hold));
      return hold !== undefined;
    });
    return taken.every(Boolean);
  }

  private async take(lane: string, mark: string | undefined): Promise<Hold | undefined> {
    if (mark !== undefined && !this.isAbandoned(lane, mark)) return undefined;
    const hold = new Hold(this.queue, lane, this.lease, this.stopwatch);
    return (await hold.write(mark)) ? hold : undefined;
  }

  private isAbandoned(lane: string, mark: string): boolean {
    const now = this.stopwatch.elapsed();
    const known = this.watched.get(lane);
    if (known?.mark === mark) return now - known.since > this.lease;
    this.watched.set(lane, { mark, since: now });
    return false;
  }

  private async serve(lane: string, hold: Hold): Promise<void> {
    try {
      await this.empty(hold).finally(() => hold.release());
    } catch (error) {
      this.tellOf(error);
    }
    this.serving.delete(lane);
    if (this.dueAgain.delete(lane)) this.nudge();
  }

  private async empty(hold: Hold): Promise<void> {
    while (!this.isStopped) {
      const entries = await this.queue.heads(hold.claim.lane, this.clock.now(), BATCH_SIZE);
      // After the reading, which may have taken long.
      if (entries.length === 0 || !(await hold.keepFor(this.settings.deliveryTimeout))) return;
      if (!(await this.handOn(entries, hold))) return;
      // Neither SQLite nor a listener need wait for anything outside: the rest of the process gets its turn here.
      await yieldToEventLoop();
    }
  }

  private tellOf(error: unknown): void {
    logError(this.logger, `Could not read the outbox for ${this.destination.name}; retrying at the next poll`, error);
  }

  /** @returns whether it is worth to go on: an entry was delivered, and the claim holds */
  private async handOn(entries: readonly OutboxEntry[], hold: Hold): Promise<boolean> {
    const failures: (readonly [OutboxEntry, unknown])[] = [];
    const delivered: string[] = [];
    await Promise.all(
      entries.map(async (entry) => {
        try {
          await this.deliver(entry);
          delivered.push(entry.id);
        } catch (error) {
          failures.push([entry, error]);
        }
      }),
    );
    let isHeld = delivered.length === 0 || (await this.queue.remove(hold.claim, delivered));
    for (const [entry, error] of failures) isHeld &&= await this.putBack(entry, error, hold);
    if (!isHeld) {
      this.logger.warn(
        `A claim on events for ${this.destination.name} was lost to another process: ${String(entries.length)} of them may arrive twice`,
      );
    }
    this.tellOfFailures(failures);
    delivered.forEach(() => {
      this.metrics.recordDelivery(this.destination.name);
    });
    for (const [, error] of failures) this.metrics.recordDelivery(this.destination.name, { error });
    return isHeld && delivered.length > 0;
  }

  /** Tells of the first failure after a success alone: while a destination is down, there may be any number. */
  private tellOfFailures([first]: readonly (readonly [OutboxEntry, unknown])[]): void {
    if (first !== undefined && !this.isFailing) {
      const [entry, error] = first;
      this.logger.warn(
        `The event ${entry.id} was not delivered, and comes again: ${reasonOf(error)}. More failures are told of after the next success.`,
      );
    }
    this.isFailing = first !== undefined;
  }

  private async deliver({ event }: OutboxEntry): Promise<void> {
    if (event === undefined) throw new Error('the row is damaged');
    const tooLong = new AbortController();
    let stop: (() => void) | undefined;
    const timeout = new Promise<never>((_, reject) => {
      stop = this.stopwatch.after(this.settings.deliveryTimeout, () => {
        reject(new Error(`no answer within ${String(this.settings.deliveryTimeout)} ms`));
        tooLong.abort();
      });
    });
    try {
      await Promise.race([this.destination.deliver(event, tooLong.signal), timeout]);
    } finally {
      stop?.();
    }
  }

  private async putBack(entry: OutboxEntry, error: unknown, hold: Hold): Promise<boolean> {
    const attempts = entry.attempts + 1;
    const reason = reasonOf(error);
    const isParked = attempts >= this.settings.maxAttempts;
    const dueAt = isParked ? null : this.clock.now() + waitAfter(attempts);
    const isHeld = await this.queue.postpone(hold.claim, { ...entry, attempts }, dueAt, reason);
    if (isHeld && isParked) {
      this.logger.error(
        `The event ${entry.id} is parked after ${String(attempts)} tries: ${reason}. TotpOutboxRelay.retry() brings it again.`,
      );
    }
    return isHeld;
  }
}

/** A claim while it is held. */
class Hold {
  claim: Claim;
  private writtenAt = 0;

  constructor(
    private readonly queue: OutboxQueue,
    lane: string,
    private readonly lease: number,
    private readonly stopwatch: Stopwatch,
  ) {
    this.claim = { lane, mark: '' };
  }

  /** Writes a new mark in the place of the one that was seen. */
  async write(seen: string | undefined): Promise<boolean> {
    const claim = { lane: this.claim.lane, mark: randomUUID() };
    // The time before it is sent: others may see it from then on.
    this.writtenAt = this.stopwatch.elapsed();
    const isWritten = await this.queue.claim(claim, seen);
    if (isWritten) this.claim = claim;
    return isWritten;
  }

  /** Sees to it that the claim lasts for a delivery of this length, and for what is written after it. */
  async keepFor(milliseconds: number): Promise<boolean> {
    const lasts = () => this.writtenAt + this.lease - this.stopwatch.elapsed() >= 2 * milliseconds;
    return lasts() || ((await this.write(this.claim.mark)) && lasts());
  }

  release(): Promise<void> {
    return this.queue.release(this.claim);
  }
}

/** What kept an event, without the password that a broker's URL may have. Anything may be thrown, and of any length. */
function reasonOf(error: unknown): string {
  const { message = error }: { readonly message?: unknown } = error ?? {};
  const text = typeof message === 'string' ? message : inspect(message);
  return text.replace(/\/\/[^/\s]*@/g, '//').slice(0, REASON_LENGTH);
}
