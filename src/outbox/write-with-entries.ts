/** Builds the statements that write an account and store the events of that change. */
import type { DataSource } from 'typeorm';
import { TotpAccountEntity } from '../storage/tables/account.entity.js';
import { Sql } from '../storage/sql/builder.js';
import { prepared, type Statement } from '../storage/sql/statement.js';
import { DUE_NOW, type WriteWithEvents } from './outbox.js';
import { TotpOutboxEntryEntity } from '../storage/tables/outbox-entry.entity.js';

/** An event for one destination, whose position follows from the `lastPosition` of its account. */
export interface NewEntry {
  readonly id: string;
  readonly partition: string;
  readonly account: string;
  /** 1 for the first of the new events of the account. */
  readonly number: number;
  readonly occurredAt: number;
  readonly event: string;
}

/** Statements with more entries come in many lengths, and each prepared one occupies memory of the server. */
const MAX_PREPARED_ENTRIES = 8;

/**
 * @param write changes one account and adds the number of events to its `lastPosition`, or changes nothing
 * @param entries at least one
 */
export function writeWithEntries(
  dataSource: DataSource,
  write: Statement,
  entries: readonly NewEntry[],
): WriteWithEvents {
  const insert = insertion(dataSource, entries);
  const inTransaction = [write, insert];
  switch (dataSource.options.type) {
    case 'postgres':
      return { asOne: chained(dataSource, write, entries), inTransaction };
    case 'mysql':
    case 'mariadb':
      return { asOne: compound(write, insert), inTransaction };
    default:
      return { asOne: undefined, inTransaction };
  }
}

/** Runs after the write. */
function insertion(dataSource: DataSource, entries: readonly NewEntry[]): Statement {
  const accounts = new Sql(dataSource, TotpAccountEntity);
  const row = (first: number) => {
    const [id, partition, account, sameAccount, behind, occurredAt, event] = accounts.parameters(7, first);
    const last = `
      SELECT ${accounts.column('lastPosition')} FROM ${accounts.table} WHERE ${accounts.column('id')} = ${sameAccount}`;
    return `(${id}, ${partition}, ${account}, (${last}) - ${behind}, ${String(DUE_NOW)}, 0, ${occurredAt}, ${event})`;
  };
  return {
    sql: `INSERT INTO ${target(dataSource)} VALUES ${entries.map((_, n) => row(1 + 7 * n)).join(', ')}`,
    parameters: entries.flatMap(({ id, partition, account, number, occurredAt, event }) => {
      return [id, partition, account, account, countOf(entries) - number, occurredAt, event];
    }),
  };
}

/** One statement of PostgreSQL, which inserts as many rows as the write changed, times the entries. */
function chained(dataSource: DataSource, write: Statement, entries: readonly NewEntry[]): Statement {
  const accounts = new Sql(dataSource, TotpAccountEntity);
  const row = (first: number) => {
    const [id, partition, account, behind, occurredAt, event] = accounts.parameters(6, first);
    return `(${id}, ${partition}, ${account}, CAST(${behind} AS int), CAST(${occurredAt} AS bigint), ${event})`;
  };
  const sql = `
    WITH written AS (
      ${write.sql}
      RETURNING ${accounts.column('lastPosition')} AS last_position)
    INSERT INTO ${target(dataSource)}
    SELECT id, partition, account, last_position - behind, ${String(DUE_NOW)}, 0, occurred_at, event
    FROM written, (VALUES ${entries.map((_, n) => row(write.parameters.length + 1 + 6 * n)).join(', ')})
      AS entry (id, partition, account, behind, occurred_at, event)`;
  return {
    ...(entries.length > MAX_PREPARED_ENTRIES ? { sql } : prepared(sql)),
    parameters: [
      ...write.parameters,
      ...entries.flatMap(({ id, partition, account, number, occurredAt, event }) => {
        return [id, partition, account, countOf(entries) - number, occurredAt, event];
      }),
    ],
  };
}

/** One statement of MariaDB; MySQL cannot parse it. An error leaves the transaction open, and the connection is then closed. */
function compound(write: Statement, insert: Statement): Statement {
  return {
    isTransaction: true,
    sql: `
      BEGIN NOT ATOMIC
        START TRANSACTION;
        ${write.sql};
        IF ROW_COUNT() = 1 THEN
          ${insert.sql};
          COMMIT;
        ELSE
          ROLLBACK;
        END IF;
      END`,
    parameters: [...write.parameters, ...insert.parameters],
  };
}

/** How many events the entries are for. */
function countOf(entries: readonly NewEntry[]): number {
  return entries.at(-1)?.number ?? 0;
}

/** The outbox's table, with the columns of a new entry. */
function target(dataSource: DataSource): string {
  const sql = new Sql(dataSource, TotpOutboxEntryEntity);
  const columns = ['id', 'partition', 'account', 'position', 'dueAt', 'attempts', 'occurredAt', 'event'];
  return `${sql.table} (${columns.map((property) => sql.column(property)).join(', ')})`;
}
