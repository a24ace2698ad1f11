/** Runs statements through TypeORM's query runner: for transactions, and for databases without a supported pool. */
import type { DataSource, QueryRunner } from 'typeorm';
import { KeyedMutex } from '../../shared/keyed-mutex.js';
import { delay } from '../../shared/timers.js';
import { confidential, readsConfidentialValues } from './confidential.js';
import { type DriverConnection, driverConnection, isInTransaction } from './driver-connection.js';
import { isBusy, storageError } from './driver-errors.js';
import { watchPool } from './pool.js';
import type { Statement, StatementResult } from './statement.js';

/** How long a statement waits for another connection to release an SQLite file. */
const BUSY_PATIENCE_MS = 5_000;

const mutex = new KeyedMutex();

/**
 * Runs work on a connection that no other caller uses, and retries it while another connection holds the SQLite file.
 *
 * @param work must leave no transaction open, even when it throws
 * @throws TotpStorageError without the statement's parameters, since these hold secrets
 */
export async function onOwnConnection<T>(
  dataSource: DataSource,
  work: (runner: QueryRunner, connection: DriverConnection) => Promise<T>,
): Promise<T> {
  const attempt = () => withRunner(dataSource, work);
  const giveUpAt = performance.now() + BUSY_PATIENCE_MS;
  for (;;) {
    try {
      // A pool lends each caller a connection. SQLite has only one, so calls run one after the other: none may join another's transaction.
      return await (dataSource.options.type === 'better-sqlite3' ? mutex.runExclusive(dataSource, attempt) : attempt());
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw storageError(error);
    }
    await delay(1 + Math.random() * 9);
  }
}

async function withRunner<T>(
  dataSource: DataSource,
  work: (runner: QueryRunner, connection: DriverConnection) => Promise<T>,
): Promise<T> {
  const { runner, connection } = await idleRunner(dataSource);
  try {
    return await work(runner, connection);
  } finally {
    if (!connection.isIdle) connection.close();
    await runner.release();
  }
}

interface Lent {
  readonly runner: QueryRunner;
  readonly connection: DriverConnection;
}

/** Closes connections that were returned to the pool in a transaction or during a statement. */
async function idleRunner(dataSource: DataSource): Promise<Lent> {
  watchPool(dataSource);
  for (;;) {
    const runner = dataSource.createQueryRunner();
    try {
      const lent = { runner, connection: driverConnection(await runner.connect()) };
      if (dataSource.options.type === 'better-sqlite3') return requireIdle(lent);
      if (lent.connection.isIdle) return lent;
      lent.connection.close();
      await runner.release();
    } catch (error) {
      await runner.release();
      throw error;
    }
  }
}

/** The one connection of SQLite is not closed: an SQLite database in memory is the application's, which may be in a transaction. */
function requireIdle(lent: Lent): Lent {
  if (lent.runner.isTransactionActive || !lent.connection.isIdle) throw new ConnectionInTransaction();
  return lent;
}

export async function query(runner: QueryRunner, { sql, parameters }: Statement): Promise<StatementResult> {
  const isReadable = readsConfidentialValues(await runner.connect());
  const result = await runner.query(sql, isReadable ? confidential(parameters) : [...parameters], true);
  return { rows: result.records, affected: result.affected ?? 0, isInTransaction: isInTransaction(result.raw) };
}

class ConnectionInTransaction extends Error {
  readonly code = 'SQLITE_BUSY';

  constructor() {
    super(
      'the only connection to this in-memory database is in a transaction, which TOTP statements must not become part of',
    );
  }
}
