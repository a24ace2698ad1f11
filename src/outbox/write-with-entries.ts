/** Builds the statements that write an account and store the events of that change. */
import type { DataSource } from 'typeorm';
import { Sql } from '../storage/sql/builder.js';
import { prepared, type Statement, type Value } from '../storage/sql/statement.js';
import { TotpAccountEntity } from '../storage/tables/account.entity.js';
import { TotpOutboxEntryEntity } from '../storage/tables/outbox-entry.entity.js';
import { DUE_NOW, type WriteWithEvents } from './outbox.js';
import { NEW_ENTRY_COLUMNS } from './outbox-statements.js';

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
  const insert = (entries: readonly NewEntry[]) => ({
    sql: sql.insert(entries.length),
    parameters: entries.flatMap((entry) => valuesOf(entry, entries)),
  });
  const asOne = oneStatement(dataSource, sql);
  return (write, entries) => ({
    asOne: asOne && {
      ...asOne(write, entries.length),
      parameters: [...write.parameters, ...entries.flatMap((entry) => valuesOf(entry, entries))],
    },
    inTransaction: () => [write, insert(entries)],
  });
}

/** @param all the entries of the change, of which the last one is for the last event */
function valuesOf({ id, partition, account, number, occurredAt, event }: NewEntry, all: readonly NewEntry[]): Value[] {
  const behind = (all.at(-1)?.number ?? number) - number;
  return [id, partition, behind, occurredAt, event, account];
}

type Entries = ReturnType<typeof entryStatements>;
type Text = Omit<Statement, 'parameters'>;

/** Undefined for a database that has no such statements. */
function oneStatement(dataSource: DataSource, sql: Entries): ((write: Statement, entries: number) => Text) | undefined {
  switch (dataSource.options.type) {
    case 'postgres':
      return preparedOnce(sql.chained);
    case 'mysql':
    case 'mariadb': {
      const compound = preparedOnce(sql.compound);
      return (write, entries) => ({ ...compound(write, entries), isTransaction: true });
    }
    default:
      return undefined;
  }
}

/** Builds each text once. */
function preparedOnce(build: (write: Statement, entries: number) => string) {
  const texts = new Map<string, Text>();
  return (write: Statement, entries: number): Text => {
    if (write.name === undefined || entries > MAX_PREPARED_ENTRIES) return { sql: build(write, entries) };
    const key = `${write.name} ${String(entries)}`;
    const text = texts.get(key) ?? prepared(build(write, entries));
    texts.set(key, text);
    return text;
  };
}

/** The parameters of each statement are those of the write, if it has one, and then `valuesOf` each entry. */
function entryStatements(dataSource: DataSource) {
  const accounts = new Sql(dataSource, TotpAccountEntity);
  const outbox = new Sql(dataSource, TotpOutboxEntryEntity);
  const target = `${outbox.table} (${NEW_ENTRY_COLUMNS.map((property) => outbox.column(property)).join(', ')})`;
  const [accountId, lastPosition] = [accounts.column('id'), accounts.column('lastPosition')];
  /** @param first the number of the first parameter */
  const each = (entries: number, first: number, row: (parameters: readonly string[]) => string) =>
    Array.from({ length: entries }, (_, n) => row(outbox.parameters(6, first + 6 * n)));

  /** Runs after the write. */
  const insert = (entries: number) => {
    const rows = each(entries, 1, ([id, partition, behind, occurredAt, event, account]) => {
      const values = `${id}, ${partition}, ${accountId}, ${lastPosition} - ${behind}, ${String(DUE_NOW)}, 0, ${occurredAt}, ${event}`;
      return `SELECT ${values} FROM ${accounts.table} WHERE ${accountId} = ${account}`;
    });
    return `INSERT INTO ${target} ${rows.join(' UNION ALL ')}`;
  };

  /** PostgreSQL inserts the entries once for each row that the write changed. */
  const chained = (write: Statement, entries: number) => {
    const first = write.parameters.length + 1;
    const rows = each(entries, first, ([id, partition, behind, occurredAt, event, account]) => {
      return `(${id}, ${partition}, CAST(${behind} AS int), CAST(${occurredAt} AS bigint), ${event}, ${account})`;
    });
    return `
      WITH written AS (
        ${write.sql}
        RETURNING ${lastPosition} AS last_position)
      INSERT INTO ${target}
      SELECT id, partition, account, last_position - behind, ${String(DUE_NOW)}, 0, occurred_at, event
      FROM written, (VALUES ${rows.join(', ')}) AS entry (id, partition, behind, occurred_at, event, account)`;
  };

  /** MySQL cannot parse it. After an error, the transaction is still open, and the connection is closed. */
  const compound = (write: Statement, entries: number) => `
    BEGIN NOT ATOMIC
      START TRANSACTION;
      ${write.sql};
      IF ROW_COUNT() = 1 THEN
        ${insert(entries)};
        COMMIT;
      ELSE
        ROLLBACK;
      END IF;
    END`;
  return { insert, chained, compound };
}
