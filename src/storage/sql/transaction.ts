/** Runs several writes in one transaction. */
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { TotpStorageError } from '../../shared/errors.js';
import { onOwnConnection, query } from './query-runner.js';
import { unlessConflict } from './run.js';
import type { Statement, StatementResult, Value } from './statement.js';

/**
 * Runs writes in a transaction of their own: all of them or none.
 *
 * @param thenDo more that belongs to the transaction, once all of them are written
 * @returns whether they were written; false when one of them changed no row, or somebody else was first
 */
export async function runAllUnlessConflict(
  dataSource: DataSource,
  writes: readonly Statement[],
  thenDo?: (manager: EntityManager) => Promise<void>,
): Promise<boolean> {
  const written = onOwnConnection(dataSource, async (runner) => {
    // In plain statements: where SQLite ends a transaction by itself, as on a full disk, TypeORM takes it for open ever after.
    try {
      await runner.query('BEGIN');
      for (const write of writes) {
        const { affected } = await query(runner, write);
        if (affected === 0) {
          await runner.query('ROLLBACK');
          return false;
        }
      }
      if (thenDo !== undefined) await withinTransaction(runner, thenDo);
      await runner.query('COMMIT');
      return true;
    } catch (error) {
      // What failed is told; a database that cannot be asked to roll back has done so by itself.
      await runner.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  });
  return (await unlessConflict(written)) ?? false;
}

/** Lets code of others write in the transaction. TypeORM, which did not begin it, would begin another within it else. */
async function withinTransaction(runner: QueryRunner, work: (manager: EntityManager) => Promise<void>): Promise<void> {
  const tellOfTransaction = (depth: 0 | 1) => {
    Reflect.set(runner, 'isTransactionActive', depth === 1);
    Reflect.set(runner, 'transactionDepth', depth);
  };
  tellOfTransaction(1);
  try {
    await work(runner.manager);
  } finally {
    tellOfTransaction(0);
  }
}

/** Runs one statement in the transaction that `manager` is of. */
export function runWithin(manager: EntityManager, sql: string, parameters: readonly Value[]): Promise<StatementResult> {
  const { queryRunner } = manager;
  if (queryRunner === undefined) throw new TotpStorageError('This EntityManager is not of a transaction.');
  return query(queryRunner, { sql, parameters });
}
