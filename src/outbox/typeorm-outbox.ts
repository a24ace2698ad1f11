/** The module's own outbox: a table in the database of the accounts. */
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { type AnyTotpEvent, readEvent } from '../events/catalogue.js';
import type { TotpOutboxBacklog } from '../metrics/metrics.js';
import { TotpStorageError } from '../shared/errors.js';
import { BACKGROUND_STATEMENTS, Semaphore } from '../shared/semaphore.js';
import { StoreConnection } from '../storage/sql/connection.js';
import { epochMs } from '../storage/sql/epoch-ms.js';
import { rowId } from '../storage/sql/row-id.js';
import { runUnlessConflict, runWithRetries } from '../storage/sql/run.js';
import type { Statement, StatementResult, Value } from '../storage/sql/statement.js';
import { asciiJson, MAX_TEXT_LENGTH } from '../storage/sql/text.js';
import { runWithin } from '../storage/sql/transaction.js';
import { readHistory, writeHistory } from './attempt-history.js';
import { DESTINATION_NAMES } from './destination.js';
import { outboxStatements } from './outbox-statements.js';
import {
  type DeadLetterFilter,
  type DeadLetterPosition,
  DUE_NOW,
  type FencedWrite,
  type LeaseToken,
  LONGEST_WAIT_MS,
  type OutboxEntry,
  type OutboxQueue,
  type QueuedEntry,
  type TotpDeadLetter,
  TotpOutbox,
  type WriteWithEvents,
} from './outbox.js';
import { destinationOf, partitionOf, partitionsOf } from './partitions.js';
import { reservePositions } from './positions.js';
import { type NewEntry, writerWithEntries } from './write-with-entries.js';

/** PostgreSQL, MySQL and MariaDB accept 65,535 parameters per statement, SQLite 32,766. */
const ENTRIES_PER_INSERT = 500;

/** SQLite accepts 500 SELECTs in one statement. */
const MAX_ENTRIES_WITH_WRITE = 100;

type Statements = ReturnType<typeof outboxStatements>;

interface Opened {
  readonly dataSource: DataSource;
  readonly sql: Statements;
  readonly withEntries: ReturnType<typeof writerWithEntries>;
}

/** Stores events in the application's database, one row for each destination, for the module's relay. */
@Injectable()
export class TypeOrmTotpOutbox extends TotpOutbox implements OutboxQueue {
  private opened: Promise<Opened> | undefined;
  private listener: () => void = () => undefined;
  /** Shared by the partitions, which are emptied concurrently. */
  private readonly background = new Semaphore(BACKGROUND_STATEMENTS);

  /**
   * @param connection opened on first use: applications without an outbox, or with one of their own, never need it
   * @param destinations returns the names of the destinations that events are stored for
   */
  constructor(
    @Inject(StoreConnection) private readonly connection: Pick<StoreConnection, 'open'>,
    @Inject(DESTINATION_NAMES) private readonly destinations: () => readonly string[],
  ) {
    super();
  }

  override get queue(): OutboxQueue {
    return this;
  }

  /** False for a subclass that overrides `add`, because it may hide errors. */
  override get keepsTransaction(): boolean {
    return this.add === TypeOrmTotpOutbox.prototype.add;
  }

  /** The database's clock, as an SQL expression in epoch ms that is constant within a statement. */
  protected databaseTime(dataSource: DataSource): string {
    return epochMs(dataSource);
  }

  private open() {
    this.opened ??= this.connection.open().then((dataSource) => {
      const sql = outboxStatements(dataSource, this.databaseTime(dataSource));
      return { dataSource, sql, withEntries: writerWithEntries(dataSource) };
    });
    return this.opened;
  }

  onCommitted(listener: () => void): void {
    this.listener = listener;
  }

  override committed(): void {
    this.listener();
  }

