/** Stores in the database when sessions completed TOTP. */
import type { DataSource } from 'typeorm';
import { TotpStorageError } from '../shared/errors.js';
import { SessionCompletions } from './session-completions.js';
import type { StoreConnection } from './sql/connection.js';
import { rowId } from './sql/row-id.js';
import { TotpSessionCompletionEntity } from './tables/session-completion.entity.js';
import { Sql } from './sql/builder.js';
import { runUnlessConflict, runWithRetries } from './sql/run.js';
import type { Statement } from './sql/statement.js';

const MAX_ATTEMPTS = 10;

/** Stores completions in the table `totp_session_completions`. */
export class SessionCompletionStore extends SessionCompletions {
  /** @param connection opened on first use: applications whose sessions store their completion never need it */
  constructor(private readonly connection: Pick<StoreConnection, 'open'>) {
    super();
  }

  override async find(key: string, now: number): Promise<number | undefined> {
    const dataSource = await this.connection.open();
    const { select } = statements(dataSource);
    const { rows } = await runWithRetries(dataSource, { sql: select, parameters: [rowId(key), now] });
    return rows[0] === undefined ? undefined : Number(rows[0].completedAt);
  }

  /** Also deletes the completions of expired sessions. */
  override async put(key: string, userId: string, completedAt: number, expiresAt: number): Promise<void> {
    const dataSource = await this.connection.open();
    const { update, insert, deleteExpired } = statements(dataSource);
    const parameters = [completedAt, expiresAt, rowId(userId), rowId(key)];
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const updated = await runUnlessConflict(dataSource, { sql: update, parameters });
      if (updated !== undefined && updated.affected > 0) return;
      // A concurrent clean-up has already deleted them.
      await runUnlessConflict(dataSource, { sql: deleteExpired, parameters: [completedAt] });
      if ((await runUnlessConflict(dataSource, { sql: insert, parameters })) !== undefined) return;
    }
    throw new TotpStorageError('Gave up after several conflicting updates of a session completion. Try again later.');
  }
}

/** Deletes the completions of a user, in the transaction that it is run in. */
export function deleteCompletionsOf(dataSource: DataSource, userId: string): Statement {
  const sql = new Sql(dataSource, TotpSessionCompletionEntity);
  return {
    sql: `DELETE FROM ${sql.table} WHERE ${sql.column('account')} = ${sql.parameter(1)}`,
    parameters: [rowId(userId)],
  };
}

function statements(dataSource: DataSource) {
  const sql = new Sql(dataSource, TotpSessionCompletionEntity);
  const [id, completedAt, expiresAt] = [sql.column('id'), sql.column('completedAt'), sql.column('expiresAt')];
  const account = sql.column('account');
  const [first, second, third, fourth] = [sql.parameter(1), sql.parameter(2), sql.parameter(3), sql.parameter(4)];
  return {
    select: `SELECT ${completedAt} AS ${sql.name('completedAt')}
      FROM ${sql.table}
      WHERE ${id} = ${first} AND ${expiresAt} > ${second}`,
    update: `UPDATE ${sql.table}
      SET ${completedAt} = ${first}, ${expiresAt} = ${second}, ${account} = ${third}
      WHERE ${id} = ${fourth}`,
    insert: `INSERT INTO ${sql.table} (${completedAt}, ${expiresAt}, ${account}, ${id})
      VALUES (${first}, ${second}, ${third}, ${fourth})`,
    deleteExpired: `DELETE FROM ${sql.table}
      WHERE ${expiresAt} < ${first}`,
  };
}
