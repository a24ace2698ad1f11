/** Builds the statements that write an account and store the events of that change. */
import type { DataSource } from 'typeorm';
import { Sql } from '../storage/sql/builder.js';
import { prepared, type Statement } from '../storage/sql/statement.js';
import { TotpAccountEntity } from '../storage/tables/account.entity.js';
import { TotpOutboxEntryEntity } from '../storage/tables/outbox-entry.entity.js';
import { DUE_NOW, type WriteWithEvents } from './outbox.js';

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
type WriteWithEntries = (write: Statement, entries: readonly NewEntry[]) => WriteWithEvents;

export function writerWithEntries(dataSource: DataSource): WriteWithEntries {
  const sql = entryStatements(dataSource);
  const insert = (entries: readonly NewEntry[]): Statement => ({
    sql: sql.insert(entries.length),
    parameters: entries.flatMap(({ id, partition, account, number, occurredAt, event }) => {
      return [id, partition, account, account, countOf(entries) - number, occurredAt, event];
    }),
  });
  const inTransaction: (...of: Parameters<WriteWithEntries>) => WriteWithEvents['inTransaction'] =
    (write, entries) => () => [write, insert(entries)];
  switch (dataSource.options.type) {
    case 'postgres':
      return (write, entries) => ({
        asOne: {
          ...sql.chained(write, entries.length),
          parameters: [
            ...write.parameters,
            ...entries.flatMap(({ id, partition, account, number, occurredAt, event }) => {
              return [id, partition, account, countOf(entries) - number, occurredAt, event];
            }),
          ],
        },
        inTransaction: inTransaction(write, entries),
      });
    case 'mysql':
    case 'mariadb':
      return (write, entries) => ({
        asOne: compound(write, insert(entries)),
        inTransaction: inTransaction(write, entries),
      });
    default:
      return (write, entries) => ({ asOne: undefined, inTransaction: inTransaction(write, entries) });
  }
}

/** How many events the entries are for. */
function countOf(entries: readonly NewEntry[]): number {
  return entries.at(-1)?.number ?? 0;
}

function entryStatements(dataSource: DataSource) {
  const accounts = new Sql(dataSource, TotpAccountEntity);
  const outbox = new Sql(dataSource, TotpOutboxEntryEntity);
  const columns = ['id', 'partition', 'account', 'position', 'dueAt', 'attempts', 'occurredAt', 'event'];
  const target = `${outbox.table} (${columns.map((property) => outbox.column(property)).join(', ')})`;
  const [accountId, lastPosition] = [accounts.column('id'), accounts.column('lastPosition')];
  const rows = (entries: number, row: (n: number) => string) =>
    Array.from({ length: entries }, (_, n) => row(n)).join(', ');

  /** Runs after the write. */
  const insert = (entries: number) => {
    const row = (n: number) => {
      const [id, partition, account, sameAccount, behind, occurredAt, event] = outbox.parameters(7, 1 + 7 * n);
      const last = `SELECT ${lastPosition} FROM ${accounts.table} WHERE ${accountId} = ${sameAccount}`;
      return `(${id}, ${partition}, ${account}, (${last}) - ${behind}, ${String(DUE_NOW)}, 0, ${occurredAt}, ${event})`;
    };
    return `INSERT INTO ${target} VALUES ${rows(entries, row)}`;
  };

  /** PostgreSQL inserts the entries once for each row that the write changed. */
  const chain = (write: Statement, entries: number) => {
    const row = (n: number) => {
      const [id, partition, account, behind, occurredAt, event] = outbox.parameters(
        6,
        write.parameters.length + 1 + 6 * n,
      );
      return `(${id}, ${partition}, ${account}, CAST(${behind} AS int), CAST(${occurredAt} AS bigint), ${event})`;
    };
    return `
      WITH written AS (
        ${write.sql}
        RETURNING ${lastPosition} AS last_position)
      INSERT INTO ${target}
      SELECT id, partition, account, last_position - behind, ${String(DUE_NOW)}, 0, occurred_at, event
      FROM written, (VALUES ${rows(entries, row)}) AS entry (id, partition, account, behind, occurred_at, event)`;
  };
  const texts = new Map<string, Pick<Statement, 'sql' | 'name'>>();
  const chained = (write: Statement, entries: number) => {
    if (write.name === undefined || entries > MAX_PREPARED_ENTRIES) return { sql: chain(write, entries) };
    const key = `${write.name} ${String(entries)}`;
    const text = texts.get(key) ?? prepared(chain(write, entries));
    texts.set(key, text);
    return text;
  };
  return { insert, chained };
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