  override async add(manager: EntityManager, events: readonly AnyTotpEvent[]): Promise<void> {
    const { sql } = await this.open();
    const before = await reservePositions(sql, manager, events);
    const entries = this.entriesOf(events);
    for (let n = 0; n < entries.length; n += ENTRIES_PER_INSERT) {
      const rows = entries.slice(n, n + ENTRIES_PER_INSERT).map((entry) => {
        const { id, partition, account, number, occurredAt, event } = entry;
        return [id, partition, account, (before.get(account) ?? 0) + number, DUE_NOW, 0, occurredAt, event];
      });
      await runWithin(manager, sql.insert(rows.length), rows.flat());
    }
  }

  override async withEvents(write: Statement, events: readonly AnyTotpEvent[]): Promise<WriteWithEvents | undefined> {
    // A subclass that overrides `add` changes what is stored.
    if (!this.keepsTransaction) return undefined;
    const entries = this.entriesOf(events);
    if (entries.length === 0 || entries.length > MAX_ENTRIES_WITH_WRITE) return undefined;
    return (await this.open()).withEntries(write, entries);
  }

  /** One entry for each event and destination. */
  private entriesOf(events: readonly AnyTotpEvent[]): NewEntry[] {
    const destinations = this.destinations();
    const numbers = new Map<string, number>();
    return events.flatMap((event) => {
      const { id, userId, occurredAt } = event;
      const account = rowId(userId);
      const number = (numbers.get(account) ?? 0) + 1;
      numbers.set(account, number);
      const json = fittingJson(event);
      return destinations.map((destination) => {
        const partition = partitionOf(destination, account);
        return { id: `${id}:${destination}`, partition, account, number, occurredAt, event: json };
      });
    });
  }

  async duePartitions(destinations: readonly string[]): Promise<{ partition: string; token: string | undefined }[]> {
    const partitions = destinations.flatMap(partitionsOf);
    const firstDue = (await this.run(({ firstDue }) => firstDue(partitions.length), partitions)).rows[0] ?? {};
    const due = partitions.filter((_, n) => isDue(firstDue[`due${String(n)}`], Number(firstDue.now)));
    if (due.length === 0) return [];
    const { rows } = await this.run(({ leases }) => leases(due.length), due);
    const tokens = new Map(rows.map(({ partition, token }) => [String(partition), String(token)]));
    return due.map((partition) => ({ partition, token: tokens.get(partition) }));
  }

  async acquire({ partition, token }: LeaseToken, seen: string | undefined): Promise<boolean> {
    const { dataSource, sql } = await this.open();
    const written = await this.background.run(() =>
      seen === undefined
        ? runUnlessConflict(dataSource, { sql: sql.insertLease, parameters: [token, partition] })
        : runUnlessConflict(dataSource, { sql: sql.updateLease, parameters: [token, partition, seen] }),
    );
    return written?.affected === 1;
  }

  async release({ partition, token }: LeaseToken): Promise<void> {
    await this.run(({ deleteLease }) => deleteLease, [partition, token]);
  }

  async heads(partition: string, limit: number): Promise<QueuedEntry[]> {
    const { rows } = await this.run(({ heads }) => heads(limit), [partition]);
    return rows.map((row) => ({
      ...readEntry(row),
      account: String(row.account),
      position: Number(row.position),
      isFollowed: Number(row.followed) === 1,
    }));
  }

  async following(partition: string, { account, position }: QueuedEntry, limit: number): Promise<OutboxEntry[]> {
    const { rows } = await this.run(({ following }) => following(limit), [partition, account, position]);
    return rows.map(readEntry);
  }

  async remove({ partition, token }: LeaseToken, ids: readonly string[]): Promise<FencedWrite> {
    const { affected } = await this.run(({ remove }) => remove(ids.length), [...ids, partition, token]);
    return affected > 0 ? 'written' : 'lease lost';
  }

