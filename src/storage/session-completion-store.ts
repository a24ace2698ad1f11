import type { DataSource } from 'typeorm';
import { TotpStorageError } from '../shared/errors.js';
import type { StoreConnection } from './sql/connection.js';
import { rowId } from './sql/row-id.js';
import { TotpSessionCompletionEntity } from './session-completion.entity.js';
import { Sql } from './sql/builder.js';
import { run, runUnlessConflict } from './sql/run.js';

const MAX_ATTEMPTS = 10;

/** Keeps when sessions without a place of their own completed TOTP. */
export class SessionCompletionStore {
  /** @param connection opened on first use: applications whose sessions remember by themselves never need it */
  constructor(private readonly connection: Pick<StoreConnection, 'open'>) {}

  /** When the session completed TOTP, in epoch ms; undefined if it did not, or is over at `now`. */
  async find(key: string, now: number): Promise<number | undefined> {
    const dataSource = await this.connection.open();
    const { rows } = await run(dataSource, statements(dataSource).select, [rowId(key), now]);
    return rows[0] === undefined ? undefined : Number(rows[0].completedAt);
  }

  /** Remembers a completion; on the way, forgets those of sessions that are over. */
  async put(key: string, completedAt: number, expiresAt: number): Promise<void> {
    const dataSource = await this.connection.open();
    const { update, insert, deleteExpired } = statements(dataSource);
    const values = [completedAt, expiresAt, rowId(key)];
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const updated = await runUnlessConflict(dataSource, update, values);
      if (updated !== undefined && updated.affected > 0) return;
      // Who clears up at the same time has the same done.
      await runUnlessConflict(dataSource, deleteExpired, [completedAt]);
      if ((await runUnlessConflict(dataSource, insert, values)) !== undefined) return;
    }
    throw new TotpStorageError('The completion of TOTP was changed by others each time it was to be stored.');
  }
}

function statements(dataSource: DataSource) {
  const sql = new Sql(dataSource, TotpSessionCompletionEntity);
  const [id, completedAt, expiresAt] = [sql.column('id'), sql.column('completedAt'), sql.column('expiresAt')];
  const [first, second, third] = [sql.parameter(1), sql.parameter(2), sql.parameter(3)];
  return {
    select: `SELECT ${completedAt} AS ${dataSource.driver.escape('completedAt')} FROM ${sql.table} WHERE ${id} = ${first} AND ${expiresAt} > ${second}`,
    update: `UPDATE ${sql.table} SET ${completedAt} = ${first}, ${expiresAt} = ${second} WHERE ${id} = ${third}`,
    insert: `INSERT INTO ${sql.table} (${completedAt}, ${expiresAt}, ${id}) VALUES (${first}, ${second}, ${third})`,
    deleteExpired: `DELETE FROM ${sql.table} WHERE ${expiresAt} < ${first}`,
  };
}
