/** Single statements through the application's data source, each on a connection of its own. */
import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource, EntityMetadata, ObjectLiteral, ObjectType } from 'typeorm';
import { TotpStorageError } from '../totp.errors.js';

type Value = string | number | null;

/** How long a statement waits for another connection to let go of an SQLite file. */
const BUSY_PATIENCE_MS = 5_000;

/** What a database says when a row was changed, or made, by somebody else at the same time. */
const CONFLICTS: readonly unknown[] = [
  'SQLITE_CONSTRAINT_PRIMARYKEY',
  'ER_DUP_ENTRY',
  'ER_LOCK_DEADLOCK',
  'ER_CHECKREAD',
  '23505', // PostgreSQL: unique violation
  '40001', // PostgreSQL: serialization failure
  '40P01', // PostgreSQL: deadlock
];

/** What a server says when a table or a column is not there; SQLite says it in words. */
const MISSING: readonly unknown[] = ['42P01', '42703', 'ER_NO_SUCH_TABLE', 'ER_BAD_FIELD_ERROR'];

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

/**
 * Runs one statement, outside of whatever transaction the caller is in.
 *
 * @throws TotpStorageError without the statement's parameters, since these hold secrets
 */
export async function run(dataSource: DataSource, sql: string, parameters: readonly Value[]): Promise<StatementResult> {
  const giveUpAt = performance.now() + BUSY_PATIENCE_MS;
  for (;;) {
    try {
      return await attempt(dataSource, sql, parameters);
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw storageError(error);
    }
    await pause(1 + Math.random() * 9);
  }
}

/** As `run`, for a write that somebody else may be ahead of: undefined when that is what the database says. */
export async function runUnlessConflict(
  dataSource: DataSource,
  sql: string,
  parameters: readonly Value[],
): Promise<StatementResult | undefined> {
  try {
    return await run(dataSource, sql, parameters);
  } catch (error) {
    if (error instanceof TotpStorageError && CONFLICTS.includes(driverFault(error.cause).code)) return undefined;
    throw error;
  }
}

async function attempt(dataSource: DataSource, sql: string, parameters: readonly Value[]): Promise<StatementResult> {
  const runner = dataSource.createQueryRunner();
  try {
    // A pool hands out a connection of its own. An SQLite database in memory has just one for everybody.
    if (runner.isTransactionActive) throw new ConnectionInTransaction();
    const result = await runner.query(sql, [...parameters], true);
    return { rows: result.records, affected: result.affected ?? 0 };
  } finally {
    await runner.release();
  }
}

class ConnectionInTransaction extends Error {
  readonly code = 'SQLITE_BUSY';

  constructor() {
    super(
      'the only connection to this in-memory database is in a transaction, in which nothing of TOTP may be written',
    );
  }
}

/** What the person can do who reads the error. */
function adviceFor(error: unknown): string {
  if (isBusy(error)) {
    return 'Another transaction holds the database: call TotpService outside of transactions, and keep them short.';
  }
  const { code, message } = driverFault(error);
  if (MISSING.includes(code) || /no such|has no column/.test(message)) {
    return 'A table or a column is missing: run TOTP_MIGRATIONS (migrations: TOTP_MIGRATIONS, migrationsRun: true).';
  }
  return 'No answer was given, so none can be relied on.';
}

function isBusy(error: unknown): boolean {
  return String(driverFault(error).code).startsWith('SQLITE_BUSY');
}

/** The driver's own error, of which TypeORM's is a wrapping. */
function driverFault(error: unknown): { readonly code: unknown; readonly message: string } {
  if (typeof error !== 'object' || error === null) return { code: undefined, message: String(error) };
  const fault =
    'driverError' in error && typeof error.driverError === 'object' && error.driverError !== null
      ? error.driverError
      : error;
  return {
    code: 'code' in fault ? fault.code : undefined,
    message: 'message' in fault ? String(fault.message) : 'unknown',
  };
}

/** TypeORM's error carries the parameters of the statement, and a driver's may carry the row: neither is passed on. */
function storageError(error: unknown): TotpStorageError {
  const { code, message } = driverFault(error);
  const cause = Object.assign(new Error(message), { code });
  return new TotpStorageError(`The database did not do what TOTP asked of it: ${message}. ${adviceFor(error)}`, {
    cause,
  });
}
