/** Runs one statement, which commits by itself. */
import type { DataSource } from 'typeorm';
import { isConflict, mayBeOpen, storageError } from './driver-errors.js';
import { poolOf, TransactionLeftOpen } from './pool.js';
import { onOwnConnection, query } from './query-runner.js';
import type { Statement, StatementResult } from './statement.js';

/**
 * Runs one statement, outside of any transaction of the caller.
 *
 * @throws TotpStorageError without the statement's parameters, since these hold secrets
 */
export async function run(dataSource: DataSource, statement: Statement): Promise<StatementResult> {
  const runOnPool = poolOf(dataSource);
  if (runOnPool === undefined) return runThroughTypeOrm(dataSource, statement);
  try {
    return await runOnPool(statement);
  } catch (error) {
    throw storageError(error);
  }
}

function runThroughTypeOrm(dataSource: DataSource, statement: Statement): Promise<StatementResult> {
  return onOwnConnection(dataSource, async (runner, connection) => {
    try {
      const result = await query(runner, statement);
      if (!connection.isIdle || result.isInTransaction) throw new TransactionLeftOpen();
      return result;
    } catch (error) {
      if (mayBeOpen(statement, error)) connection.close();
      throw error;
    }
  });
}

/** As `run`, for a write that may lose a race: undefined when the database reports a conflict. */
export async function runUnlessConflict(
  dataSource: DataSource,
  statement: Statement,
): Promise<StatementResult | undefined> {
  try {
    return await run(dataSource, statement);
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}
