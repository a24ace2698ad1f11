/** For consumers of events: each event is handled once, although it may be delivered more than once. */
import type { DataSource, EntityManager } from 'typeorm';
import { durationMs, type TotpDuration } from '../shared/duration.js';
import { TotpArgumentError, TotpConfigurationError, TotpStorageError } from '../shared/errors.js';
import { Sql } from '../storage/sql/builder.js';
import { isDuplicate } from '../storage/sql/driver-errors.js';
import { epochMs } from '../storage/sql/epoch-ms.js';
import { rowId } from '../storage/sql/row-id.js';
import { runWithin } from '../storage/sql/transaction.js';
import { TotpInboxEventEntity } from '../storage/tables/inbox-event.entity.js';

/** A delivered event, and who handles it. */
export interface ConsumedEvent {
  /** A name of the consumer: each consumer handles each event once. */
  readonly consumer: string;
  /** The event's `id`. */
  readonly eventId: string;
}

/**
 * Remembers an event in the transaction of what the consumer does with it, in the table `totp_inbox`. If the transaction is rolled back, the
 * event is forgotten, so that its redelivery is handled. A second delivery at the same time waits for the end of the first one's transaction.
 *
 * @param manager of a transaction on a data source with `TOTP_INBOX_ENTITIES` and `TOTP_INBOX_MIGRATIONS`
 * @returns false when this consumer has handled the event before: then do nothing
 * @throws TotpArgumentError without a transaction, and for a name or id that is empty
 * @throws TotpConfigurationError when the data source does not know the entities, and on SQLite
 * @throws TotpStorageError when the database has ended the transaction: nothing is remembered
 * @example
 * await dataSource.transaction(async (manager) => {
 *   if (!(await rememberEvent(manager, { consumer: 'billing', eventId: event.id }))) return;
 *   await manager.increment(Customer, { id: event.userId }, 'locks', 1);
 * });
 */
export async function rememberEvent(manager: EntityManager, { consumer, eventId }: ConsumedEvent): Promise<boolean> {
  const dataSource = dataSourceOf(manager);
  if (!isServer(dataSource)) {
    throw new TotpConfigurationError(
      'rememberEvent needs PostgreSQL, MySQL or MariaDB: TypeORM has one connection to an SQLite file, so a transaction may become part of ' +
        'another one, which undoes it.',
    );
  }
  if (manager.queryRunner?.isTransactionActive !== true) {
    throw new TotpArgumentError(
      'rememberEvent needs the manager of a transaction: write dataSource.transaction(async (manager) => { … })',
    );
  }
  requireText('consumer', consumer);
  requireText('eventId', eventId);
  return insert(manager, inboxOf(dataSource), rowId(JSON.stringify([consumer, eventId])));
}

/**
 * Deletes the events that were handled some time ago, so that the table does not grow for ever. A redelivery of such an event would be
 * handled again: wait longer than any broker or dead letter may hold an event back.
 *
 * @param olderThan such as `'90d'`
 * @throws TotpArgumentError when that is not a duration
 * @example
 * await forgetEvents(dataSource.manager, '90d');
 * @returns how many were deleted
 */
export async function forgetEvents(manager: EntityManager, olderThan: TotpDuration): Promise<number> {
  const age = durationMs(olderThan);
  if (age === undefined) {
    throw new TotpArgumentError("olderThan is not a duration: write seconds or a string like '90d'");
  }
  const dataSource = dataSourceOf(manager);
  const sql = inboxOf(dataSource);
  const handledAt = sql.column('handledAt');
  const runner = manager.queryRunner ?? dataSource.createQueryRunner();
  try {
    const statement = `DELETE FROM ${sql.table} WHERE ${handledAt} <= ${epochMs(dataSource)} - ${sql.parameter(1)}`;
    return (await runWithin(runner.manager, statement, [age])).affected;
  } finally {
    if (runner !== manager.queryRunner) await runner.release();
  }
}

function dataSourceOf(manager: EntityManager): DataSource {
  // TypeORM 0.3 and 1 both have `connection`.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  return manager.connection;
}

/** Whether the row is new. */
async function insert(manager: EntityManager, sql: Sql, id: string): Promise<boolean> {
  const dataSource = dataSourceOf(manager);
  const statement = `INSERT INTO ${sql.table} (${sql.column('id')}, ${sql.column('handledAt')})
    VALUES (${sql.parameter(1)}, ${epochMs(dataSource)})`;
  if (dataSource.options.type === 'postgres') {
    return (await runWithin(manager, `${statement} ON CONFLICT DO NOTHING`, [id])).affected === 1;
  }
  try {
    const { isInTransaction } = await runWithin(manager, statement, [id]);
    if (isInTransaction === true) return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
  // MySQL and MariaDB end a transaction after a deadlock, whatever the application does then: the row was committed alone.
  await runWithin(manager, `DELETE FROM ${sql.table} WHERE ${sql.column('id')} = ${sql.parameter(1)}`, [id]);
  throw new TotpStorageError(
    'The database has ended the transaction of rememberEvent. Roll it back, and handle the event again.',
  );
}

function isServer({ options: { type } }: DataSource): boolean {
  return ['postgres', 'mysql', 'mariadb'].includes(type);
}

function inboxOf(dataSource: DataSource): Sql {
  if (dataSource.hasMetadata(TotpInboxEventEntity)) return new Sql(dataSource, TotpInboxEventEntity);
  throw new TotpConfigurationError(
    'The TypeORM data source does not know the inbox. Write entities: [...TOTP_INBOX_ENTITIES, …] and ' +
      'migrations: [...TOTP_INBOX_MIGRATIONS, …].',
  );
}

function requireText(name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return;
  throw new TotpArgumentError(`${name} must be a non-empty string`);
}
