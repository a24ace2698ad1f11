/** The port that stores events, together with the change that they report, until they are delivered. */
import type { EntityManager } from 'typeorm';
import type { AnyTotpEvent } from '../events/catalogue.js';
import type { TotpOutboxBacklog } from '../metrics/metrics.js';
import type { Statement } from '../storage/sql/statement.js';
import type { TotpAttemptHistory } from './attempt-history.js';

/**
 * Stores durable events together with their change. The option `events: { outbox: true }` switches the module's implementation on.
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
  /** The queue from which the module's relay delivers events; undefined for an outbox that delivers them itself. */
  get queue(): OutboxQueue | undefined {
    return undefined;
  }

  /**
   * Whether `add` can neither end the transaction nor hide an error of the database. If not, the store checks after `add` that the
   * transaction is still open, with two more statements.
   */
  // eslint-disable-next-line @typescript-eslint/class-literal-property-style -- subclasses override it with a getter
  get keepsTransaction(): boolean {
    return false;
  }

  /**
   * Writes events, within the transaction of the change. When it throws, nothing is changed and the call fails.
   *
   * The rows of the users are already written, and locked until the commit, so two calls for one user never overlap.
   *
   * @param manager of the transaction: only what is written through it is part of the transaction
   * @param events in the order in which they happened; at least one
   */
  abstract add(manager: EntityManager, events: readonly AnyTotpEvent[]): Promise<void>;

  /**
   * Returns the statements that write an account and store the events of that change; undefined when `add` must store them. Only for the
   * module's own outbox, which is faster with it.
   *
   * @param write changes one row of `totp_accounts`, whose `lastPosition` it increases by the number of events, or changes nothing
   * @param events of that user, in the order in which they happened; at least one
   */
  withEvents?(write: Statement, events: readonly AnyTotpEvent[]): Promise<WriteWithEvents | undefined>;

  /** Called after the commit, so that an outbox need not wait for its next poll. Must not throw. */
  committed(): void {
    // Optional: the default does nothing.
  }
}

/** The write of an account with the events of that change. */
export interface WriteWithEvents {
  /** Both in one statement, on databases that have such statements; undefined on others. */
  readonly asOne: Statement | undefined;
  /** The same as several statements of one transaction. The later ones must not run unless the first one changed a row. */
  readonly inTransaction: () => readonly Statement[];
}

/** An event that waits for delivery to one destination. */
export interface OutboxEntry {
  readonly id: string;
  /** Undefined when the row is damaged. */
  readonly event: AnyTotpEvent | undefined;
  /** Failed attempts since it was stored or requeued. */
  readonly attempts: number;
  readonly history: TotpAttemptHistory;
}

/** An entry with its place among the entries of its user and destination. */
export interface QueuedEntry extends OutboxEntry {
  /** The id of the user's row in `totp_accounts`. */
  readonly account: string;
  readonly position: number;
  /** Whether later entries wait for this one. */
  readonly isFollowed: boolean;
}

/** An event that is not delivered until it is requeued. */
export interface TotpDeadLetter extends OutboxEntry {
  readonly destination: string;
  /** When the event happened, in epoch ms. */
  readonly occurredAt: number;
}

/** Which dead letters are meant: those that match all of the fields that are present. */
export interface DeadLetterFilter {
  /** At most 1,000 ids of dead letters. */
  readonly ids?: readonly string[];
  readonly destination?: string;
  readonly userId?: string;
}

/** A page of dead letters, oldest first. */
export interface DeadLetterPage {
  readonly deadLetters: readonly TotpDeadLetter[];
  /** Returns the next page; missing on the last one. */
  readonly nextPaginationToken?: string;
}

/** Where a page of dead letters ends. */
export type DeadLetterPosition = Pick<TotpDeadLetter, 'occurredAt' | 'id'>;

/** The token of a lease. The lease is held while the database has this token for the partition. */
export interface LeaseToken {
  readonly partition: string;
  readonly token: string;
}

/** A due time that has come on any clock. */
export const DUE_NOW = 0;

/** Maximum wait between two attempts. */
export const LONGEST_WAIT_MS = 300_000;

/** The outcome of a write that only the holder of a lease may make. */
export type FencedWrite = 'written' | 'lease lost';

/**
 * The queue as the relay sees it. A partition is one destination × one sixteenth of the users; a lease covers one partition.
 *
 * All times are those of the database's clock.
 */
export interface OutboxQueue {
  /** Sets the callback that is called after events are committed. */
  onCommitted(listener: () => void): void;

  /** The partitions of destinations that have due entries, and the token of the lease on each. */
  duePartitions(destinations: readonly string[]): Promise<readonly { partition: string; token: string | undefined }[]>;

  /** Replaces the token that was seen, or inserts the first one. False when another process was first. */
  acquire(token: LeaseToken, seen: string | undefined): Promise<boolean>;

  release(token: LeaseToken): Promise<void>;

  /** The first entry of each user of the partition, if that entry is due. */
  heads(partition: string, limit: number): Promise<readonly QueuedEntry[]>;

  /** The entries that wait for one of the `heads`, in order. */
  following(partition: string, head: QueuedEntry, limit: number): Promise<readonly OutboxEntry[]>;

  /** Deletes entries that were delivered. */
  remove(lease: LeaseToken, ids: readonly string[]): Promise<FencedWrite>;

  /**
   * Stores the attempts and the history of an entry that was not delivered.
   *
   * @param wait milliseconds until the next attempt; null dead-letters the entry
   */
  putBack(lease: LeaseToken, entry: OutboxEntry, wait: number | null): Promise<FencedWrite>;

  /** Those after a position, oldest first. */
  deadLetters(
    filter: DeadLetterFilter,
    limit: number,
    after: DeadLetterPosition | undefined,
  ): Promise<readonly TotpDeadLetter[]>;

  /** Makes dead letters due immediately and resets their attempts. @returns how many */
  requeue(filter: DeadLetterFilter): Promise<number>;

  /** Deletes dead letters. @returns how many */
  purge(filter: DeadLetterFilter): Promise<number>;

  /** The names of the destinations that have entries. */
  storedDestinations(): Promise<readonly string[]>;

  /** Gives the entries of a destination to another one, except those that it has already. @returns how many */
  moveDestination(from: string, to: string): Promise<number>;

  /** Deletes all entries of a destination. @returns how many */
  dropDestination(name: string): Promise<number>;

  /** In the order of the destinations. */
  backlog(): Promise<readonly TotpOutboxBacklog[]>;
}
