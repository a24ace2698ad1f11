/** Statements through TypeORM's query runner: for transactions, and for databases without a pool that the module knows. */
import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';
import { Turns } from '../../shared/keyed-mutex.js';
import { isBusy, storageError } from './driver-errors.js';
import type { Statement, StatementResult } from './statement.js';

/** How long a statement waits for another connection to release an SQLite file. */
const BUSY_PATIENCE_MS = 5_000;

const turns = new Turns();

/**
 * Does work on a connection of its own, and retries it while another connection holds the SQLite file.
 *
 * @throws TotpStorageError without the statement's parameters, since these hold secrets
 */
export async function onOwnConnection<T>(
  dataSource: DataSource,
  work: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const attempt = () => withRunner(dataSource, work);
  const giveUpAt = performance.now() + BUSY_PATIENCE_MS;
  for (;;) {
    try {
      // A pool lends each caller a connection. SQLite has only one, where calls take turns so that none joins another's transaction.
      return await (dataSource.options.type === 'better-sqlite3' ? turns.take(dataSource, attempt) : attempt());
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw storageError(error);
    }
    await pause(1 + Math.random() * 9);
  }
}

async function withRunner<T>(dataSource: DataSource, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    // An SQLite database in memory is the application's, which may be in a transaction.
    if (runner.isTransactionActive) throw new ConnectionInTransaction();
    return await work(runner);
  } finally {
    await runner.release();
  }
}

export async function query(runner: QueryRunner, { sql, parameters }: Statement): Promise<StatementResult> {
  const result = await runner.query(sql, [...parameters], true);
  return { rows: result.records, affected: result.affected ?? 0 };
}

class ConnectionInTransaction extends Error {
  readonly code = 'SQLITE_BUSY';

  constructor() {
    super(
      'the only connection to this in-memory database is in a transaction, in which nothing of TOTP may be written',
    );
  }
}
