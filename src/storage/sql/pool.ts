/**
 * Statements straight to the pool of connections that TypeORM keeps. Its query runner would add a sixth to the work of a check; it stays
 * the way for transactions, and for SQLite, which has no pool.
 */
import type { DataSource } from 'typeorm';
import { driverFault } from './driver-errors.js';
import type { Statement, StatementResult } from './statement.js';

/** Runs a statement on whichever connection is free; rejects with the driver's own error. */
export type RunOnPool = (statement: Statement) => Promise<StatementResult>;

/** Undefined without a pool, and where the application has TypeORM watch its statements, which the query runner alone does. */
export function poolOf(dataSource: DataSource): RunOnPool | undefined {
  const run = isWatched(dataSource) ? undefined : runOnDriversPool(dataSource);
  return (
    run &&
    (async (statement) => {
      const parameters = [...statement.parameters];
      dataSource.logger.logQuery(statement.sql, parameters);
      try {
        return await run(statement);
      } catch (error) {
        dataSource.logger.logQueryError(String(error), statement.sql, parameters);
        throw error;
      }
    })
  );
}

function isWatched({ options, subscribers }: DataSource): boolean {
  if (options.maxQueryExecutionTime !== undefined) return true;
  return subscribers.some((subscriber) => 'beforeQuery' in subscriber || 'afterQuery' in subscriber);
}

function runOnDriversPool({ driver, options }: DataSource): RunOnPool | undefined {
  if (options.type === 'postgres' && 'master' in driver) {
    const pool = driver.master;
    return isPool(pool) ? (statement) => runOnPostgres(pool, statement) : undefined;
  }
  if ((options.type === 'mysql' || options.type === 'mariadb') && 'pool' in driver) {
    const pool = driver.pool;
    return isPool(pool) ? (statement) => runOnMysql(pool, statement) : undefined;
  }
  return undefined;
}

/** A pool of `pg` or of `mysql2`. */
interface Pool {
  query(...request: readonly unknown[]): unknown;
}

function isPool(pool: unknown): pool is Pool {
  return typeof pool === 'object' && pool !== null && 'query' in pool && typeof pool.query === 'function';
}

/** What PostgreSQL says of a prepared statement that it cannot use; then it has not run it. */
const UNUSABLE_NAMES: readonly unknown[] = [
  '0A000', // a migration changed what it returns
  '26000', // there is none of this name: a pooler in between gave the connection to a server that has not prepared it
  '42P05', // there is one of this name already, likewise
];

/** Pools whose statements are prepared no more. */
const withoutNames = new WeakSet<Pool>();

async function runOnPostgres(pool: Pool, { sql: text, parameters: values, name }: Statement): Promise<StatementResult> {
  if (name !== undefined && !withoutNames.has(pool)) {
    try {
      return readResult(await pool.query({ name, text, values }));
    } catch (error) {
      if (!UNUSABLE_NAMES.includes(driverFault(error).code)) throw error;
      withoutNames.add(pool);
    }
  }
  return readResult(await pool.query({ text, values }));
}

function readResult(result: unknown): StatementResult {
  const { rows, rowCount }: { readonly rows?: unknown; readonly rowCount?: unknown } = result ?? {};
  return { rows: isRows(rows) ? rows : [], affected: Number(rowCount ?? 0) };
}

function runOnMysql(pool: Pool, { sql, parameters }: Statement): Promise<StatementResult> {
  return new Promise((resolve, reject) => {
    pool.query(sql, parameters, (error: Error | null, result: unknown) => {
      if (error !== null) reject(error);
      else resolve(isRows(result) ? { rows: result, affected: 0 } : { rows: [], affected: affectedRows(result) });
    });
  });
}

function affectedRows(result: unknown): number {
  const { affectedRows = 0 }: { readonly affectedRows?: unknown } = result ?? {};
  return Number(affectedRows);
}

function isRows(value: unknown): value is Record<string, unknown>[] {
  return Array.isArray(value) && value.every((row) => typeof row === 'object' && row !== null);
}
