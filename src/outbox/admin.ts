/** What an operator does with the outbox: dead letters, and events of destinations that are gone. */
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { TotpArgumentError, TotpConfigurationError } from '../shared/errors.js';
import { logError } from '../shared/log-error.js';
import { property } from '../shared/unknown.js';
import { isDestinationName } from './destination.js';
import type { DeadLetterFilter, DeadLetterPage, DeadLetterPosition, OutboxQueue } from './outbox.js';

const MAX_LISTED = 1_000;

/** Which dead letters are listed. */
export interface DeadLetterListing extends DeadLetterFilter {
  /** 1–1,000, default 100. */
  readonly limit?: number;
  /** The `nextPaginationToken` of the page before. */
  readonly paginationToken?: string;
}

/** The dependencies of the administration. */
export interface AdministeredOutbox {
  readonly queue: OutboxQueue;
  /** Returns the names of the destinations of this application; undefined where they are not known, as in a command: then any is accepted. */
  readonly destinations: (() => readonly string[]) | undefined;
}

/**
 * Lists, requeues and purges dead letters, and settles the events of destinations that were renamed or removed. Works in any process,
 * whether or not it delivers events.
 *
 * All functions throw `TotpArgumentError` for a wrong argument, and `TotpConfigurationError` when the module's own outbox is not in use.
 */
@Injectable()
export class TotpOutboxAdmin implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('TotpModule');
  private checking: Promise<void> | undefined;

  /** @param work undefined without an outbox, and with one that delivers events itself */
  constructor(private readonly work: AdministeredOutbox | undefined) {}

  onApplicationBootstrap(): void {
    this.checking = this.work && this.warnOfUnknownDestinations();
  }

  /** Before the connection to the database is closed. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.checking;
  }

  /**
   * Lists events that are not delivered until they are requeued, oldest first.
   *
   * @example
   * let page = await admin.deadLetters({ destination: 'mail' });
   * while (page.nextPaginationToken !== undefined) {
   *   page = await admin.deadLetters({ destination: 'mail', paginationToken: page.nextPaginationToken });
   * }
   */
  async deadLetters(listing: DeadLetterListing = {}): Promise<DeadLetterPage> {
    const { limit = 100, paginationToken, ...filter } = listing;
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED) {
      throw new TotpArgumentError('limit must be a whole number from 1 to 1,000');
    }
    const after = paginationToken === undefined ? undefined : readToken(paginationToken);
    const found = await this.started().queue.deadLetters(checked(filter), limit + 1, after);
    const last = found.length > limit ? found[limit - 1] : undefined;
    const deadLetters = found.slice(0, limit);
    return last === undefined ? { deadLetters } : { deadLetters, nextPaginationToken: writeToken(last) };
  }

  /**
   * Delivers dead letters again, with all their attempts. They arrive after events of the same user that were delivered meanwhile.
   *
   * @param filter all dead letters when left out
   * @example
   * await admin.requeue({ destination: 'mail' });
   * @returns how many were requeued
   */
  async requeue(filter: DeadLetterFilter = {}): Promise<number> {
    return this.started().queue.requeue(checked(filter));
  }

  /**
   * Deletes dead letters: those events are never delivered.
   *
   * @param filter with at least one field, or `'all'`
   * @example
   * await admin.purge({ ids: [deadLetter.id] });
   * @returns how many were deleted
   */
  async purge(filter: DeadLetterFilter | 'all'): Promise<number> {
    const { queue } = this.started();
    if (filter === 'all') return queue.purge({});
    const { ids, destination, userId } = checked(filter);
    if (ids === undefined && destination === undefined && userId === undefined) {
      throw new TotpArgumentError(
        "purge needs ids, a destination or a userId. To delete all dead letters, write 'all'",
      );
    }
    return queue.purge(filter);
  }

  /** The names of destinations that have events in the outbox, but are not among those of this application: nothing delivers these events. */
  async unknownDestinations(): Promise<readonly string[]> {
    const { queue, destinations } = this.started();
    const known = destinations?.() ?? [];
    return (await queue.storedDestinations()).filter((name) => !known.includes(name));
  }

  /**
   * Gives the events of a destination that was renamed to another one. Events that this one has already are not moved, so none arrives
   * twice because of the move. Stop the processes that still deliver to the old destination first.
   *
   * @param from a destination that this application does not have
   * @param to one that it has
   * @example
   * await admin.moveDestination('mail', 'post');
   * @returns how many events were moved
   */
  async moveDestination(from: string, to: string): Promise<number> {
    this.refuseKnown(from);
    const { queue, destinations } = this.started();
    const known = destinations?.();
    if (known !== undefined && !known.includes(to)) {
      throw new TotpArgumentError(`"${to}" is not a destination of this application, which has: ${known.join(', ')}`);
    }
    if (!isDestinationName(to)) throw new TotpArgumentError(`"${to}" cannot be the name of a destination`);
    return queue.moveDestination(from, to);
  }

  /**
   * Deletes all events of a destination that was removed, including its dead letters.
   *
   * @param name a destination that this application does not have
   * @example
   * await admin.dropDestination('mail');
   * @returns how many events were deleted
   */
  async dropDestination(name: string): Promise<number> {
    this.refuseKnown(name);
    return this.started().queue.dropDestination(name);
  }

  /** A destination that was renamed or removed leaves its events behind, and nothing else would say so. */
  private async warnOfUnknownDestinations(): Promise<void> {
    try {
      for (const name of await this.unknownDestinations()) {
        this.logger.warn(
          `The outbox has events for "${name}", which is not among the eventDestinations: this process does not deliver them. If it was ` +
            `renamed, call TotpOutboxAdmin.moveDestination('${name}', …); if it was removed, dropDestination('${name}').`,
        );
      }
    } catch (error) {
      logError(this.logger, 'The destinations in the outbox could not be read', error);
    }
  }

  private refuseKnown(name: string): void {
    if (typeof name !== 'string') throw new TotpArgumentError('the name of a destination must be a string');
    if (this.started().destinations?.().includes(name) !== true) return;
    throw new TotpArgumentError(
      `"${name}" is a destination of this application. Remove it from eventDestinations first`,
    );
  }

  private started(): AdministeredOutbox {
    if (this.work !== undefined) return this.work;
    throw new TotpConfigurationError(
      "TotpOutboxAdmin: the module's own outbox is not in use. Write events: { outbox: true }, and provide no TotpOutbox.",
    );
  }
}

