/** Where events are kept, in the same transaction as the change that they report, until they are handed on. */
import type { EntityManager } from 'typeorm';
import type { AnyTotpEvent } from '../events/catalogue.js';
import type { TotpOutboxBacklog } from '../metrics/metrics.js';

/**
 * Keeps durable events from the moment of their change. The module has one of its own: `events: { outbox: true }`.
 *
 * An application that already has an outbox provides one that puts them there; it then hands them on, and the module does not.
 *
 * @example
 * \@Injectable()
 * class ApplicationOutbox extends TotpOutbox {
 *   override async add(manager: EntityManager, events: readonly AnyTotpEvent[]) {
 *     await manager.insert(OutboxMessage, events.map((event) => ({ topic: event.name, key: event.userId, payload: event })));
 *   }
 * }
 * TotpModule.forRoot({ …, events: { outbox: true }, providers: [{ provide: TotpOutbox, useClass: ApplicationOutbox }] })
 */
export abstract class TotpOutbox {
  /**
   * Writes events, within the transaction of the change. When it throws, nothing is changed and the call fails.
   *
   * The rows of the users are written already, and stay locked until the commit: two calls about one user never overlap.
   *
   * @param manager of the transaction; what is written otherwise is not part of it
   * @param events in the order in which they happened; at least one
   */
  abstract add(manager: EntityManager, events: readonly AnyTotpEvent[]): Promise<void>;

  /** Called after the commit, for an outbox that hands events on without waiting for its next poll. Must not throw. */
  committed(): void {
    // Most have nothing to do then.
  }
}

/** An event that waits for one destination. */
export interface OutboxEntry {
  readonly id: string;
  /** Undefined when the row is damaged. */
  readonly event: AnyTotpEvent | undefined;
  /** Tries that failed. */
  readonly attempts: number;
}

/** An event that was given up on for the time being. */
export interface ParkedTotpEvent extends OutboxEntry {
  readonly destination: string;
  /** Why the last try failed. */
  readonly reason: string;
}

/** The right to hand on the entries of one lane, for as long as nobody else has written another mark. */
export interface Claim {
  readonly lane: string;
  readonly mark: string;
}

/**
 * The entries as those see them that hand them on. A lane is one destination's entries of some of the users, and the users of a
 * lane are all of its entries' users: what one claim covers.
 */
export interface OutboxQueue {
  /** The lanes of a destination that have due entries, and who has a claim on each. */
  dueLanes(destination: string, now: number): Promise<readonly { lane: string; mark: string | undefined }[]>;

  /** Puts a claim in the place of the one that was seen, or of none. False when somebody else was first. */
  claim(claim: Claim, seen: string | undefined): Promise<boolean>;

  release(claim: Claim): Promise<void>;

  /** The first entry of each user of the lane, of those whose first entry is due. */
  heads(lane: string, now: number, limit: number): Promise<readonly OutboxEntry[]>;

  /** Forgets entries that were handed on. False when the claim is lost. */
  remove(claim: Claim, ids: readonly string[]): Promise<boolean>;

  /** @param dueAt when it is tried again, in epoch ms; null parks it. False when the claim is lost */
  postpone(claim: Claim, entry: OutboxEntry, dueAt: number | null, reason: string): Promise<boolean>;

  parked(limit: number): Promise<readonly ParkedTotpEvent[]>;

  /** Makes parked entries due again, with all their tries. @returns how many */
  unpark(ids: readonly string[] | undefined, now: number): Promise<number>;

  /** In the order of the destinations. */
  backlog(): Promise<readonly TotpOutboxBacklog[]>;
}
