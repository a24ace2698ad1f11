/** Runs one statement, which commits by itself. */
import type { DataSource } from 'typeorm';
import { isAnswer, isConflict, storageError } from './driver-errors.js';
import { poolOf, TransactionLeftOpen } from './pool.js';
import { onOwnConnection, query } from './query-runner.js';
import type { Statement, StatementResult, Value } from './statement.js';

/**
 * Runs one statement, outside of any transaction of the caller.
 *
 * @throws TotpStorageError without the statement's parameters, since these hold secrets
 */
export async function run(
  dataSource: DataSource,
  sql: string,
  parameters: readonly Value[],
  name?: string,
): Promise<StatementResult> {
  const statement = { sql, parameters, ...(name !== undefined && { name }) };
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
      if (!isAnswer(error)) connection.close();
      throw error;
    }
  });
}

/** As `run`, for a write that may lose a race: undefined when the database reports a conflict. */
export function runUnlessConflict(
  dataSource: DataSource,
  sql: string,
  parameters: readonly Value[],
  name?: string,
): Promise<StatementResult | undefined> {
  return unlessConflict(run(dataSource, sql, parameters, name));
}

async function unlessConflict<T>(written: Promise<T>): Promise<T | undefined> {
  try {
    return await written;
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}