  async putBack({ partition, token }: LeaseToken, entry: OutboxEntry, wait: number | null): Promise<FencedWrite> {
    const values = [wait, entry.attempts, writeHistory(entry.history), entry.id, partition, token];
    const { affected } = await this.run(({ putBack }) => putBack, values);
    return affected > 0 ? 'written' : 'lease lost';
  }

  async deadLetters(
    filter: DeadLetterFilter,
    limit: number,
    after: DeadLetterPosition | undefined,
  ): Promise<TotpDeadLetter[]> {
    const { rows } = await this.runWith(({ deadLetters }) => deadLetters(filter, limit, after));
    return rows.map((row) => ({
      ...readEntry(row),
      destination: destinationOf(String(row.partition)),
      occurredAt: Number(row.occurredAt),
    }));
  }

  async requeue(filter: DeadLetterFilter): Promise<number> {
    const { affected } = await this.runWith(({ requeue }) => requeue(filter));
    this.listener();
    return affected;
  }

  async purge(filter: DeadLetterFilter): Promise<number> {
    return (await this.runWith(({ purge }) => purge(filter))).affected;
  }

  async storedDestinations(): Promise<string[]> {
    const names = new Set<string>();
    for (let last = ''; ;) {
      const { rows } = await this.run(({ nextPartition }) => nextPartition, [last]);
      const partition = rows[0]?.partition;
      if (typeof partition !== 'string') return [...names];
      names.add(destinationOf(partition));
      last = partition;
    }
  }

  async moveDestination(from: string, to: string): Promise<number> {
    const [source, target] = [partitionsOf(from), partitionsOf(to)];
    const ids = [`:${from}`, `:${to}`];
    await this.run(({ removeDuplicates }) => removeDuplicates(source.length), [...source, ...ids, ...target]);
    const values = [...ids, `${from}:`, `${to}:`, ...source];
    const { affected } = await this.run(({ move }) => move(source.length), values);
    this.listener();
    return affected;
  }

  async dropDestination(name: string): Promise<number> {
    const partitions = partitionsOf(name);
    return (await this.run(({ drop }) => drop(partitions.length), partitions)).affected;
  }

  backlog(): Promise<TotpOutboxBacklog[]> {
    const backlogs = this.destinations().map(async (destination) => {
      const partitions = partitionsOf(destination);
      const { rows } = await this.run(({ backlog }) => backlog(partitions.length), [...partitions, ...partitions]);
      const { waiting, deadLettered, oldestAt } = rows[0] ?? {};
      return {
        destination,
        waiting: Number(waiting),
        deadLettered: Number(deadLettered),
        oldestAt: oldestAt === null ? undefined : Number(oldestAt),
      };
    });
    return Promise.all(backlogs);
  }

  private async runWith(statement: (sql: Statements) => { sql: string; values: readonly Value[] }) {
    const { sql } = await this.open();
    const { sql: text, values } = statement(sql);
    return this.run(() => text, values);
  }

  private async run(statement: (sql: Statements) => string, parameters: readonly Value[]): Promise<StatementResult> {
    const { dataSource, sql } = await this.open();
    return this.background.run(() => runWithRetries(dataSource, { sql: statement(sql), parameters }));
  }
}

/** A due time further ahead than the longest wait was written before the database's clock was set back. */
function isDue(dueAt: unknown, now: number): boolean {
  if (dueAt === null || dueAt === undefined) return false;
  return Number(dueAt) <= now || Number(dueAt) > now + LONGEST_WAIT_MS;
}

function fittingJson(event: AnyTotpEvent): string {
  const json = asciiJson(event);
  if (json.length <= MAX_TEXT_LENGTH) return json;
  throw new TotpStorageError('The event is too long for a row. Use shorter session handles and tenant ids.');
}

function readEntry(row: Readonly<Record<string, unknown>>): OutboxEntry {
  return {
    id: String(row.id),
    event: readEvent(String(row.event)),
    attempts: Number(row.attempts),
    history: readHistory(row.history),
  };
}
