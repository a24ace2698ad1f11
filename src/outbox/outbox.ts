/** Where events are stored, in the same transaction as the change that they report, until they are delivered. */
import type { EntityManager } from 'typeorm';
import type { AnyTotpEvent } from '../events/catalogue.js';
import type { TotpOutboxBacklog } from '../metrics/metrics.js';

/**
 * Stores durable events together with their change. The module has an implementation of its own: `events: { outbox: true }`.
 *
 * An application that already has an outbox provides one that writes events there. Its outbox then delivers them, and the module
 * does not.
 *
 * @example
 * \@Injectable()
 * class ApplicationOutbox extends TotpOutbox {
 *   override async add(manager: EntityManager, events: readonly AnyTotpEvent[]) {
 *     await manager.insert(OutboxMessage, events.map((event) => ({ topic: event.name, key: event.userId, payload: event })));
 *   }
 * }
 * TotpModule.forRoot({ …, events: { outbox: true }, providers: [{ provide: TotpOutbox, useClass: ApplicationOutbox }] })
 *
 * @example
 * // An outbox around the module's own, which still delivers:
 * \@Injectable()
 * class CountingOutbox extends TotpOutbox {
 *   constructor(@Inject(TypeOrmTotpOutbox) private readonly outbox: TypeOrmTotpOutbox) {
 *     super();
 *   }
 *   override get queue() {
 *     return this.outbox.queue;
 *   }
 *   override async add(manager: EntityManager, events: readonly AnyTotpEvent[]) {
 *     await this.outbox.add(manager, events);
 *     this.count += events.length;
 *   }
 *   override committed() {
 *     this.outbox.committed();
 *   }
 * }
 */
export abstract class TotpOutbox {
  /** What the module's relay delivers events from; undefined for an outbox that delivers them by itself. */
  get queue(): OutboxQueue | undefined {
    return undefined;
  }

  /**
   * Whether `add` can neither end the transaction nor hide an error of the database. If not, the store checks after `add` that the
   * transaction is still open, with two statements more.
   */
  // eslint-disable-next-line @typescript-eslint/class-literal-property-style -- a subclass decides by a getter
  get keepsTransaction(): boolean {
    return false;
  }

  /**
   * Writes events, within the transaction of the change. When it throws, nothing is changed and the call fails.
   *
   * The rows of the users are written already, and stay locked until the commit: two calls about one user never overlap.
   *
   * @param manager of the transaction; what is written otherwise is not part of it
   * @param events in the order in which they happened; at least one
   */
  abstract add(manager: EntityManager, events: readonly AnyTotpEvent[]): Promise<void>;

  /** Called after the commit, so that an outbox need not wait for its next poll. Must not throw. */
  committed(): void {
    // Optional: the default does nothing.
  }
}

/** An event that waits for one destination. */
export interface OutboxEntry {
  readonly id: string;
  /** Undefined when the row is damaged. */
  readonly event: AnyTotpEvent | undefined;
  /** Failed tries. */
  readonly attempts: number;
}

/** An event that is not tried any more until it is requeued. */
export interface TotpDeadLetter extends OutboxEntry {
  readonly destination: string;
  /** Why the last try failed. */
  readonly reason: string;
}

/** The token of a lease: the lease is held for as long as the database has no other token for the partition. */
export interface LeaseToken {
  readonly partition: string;
  readonly token: string;
}

/** No entry waits longer for its next try. */
export const LONGEST_WAIT_MS = 300_000;

/** What became of a write that only the holder of a lease may do. */
export type FencedWrite = 'written' | 'lease lost';

/**
 * The queue as the relay sees it. A partition is one destination × one sixteenth of the users; a lease covers one partition.
 *
 * All times are those of the database's clock.
 */
export interface OutboxQueue {
  /** Sets what is called after events are committed. */
  onCommitted(listener: () => void): void;

  /** The partitions of a destination that have due entries, and the token of the lease on each. */
  duePartitions(destination: string): Promise<readonly { partition: string; token: string | undefined }[]>;

  /** Replaces the token that was seen, or none. False when another process was first. */
  acquire(token: LeaseToken, seen: string | undefined): Promise<boolean>;

  release(token: LeaseToken): Promise<void>;

  /** The first entry of each user of the partition, of those whose first entry is due. */
  heads(partition: string, limit: number): Promise<readonly OutboxEntry[]>;

  /** Deletes entries that were delivered. */
  remove(lease: LeaseToken, ids: readonly string[]): Promise<FencedWrite>;

  /** @param wait milliseconds until the next try; null dead-letters the entry */
  putBack(lease: LeaseToken, entry: OutboxEntry, wait: number | null, reason: string): Promise<FencedWrite>;

  deadLetters(limit: number): Promise<readonly TotpDeadLetter[]>;

  /** Makes dead letters due at once, with all their tries; all of them when `ids` is left out. @returns how many */
  requeue(ids: readonly string[] | undefined): Promise<number>;

  /** In the order of the destinations. */
  backlog(): Promise<readonly TotpOutboxBacklog[]>;
}
