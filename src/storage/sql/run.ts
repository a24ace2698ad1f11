/** Runs one statement, which commits by itself. */
import type { DataSource } from 'typeorm';
import { isConflict, storageError } from './driver-errors.js';
import { poolOf } from './pool.js';
import { onOwnConnection, query } from './query-runner.js';
import type { StatementResult, Value } from './statement.js';

/**
 * Runs one statement, outside of whatever transaction the caller is in.
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
  if (runOnPool === undefined) return onOwnConnection(dataSource, (runner) => query(runner, statement));
  try {
    return await runOnPool(statement);
  } catch (error) {
    throw storageError(error);
  }
}

/** As `run`, for a write that another one may precede: undefined when the database reports a conflict. */
export function runUnlessConflict(
  dataSource: DataSource,
  sql: string,
  parameters: readonly Value[],
  name?: string,
): Promise<StatementResult | undefined> {
  return unlessConflict(run(dataSource, sql, parameters, name));
}

export async function unlessConflict<T>(written: Promise<T>): Promise<T | undefined> {
  try {
    return await written;
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}