/** A misspelt field would match every dead letter. */
function checked(filter: DeadLetterFilter): DeadLetterFilter {
  for (const [name, value] of Object.entries(filter)) {
    if (name === 'ids') checkIds(value);
    else if (name !== 'destination' && name !== 'userId') {
      throw new TotpArgumentError(`dead letters have no filter "${name}": write ids, destination or userId`);
    } else if (value !== undefined && (typeof value !== 'string' || value === '')) {
      throw new TotpArgumentError(`${name} must be a non-empty string`);
    }
  }
  return filter;
}

function checkIds(ids: unknown): void {
  if (ids === undefined) return;
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
    throw new TotpArgumentError('ids must be an array of strings');
  }
  if (ids.length > MAX_LISTED) throw new TotpArgumentError('ids has more than 1,000 entries');
}

function writeToken({ occurredAt, id }: DeadLetterPosition): string {
  return Buffer.from(JSON.stringify({ occurredAt, id })).toString('base64url');
}

function readToken(token: string): DeadLetterPosition {
  try {
    const read: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    const [occurredAt, id] = [property(read, 'occurredAt'), property(read, 'id')];
    if (Number.isSafeInteger(occurredAt) && typeof id === 'string') return { occurredAt: Number(occurredAt), id };
  } catch {
    // Not JSON: refused below.
  }
  throw new TotpArgumentError('paginationToken is not one that deadLetters returned');
}
