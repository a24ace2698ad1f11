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
async function run(dataSource: DataSource, statement: Statement): Promise<StatementResult> {
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

const MAX_ATTEMPTS = 20;

/**
 * As `run`, for a statement that can be run again after a conflict, which has undone it: a read, or a write whose condition still says what
 * it should. At SERIALIZABLE, PostgreSQL refuses even reads, because of writes that run at the same time.
 */
export async function runWithRetries(dataSource: DataSource, statement: Statement): Promise<StatementResult> {
  for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
    const result = await runUnlessConflict(dataSource, statement);
    if (result !== undefined) return result;
  }
  return run(dataSource, statement);
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
