/** Builds the SQL statements of the outbox. */
import type { DataSource } from 'typeorm';
import { TotpAccountEntity } from '../storage/tables/account.entity.js';
import { Sql } from '../storage/sql/builder.js';
import { rowId } from '../storage/sql/row-id.js';
import type { Value } from '../storage/sql/statement.js';
import { type DeadLetterFilter, type DeadLetterPosition, DUE_NOW, LONGEST_WAIT_MS } from './outbox.js';
import { TotpOutboxEntryEntity } from '../storage/tables/outbox-entry.entity.js';
import { TotpOutboxLeaseEntity } from '../storage/tables/outbox-lease.entity.js';
import { partitionsOf } from './partitions.js';

/** The columns of a new entry, in the order of its parameters. */
export const NEW_ENTRY_COLUMNS = [
  'id',
  'partition',
  'account',
  'position',
  'dueAt',
  'attempts',
  'occurredAt',
  'event',
] as const;
/** Maximum number of entries that are counted per destination and state. */
const MAX_COUNTED = 10_000;

/** @param now the database's clock in epoch ms, as an expression that is constant within a statement */
export function outboxStatements(dataSource: DataSource, now: string) {
  const entries = new Sql(dataSource, TotpOutboxEntryEntity);
  const accounts = new Sql(dataSource, TotpAccountEntity);
  const lastPosition = accounts.column('lastPosition');
  const leases = new Sql(dataSource, TotpOutboxLeaseEntity);
  const [table, leaseTable] = [entries.table, leases.table];
  const column = (property: string) => entries.column(property);
  const [id, partition, account, position] = [column('id'), column('partition'), column('account'), column('position')];
  const [dueAt, attempts, history] = [column('dueAt'), column('attempts'), column('history')];
  const [occurredAt, event] = [column('occurredAt'), column('event')];
  const [leasePartition, token] = [leases.column('partition'), leases.column('token')];
  const name = (property: string) => entries.name(property);
  const parameter = (n: number) => entries.parameter(n);
  const parameters = (n: number, first = 1) => entries.parameters(n, first).join(', ');

  const entry = `
    ${id} AS ${name('id')}, ${partition} AS ${name('partition')}, ${attempts} AS ${name('attempts')},
    ${history} AS ${name('history')}, ${event} AS ${name('event')}`;
  /** Fencing: whether the lease (parameter `n`) still has the token (parameter `n + 1`). */
  const isLeased = (n: number) => `
    EXISTS (SELECT 1 FROM ${leaseTable} WHERE ${leasePartition} = ${parameter(n)} AND ${token} = ${parameter(n + 1)})`;
  // Reads no more rows than it counts. The rows of a destination are adjacent in the index.
  const counted = (result: string, condition: string, partitions: number, first: number) => `
    (SELECT ${result} FROM ${table}
      WHERE ${partition} IN (${parameters(partitions, first)}) AND ${dueAt} ${condition} LIMIT ${String(MAX_COUNTED)})`;
  // One index look-up per partition, however many entries wait.
  const firstDueOf = (n: number) => `
    (SELECT MIN(${dueAt}) FROM ${table} WHERE ${partition} = ${parameter(n + 1)}) AS ${name(`due${String(n)}`)}`;

  /** The condition for dead letters that match a filter, and its parameters, which are the first ones of a statement. */
  const areDead = ({ ids, destination, userId }: DeadLetterFilter, after?: DeadLetterPosition) => {
    const values: Value[] = [];
    const next = (value: Value) => parameter(values.push(value));
    const among = (some: readonly string[]) => (some.length === 0 ? 'NULL' : some.map(next).join(', '));
    const conditions = [`${dueAt} IS NULL`];
    if (ids !== undefined) conditions.push(`${id} IN (${among(ids)})`);
    if (destination !== undefined) conditions.push(`${partition} IN (${among(partitionsOf(destination))})`);
    if (userId !== undefined) conditions.push(`${account} = ${next(rowId(userId))}`);
    if (after !== undefined) {
      const [later, same] = [next(after.occurredAt), next(after.occurredAt)];
      conditions.push(`(${occurredAt} > ${later} OR (${occurredAt} = ${same} AND ${id} > ${next(after.id)}))`);
    }
    return { condition: conditions.join(' AND '), values };
  };

  return {
    insert: (rows: number) => {
      const row = (n: number) => `(${parameters(NEW_ENTRY_COLUMNS.length, n * NEW_ENTRY_COLUMNS.length + 1)})`;
      return `
        INSERT INTO ${table} (${NEW_ENTRY_COLUMNS.map(column).join(', ')})
        VALUES ${Array.from({ length: rows }, (_, n) => row(n)).join(', ')}`;
    },
    lastPositions: (users: number) => `
      SELECT ${accounts.column('id')} AS ${name('account')}, ${lastPosition} AS ${name('position')}
      FROM ${accounts.table}
      WHERE ${accounts.column('id')} IN (${parameters(users)})`,
    addPositions: (users: number) => `
      UPDATE ${accounts.table}
      SET ${lastPosition} = ${lastPosition} + ${parameter(1)}
      WHERE ${accounts.column('id')} IN (${parameters(users, 2)})`,
    newestPosition: `SELECT MAX(${position}) AS ${name('position')} FROM ${table} WHERE ${account} = ${parameter(1)}`,
    lowerPositions: `
      UPDATE ${table} SET ${position} = ${position} - ${parameter(1)} WHERE ${account} = ${parameter(2)}`,
    firstDue: (partitions: number) => `
      SELECT ${now} AS ${name('now')}, ${Array.from({ length: partitions }, (_, n) => firstDueOf(n)).join(', ')}`,
    leases: (partitions: number) => `
      SELECT ${leasePartition} AS ${name('partition')}, ${token} AS ${name('token')}
      FROM ${leaseTable}
      WHERE ${leasePartition} IN (${parameters(partitions)})`,
    insertLease: `
      INSERT INTO ${leaseTable} (${token}, ${leasePartition}) VALUES (${parameter(1)}, ${parameter(2)})`,
    updateLease: `
      UPDATE ${leaseTable} SET ${token} = ${parameter(1)}
      WHERE ${leasePartition} = ${parameter(2)} AND ${token} = ${parameter(3)}`,
    deleteLease: `
      DELETE FROM ${leaseTable} WHERE ${leasePartition} = ${parameter(1)} AND ${token} = ${parameter(2)}`,
    // One index look-up per entry: with NOT EXISTS, servers join all entries of a user with one another. A due time further ahead than the
    // longest wait was written before the database's clock was set back.
    heads: (limit: number) => `
      SELECT ${entry}, ${account} AS ${name('account')}, ${position} AS ${name('position')},
        CASE WHEN EXISTS (
          SELECT 1 FROM ${table} f
          WHERE f.${account} = e.${account} AND f.${position} > e.${position} AND f.${partition} = e.${partition}
            AND f.${dueAt} IS NOT NULL
        ) THEN 1 ELSE 0 END AS followed
      FROM ${table} e
      WHERE ${partition} = ${parameter(1)}
        AND ${dueAt} IS NOT NULL
        AND (${dueAt} <= ${now} OR ${dueAt} > ${now} + ${String(LONGEST_WAIT_MS)})
        AND ${position} = (
          SELECT o.${position} FROM ${table} o
          WHERE o.${account} = e.${account} AND o.${partition} = e.${partition} AND o.${dueAt} IS NOT NULL
          ORDER BY o.${position} LIMIT 1)
      ORDER BY ${dueAt}, ${occurredAt}
      LIMIT ${String(limit)}`,
    following: (limit: number) => `
      SELECT ${entry}
      FROM ${table}
      WHERE ${partition} = ${parameter(1)} AND ${account} = ${parameter(2)} AND ${position} > ${parameter(3)}
        AND ${dueAt} IS NOT NULL
      ORDER BY ${position}
      LIMIT ${String(limit)}`,
    remove: (ids: number) => `
      DELETE FROM ${table} WHERE ${id} IN (${parameters(ids)}) AND ${isLeased(ids + 1)}`,
    // Without a wait, the sum is null: the entry is dead-lettered.
    putBack: `
      UPDATE ${table}
      SET ${dueAt} = ${now} + ${parameter(1)}, ${attempts} = ${parameter(2)}, ${history} = ${parameter(3)}
      WHERE ${id} = ${parameter(4)} AND ${isLeased(5)}`,
    deadLetters: (filter: DeadLetterFilter, limit: number, after: DeadLetterPosition | undefined) => {
      const { condition, values } = areDead(filter, after);
      const sql = `
        SELECT ${entry}, ${occurredAt} AS ${name('occurredAt')}
        FROM ${table}
        WHERE ${condition}
        ORDER BY ${occurredAt}, ${id}
        LIMIT ${String(limit)}`;
      return { sql, values };
    },
    requeue: (filter: DeadLetterFilter) => {
      const { condition, values } = areDead(filter);
      return { sql: `UPDATE ${table} SET ${dueAt} = ${String(DUE_NOW)}, ${attempts} = 0 WHERE ${condition}`, values };
    },
    purge: (filter: DeadLetterFilter) => {
      const { condition, values } = areDead(filter);
      return { sql: `DELETE FROM ${table} WHERE ${condition}`, values };
    },
    // One index look-up per partition that exists, where DISTINCT would read every entry.
    nextPartition: `SELECT MIN(${partition}) AS ${name('partition')} FROM ${table} WHERE ${partition} > ${parameter(1)}`,
    // The derived table is for MySQL, which cannot read the table that it deletes from. A colon stands only before the destination.
    removeDuplicates: (partitions: number) => `
      DELETE FROM ${table}
      WHERE ${partition} IN (${parameters(partitions)})
        AND REPLACE(${id}, ${parameter(partitions + 1)}, ${parameter(partitions + 2)}) IN (
          SELECT ${id} FROM (
            SELECT ${id} FROM ${table} WHERE ${partition} IN (${parameters(partitions, partitions + 3)})) kept)`,
    move: (partitions: number) => `
      UPDATE ${table}
      SET ${id} = REPLACE(${id}, ${parameter(1)}, ${parameter(2)}),
        ${partition} = REPLACE(${partition}, ${parameter(3)}, ${parameter(4)})
      WHERE ${partition} IN (${parameters(partitions, 5)})`,
    drop: (partitions: number) => `DELETE FROM ${table} WHERE ${partition} IN (${parameters(partitions)})`,
    backlog: (partitions: number) => `
      SELECT COUNT(*) AS ${name('waiting')}, MIN(happened_at) AS ${name('oldestAt')},
        (SELECT COUNT(*) FROM ${counted(dueAt, 'IS NULL', partitions, 1)} d) AS ${name('deadLettered')}
      FROM ${counted(`${occurredAt} AS happened_at`, 'IS NOT NULL', partitions, partitions + 1)} w`,
  };
}
