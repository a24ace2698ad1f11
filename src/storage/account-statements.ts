/** The SQL of the account store. */
import type { DataSource } from 'typeorm';
import { ACCOUNT_COLUMNS, CHECK_COLUMNS } from './account-row.js';
import { TotpAccountEntity } from './tables/account.entity.js';
import { Sql } from './sql/builder.js';
import { epochMs } from './sql/epoch-ms.js';
import { prepared } from './sql/statement.js';

export function accountStatements(dataSource: DataSource) {
  const sql = new Sql(dataSource, TotpAccountEntity);
  const { table } = sql;
  const [id, revision, keyIds] = [sql.column('id'), sql.column('revision'), sql.column('keyIds')];
  const name = (property: string) => sql.name(property);
  const parameter = (n: number) => sql.parameter(n);
  const parameters = (n: number) => sql.parameters(n).join(', ');
  const results = (properties: readonly string[]) =>
    properties.map((property) => `${sql.column(property)} AS ${name(property)}`).join(', ');

  const insert = (
    properties: readonly string[],
  ) => `INSERT INTO ${table} (${properties.map((one) => sql.column(one)).join(', ')})
    VALUES (${parameters(properties.length)})`;
  const assign = (property: string, n: number) => {
    const column = sql.column(property);
    return `${column} = ${property === 'lastPosition' ? `${column} + ` : ''}${parameter(n + 1)}`;
  };
  /** The condition on the revision is what makes a decision true: zero changed rows are a conflict. */
  const update = (properties: readonly string[]) => `UPDATE ${table}
    SET ${properties.map(assign).join(', ')}
    WHERE ${id} = ${parameter(properties.length + 1)} AND ${revision} = ${parameter(properties.length + 2)}`;

  return {
    selectOne: prepared(`SELECT ${results(['revision', 'keyIds', ...ACCOUNT_COLUMNS])}
      FROM ${table}
      WHERE ${id} = ${parameter(1)}`),
    selectMany: (users: number) => `SELECT ${results(['id', ...ACCOUNT_COLUMNS])}
      FROM ${table}
      WHERE ${id} IN (${parameters(users)})`,
    insert: prepared(insert([...ACCOUNT_COLUMNS, 'revision', 'keyIds', 'lastPosition', 'id', 'userId'])),
    updateCheck: prepared(update([...CHECK_COLUMNS, 'revision', 'lastPosition'])),
    update: prepared(update([...ACCOUNT_COLUMNS, 'revision', 'keyIds', 'lastPosition'])),
    delete: {
      sql: `DELETE FROM ${table}
        WHERE ${id} = ${parameter(1)} AND ${revision} = ${parameter(2)}`,
    },
    now: `SELECT ${epochMs(dataSource)} AS ${name('now')}`,
    /** A standby that takes over begins a new timeline, which is the first part of a WAL file's name. */
    timeline:
      dataSource.options.type === 'postgres'
        ? `SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS ${name('timeline')}`
        : undefined,
    firstKeySet: `SELECT MIN(${keyIds}) AS ${name('keyIds')}
      FROM ${table}`,
    nextKeySet: `SELECT MIN(${keyIds}) AS ${name('keyIds')}
      FROM ${table}
      WHERE ${keyIds} > ${parameter(1)}`,
    countAccounts: `SELECT COUNT(*) AS ${name('accounts')}
      FROM ${table}
      WHERE ${keyIds} = ${parameter(1)}`,
    listAccounts: (limit: number) => `SELECT ${results(['id', 'userId'])}
      FROM ${table}
      WHERE ${keyIds} = ${parameter(1)} AND ${id} > ${parameter(2)}
      ORDER BY ${id}
      LIMIT ${String(limit)}`,
  };
}
