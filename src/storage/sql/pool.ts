/**
 * Sends statements directly to TypeORM's connection pool. TypeORM's query runner would add a sixth to the work of a check; it is used
 * only for transactions, and for SQLite, which has no pool.
 */
import type { DataSource } from 'typeorm';
import { closeLongStatement, confidential, mysqlStatement } from './confidential.js';
import {
  isInTransaction,
  PostgresConnection,
  type PostgresClient,
  type WatchablePool,
  watchConnections,
} from './driver-connection.js';
import { driverFault, mayBeOpen } from './driver-errors.js';
import type { Statement, StatementResult } from './statement.js';

/** Runs a statement on any free connection; rejects with the driver's own error. */
export type RunOnPool = (statement: Statement) => Promise<StatementResult>;

/** Undefined without a pool, and when the application subscribes to statements: only TypeORM's query runner calls subscribers. */
export function poolOf(dataSource: DataSource): RunOnPool | undefined {
  const run = isWatched(dataSource) ? undefined : runOnDriversPool(dataSource);
  return (
    run &&
    (async (statement) => {
      const parameters = confidential(statement.parameters);
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

/** Prevents errors of the pool's connections from ending the process, for the lifetime of the data source. */
export function watchPool(dataSource: DataSource): void {
  const pools = driversPools(dataSource);
  if (pools.postgres) watchConnections(pools.postgres);
  if (pools.mysql) watchConnections(pools.mysql);
}

function runOnDriversPool(dataSource: DataSource): RunOnPool | undefined {
  const { options } = dataSource;
  const { postgres, mysql } = driversPools(dataSource);
  if (options.type === 'postgres' && postgres) return (statement) => runOnPostgres(postgres, statement);
  if ((options.type === 'mysql' || options.type === 'mariadb') && mysql) {
    return (statement) => runOnMysql(mysql, statement);
  }
  return undefined;
}

function driversPools({ driver }: DataSource): { readonly postgres?: PostgresPool; readonly mysql?: MysqlPool } {
  if ('master' in driver && isPostgresPool(driver.master)) return { postgres: driver.master };
  if ('pool' in driver && isMysqlPool(driver.pool)) return { mysql: driver.pool };
  return {};
}

/** A pool of `pg`. */
interface PostgresPool extends WatchablePool {
  connect(done: (error: unknown, client: LentClient) => void): void;
}

interface LentClient extends PostgresClient {
  query(request: object): Promise<unknown>;
  /** @param error with one, the pool closes the client */
  release(error?: Error): void;
}

function isPostgresPool(pool: unknown): pool is PostgresPool {
  return hasMethods(pool, 'connect', 'on');
}

/** The codes for a prepared statement that PostgreSQL cannot use, and has not run. */
const UNUSABLE_NAMES: readonly unknown[] = [
  '0A000', // a migration changed what it returns
  '26000', // no such name: a pooler has connected the client to a server that has not prepared the statement
  '42P05', // the name already exists, for the same reason
];

/** Pools whose statements are no longer prepared. */
const withoutNames = new WeakSet<PostgresPool>();

async function runOnPostgres(pool: PostgresPool, statement: Statement): Promise<StatementResult> {
  const { sql: text, parameters: values, name } = statement;
  if (name !== undefined && !withoutNames.has(pool)) {
    try {
      return await onIdleClient(pool, { name, text, values });
    } catch (error) {
      if (!UNUSABLE_NAMES.includes(driverFault(error).code)) throw error;
      withoutNames.add(pool);
    }
  }
  return onIdleClient(pool, { text, values });
}

async function onIdleClient(pool: PostgresPool, request: object): Promise<StatementResult> {
  const client = await idleClient(pool);
  const connection = new PostgresConnection(client);
  try {
    const result = await client.query(request);
    if (!connection.isIdle) throw new TransactionLeftOpen();
    return readPostgres(result);
  } finally {
    client.release(connection.isIdle ? undefined : new TransactionLeftOpen());
  }
}

/** Closes clients that were returned to the pool in a transaction or during a statement. */
async function idleClient(pool: PostgresPool): Promise<LentClient> {
  watchConnections(pool);
  for (;;) {
    const client = await new Promise<LentClient>((resolve, reject) => {
      pool.connect((error, lent) => {
        if (error) reject(toError(error));
        else resolve(lent);
      });
    });
    if (new PostgresConnection(client).isIdle) return client;
    client.release(new TransactionLeftOpen());
  }
}

function readPostgres(result: unknown): StatementResult {
  const { rows, rowCount }: { readonly rows?: unknown; readonly rowCount?: unknown } = result ?? {};
  return { rows: isRows(rows) ? rows : [], affected: Number(rowCount ?? 0) };
}

/** A pool of `mysql2`. */
interface MysqlPool extends WatchablePool {
  getConnection(done: (error: unknown, connection: LentMysqlConnection) => void): void;
}

interface LentMysqlConnection {
  execute(request: object, done: (error: Error | null, result: unknown) => void): unknown;
  unprepare(statement: object): unknown;
  release(): void;
  destroy(): void;
}

function isMysqlPool(pool: unknown): pool is MysqlPool {
  return hasMethods(pool, 'getConnection', 'on');
}

async function runOnMysql(pool: MysqlPool, request: Statement): Promise<StatementResult> {
  const { sql, parameters: values } = request;
  watchConnections(pool);
  const connection = await new Promise<LentMysqlConnection>((resolve, reject) => {
    pool.getConnection((error, lent) => {
      if (error) reject(toError(error));
      else resolve(lent);
    });
  });
  const statement = mysqlStatement(sql, values);
  try {
    const result = await new Promise<unknown>((resolve, reject) => {
      connection.execute(statement, (error, reply) => {
        if (error === null) resolve(reply);
        else reject(error);
      });
    });
    if (request.name === undefined) closeLongStatement(connection, statement, values.length);
    if (isInTransaction(result)) throw new TransactionLeftOpen();
    connection.release();
    return isRows(result) ? { rows: result, affected: 0 } : { rows: [], affected: affectedRows(result) };
  } catch (error) {
    if (mayBeOpen(request, error)) connection.destroy();
    else connection.release();
    throw error;
  }
}

function affectedRows(result: unknown): number {
  const { affectedRows = 0 }: { readonly affectedRows?: unknown } = result ?? {};
  return Number(affectedRows);
}

function isRows(value: unknown): value is Record<string, unknown>[] {
  return Array.isArray(value) && value.every((row) => typeof row === 'object' && row !== null);
}

function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof Reflect.get(value, name) === 'function');
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Thrown for a statement that became part of an abandoned transaction, which will never be committed. */
export class TransactionLeftOpen extends Error {
  constructor() {
    super('the connection was left in an open transaction, so the statement was not committed');
  }
}
