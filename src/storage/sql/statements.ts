/** Statements through the application's data source, each on a connection of its own. */
import { hash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource, EntityManager, EntityMetadata, ObjectLiteral, ObjectType, QueryRunner } from 'typeorm';
import { TotpStorageError } from '../../shared/errors.js';
import { Turns } from '../../shared/keyed-mutex.js';
import { isBusy, isConflict, storageError } from './driver-errors.js';
import { poolOf } from './pool.js';

export type Value = string | number | null;

/** How long a statement waits for another connection to let go of an SQLite file. */
const BUSY_PATIENCE_MS = 5_000;

/** Writes SQL with the entity's own table and column names, quoted and numbered as the driver wants it. */
export class Sql {
  private readonly metadata: EntityMetadata;
  readonly table: string;

  constructor(
    private readonly dataSource: DataSource,
    entity: ObjectType<ObjectLiteral>,
  ) {
    this.metadata = dataSource.getMetadata(entity);
    this.table = this.metadata.tablePath
      .split('.')
      .map((part) => dataSource.driver.escape(part))
      .join('.');
  }

  /** The column of a property of the entity. */
  column(property: string): string {
    const column = this.metadata.findColumnWithPropertyName(property);
    if (column === undefined) throw new TotpStorageError(`${this.metadata.name} has no column "${property}".`);
    return this.dataSource.driver.escape(column.databaseName);
  }

  /** A name of the statement's own, quoted. */
  name(name: string): string {
    return this.dataSource.driver.escape(name);
  }

  /** The n-th parameter of a statement, from 1. */
  parameter(n: number): string {
    return this.dataSource.driver.createParameter(`p${String(n)}`, n - 1);
  }

  /** `n` parameters, from the `first`. */
  parameters(n: number, first = 1): string[] {
    return Array.from({ length: n }, (_, index) => this.parameter(first + index));
  }
}

export interface StatementResult {
  readonly rows: readonly Record<string, unknown>[];
  readonly affected: number;
}

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly Value[];
  /** Of a statement that is worth preparing, see `prepared`. */
  readonly name?: string;
}

/** A statement that each connection to PostgreSQL prepares once, by a name that no other text has. */
export function prepared(sql: string): Pick<Required<Statement>, 'sql' | 'name'> {
  return { sql, name: `totp_${hash('sha256', sql).slice(0, 32)}` };
}

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

/** As `run`, for a write that somebody else may be ahead of: undefined when that is what the database says. */
export function runUnlessConflict(
  dataSource: DataSource,
  sql: string,
  parameters: readonly Value[],
  name?: string,
): Promise<StatementResult | undefined> {
  return unlessConflict(run(dataSource, sql, parameters, name));
}

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

async function unlessConflict<T>(written: Promise<T>): Promise<T | undefined> {
  try {
    return await written;
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}

const turns = new Turns();

/** Again and again while another connection holds the SQLite file. */
async function onOwnConnection<T>(dataSource: DataSource, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const attempt = () => withRunner(dataSource, work);
  const giveUpAt = performance.now() + BUSY_PATIENCE_MS;
  for (;;) {
    try {
      // A pool hands out a connection to each. SQLite has just one, on which nothing may come into another's transaction.
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

/** Runs one statement in the transaction that `manager` is of. */
export function runWithin(manager: EntityManager, sql: string, parameters: readonly Value[]): Promise<StatementResult> {
  const { queryRunner } = manager;
  if (queryRunner === undefined) throw new TotpStorageError('This EntityManager is not of a transaction.');
  return query(queryRunner, { sql, parameters });
}

async function query(runner: QueryRunner, { sql, parameters }: Statement): Promise<StatementResult> {
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
