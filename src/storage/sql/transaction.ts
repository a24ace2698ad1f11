/** Runs several writes in one transaction, and leaves no transaction behind. */
import { type DataSource, type EntityManager, QueryFailedError, type QueryRunner } from 'typeorm';
import { TotpStorageError } from '../../shared/errors.js';
import type { DriverConnection } from './driver-connection.js';
import { isAnswer, isBusy, isConflict, storageError } from './driver-errors.js';
import { onOwnConnection, query } from './query-runner.js';
import type { Statement, StatementResult, Value } from './statement.js';

export type TransactionOutcome =
  | { readonly status: 'committed' }
  /** Nothing was written: another transaction changed or inserted one of the rows first. */
  | { readonly status: 'conflict' }
  /** COMMIT failed, usually because the reply was lost: only the rows show whether the server has committed. */
  | { readonly status: 'unknown'; readonly error: TotpStorageError };

/**
 * Runs writes in a transaction of their own: all of them or none.
 *
 * @param thenDo runs in the transaction after all writes
 * @throws TotpStorageError when a statement or `thenDo` fails; then nothing is committed
 */
export async function runTransaction(
  dataSource: DataSource,
  writes: readonly Statement[],
  thenDo?: (manager: EntityManager) => Promise<void>,
): Promise<TransactionOutcome> {
  try {
    return await onOwnConnection(dataSource, async (runner, connection): Promise<TransactionOutcome> => {
      try {
        // Plain statements: where SQLite ends a transaction by itself, as on a full disk, TypeORM would consider it open for ever.
        await runner.query('BEGIN');
        for (const write of writes) {
          const { affected } = await query(runner, write);
          if (affected === 0) {
            await rollBack(runner, connection);
            return { status: 'conflict' };
          }
        }
        if (thenDo !== undefined) await withinTransaction(runner, thenDo);
      } catch (error) {
        await endAfter(error, runner, connection);
        throw error;
      }
      return commit(runner, connection);
    });
  } catch (error) {
    if (isConflict(error)) return { status: 'conflict' };
    throw error;
  }
}

async function commit(runner: QueryRunner, connection: DriverConnection): Promise<TransactionOutcome> {
  try {
    await runner.query('COMMIT');
    return { status: 'committed' };
  } catch (error) {
    await endAfter(error, runner, connection);
    if (isBusy(error)) throw error; // SQLite has written nothing
    return { status: 'unknown', error: storageError(error) };
  }
}

/** A statement without a reply may still be running, and ROLLBACK would wait for it. Closing the connection also ends the transaction. */
async function endAfter(error: unknown, runner: QueryRunner, connection: DriverConnection): Promise<void> {
  if (error instanceof QueryFailedError && !isAnswer(error)) connection.close();
  else await rollBack(runner, connection);
}

/** Closes the connection unless the server confirms the ROLLBACK, which proves that no transaction is open. */
async function rollBack(runner: QueryRunner, connection: DriverConnection): Promise<void> {
  try {
    await runner.query('ROLLBACK');
  } catch {
    connection.close();
  }
}

/** Lets other code write in the transaction. TypeORM did not start it, and would otherwise start a nested one. */
async function withinTransaction(runner: QueryRunner, work: (manager: EntityManager) => Promise<void>): Promise<void> {
  const setDepth = (depth: 0 | 1) => {
    Reflect.set(runner, 'isTransactionActive', depth === 1);
    Reflect.set(runner, 'transactionDepth', depth);
  };
  setDepth(1);
  try {
    await work(runner.manager);
  } finally {
    setDepth(0);
  }
}

const SAVEPOINT = 'totp_outbox';

/**
 * Lets an application's outbox write in the transaction, and checks that the transaction is still the same one afterwards.
 *
 * An outbox that hides an error of the database may have lost the transaction: PostgreSQL then answers COMMIT with a rollback, and
 * MariaDB, after a deadlock, commits only the later statements. An outbox that commits or begins a transaction has committed the change
 * without its events. In each case, the savepoint no longer exists.
 */
export async function keepTransaction(manager: EntityManager, work: () => Promise<void>): Promise<void> {
  await manager.query(`SAVEPOINT ${SAVEPOINT}`);
  await work();
  try {
    await manager.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
  } catch (error) {
    if (!isAnswer(error)) throw error;
    throw new TotpStorageError(
      'TotpOutbox.add lost the transaction. Write with the manager that it is given, neither commit nor roll back, and let the errors ' +
        'that your database throws there pass.',
      { cause: storageError(error).cause },
    );
  }
}

/** Runs one statement in the transaction of `manager`. */
export function runWithin(manager: EntityManager, sql: string, parameters: readonly Value[]): Promise<StatementResult> {
  const { queryRunner } = manager;
  if (queryRunner === undefined) throw new TotpStorageError('This EntityManager does not belong to a transaction.');
  return query(queryRunner, { sql, parameters });
}
