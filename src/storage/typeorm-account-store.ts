import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { Account } from '../accounts/account.js';
import { ACCOUNT_COLUMNS, asciiJson, fromRow, toRow } from './account-row.js';
import { TotpAccountEntity } from './account.entity.js';
import { type LoadedAccount, TotpAccountStore } from './account-store.js';
import { rowId } from './row-id.js';
import { run, runUnlessConflict, Sql } from './statements.js';

/** Keeps accounts in the application's database: one row per user, one statement per call, no transaction. */
export class TypeOrmTotpAccountStore extends TotpAccountStore {
  private readonly sql: Sql;
  private readonly selectColumns: string;
  private readonly selectOne: string;
  private readonly insert: string;
  private readonly update: string;
  private readonly delete: string;

  /** @param dataSource an initialised data source that knows `TOTP_ENTITIES` */
  constructor(private readonly dataSource: DataSource) {
    super();
    const sql = new Sql(dataSource, TotpAccountEntity);
    const id = sql.column('id');
    const revision = sql.column('revision');
    const columns = ACCOUNT_COLUMNS.map((property) => sql.column(property));
    this.sql = sql;
    this.selectColumns =
      'SELECT ' +
      ['id', 'revision', ...ACCOUNT_COLUMNS]
        .map((property) => `${sql.column(property)} AS ${dataSource.driver.escape(property)}`)
        .join(', ') +
      ` FROM ${sql.table}`;
    this.selectOne = `${this.selectColumns} WHERE ${id} = ${sql.parameter(1)}`;
    this.insert =
      `INSERT INTO ${sql.table} (${[...columns, revision, id, sql.column('userId')].join(', ')})` +
      ` VALUES (${sql.parameters(columns.length + 3).join(', ')})`;
    this.update =
      `UPDATE ${sql.table} SET ` +
      [...columns, revision].map((column, index) => `${column} = ${sql.parameter(index + 1)}`).join(', ') +
      ` WHERE ${id} = ${sql.parameter(columns.length + 2)} AND ${revision} = ${sql.parameter(columns.length + 3)}`;
    this.delete = `DELETE FROM ${sql.table} WHERE ${id} = ${sql.parameter(1)}`;
  }

  override async load(userId: string): Promise<LoadedAccount | null> {
    const { rows } = await run(this.dataSource, this.selectOne, [rowId(userId)]);
    const row = rows[0];
    return row === undefined ? null : { account: fromRow(row), revision: String(row.revision) };
  }

  override async loadMany(userIds: readonly string[]): Promise<ReadonlyMap<string, Account>> {
    if (userIds.length === 0) return new Map();
    const byRowId = new Map(userIds.map((userId) => [rowId(userId), userId]));
    const select = `${this.selectColumns} WHERE ${this.sql.column('id')} IN (${this.sql.parameters(byRowId.size).join(', ')})`;
    const { rows } = await run(this.dataSource, select, [...byRowId.keys()]);
    return new Map(rows.map((row) => [byRowId.get(String(row.id)) ?? '', fromRow(row)]));
  }

  override async commit(userId: string, revision: string | null, account: Account): Promise<boolean> {
    // A fresh random mark, not a counter: an account that was erased and made anew never looks like the one before.
    const written = randomUUID();
    const values = [...toRow(account), written, rowId(userId)];
    try {
      const result =
        revision === null
          ? await runUnlessConflict(this.dataSource, this.insert, [...values, asciiJson(userId)])
          : await runUnlessConflict(this.dataSource, this.update, [...values, revision]);
      return result?.affected === 1;
    } catch (error) {
      // The reply may have been lost after the row was written: then the row has the new mark.
      if (await this.hasRevision(userId, written)) return true;
      throw error;
    }
  }

  private async hasRevision(userId: string, revision: string): Promise<boolean> {
    const loaded = await this.load(userId).catch(() => null);
    return loaded?.revision === revision;
  }

  override async remove(userId: string): Promise<boolean> {
    const { affected } = await run(this.dataSource, this.delete, [rowId(userId)]);
    return affected > 0;
  }
}
