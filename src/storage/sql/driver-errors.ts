/** What a driver says when a statement fails: whether somebody else was first, and what the person can do who reads the error. */
import { TotpStorageError } from '../../shared/errors.js';

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

/** What the driver says: TypeORM's error repeats it. */
export function driverFault(error: unknown): { readonly code: unknown; readonly message: string } {
  const { code, message }: { readonly code?: unknown; readonly message?: unknown } = error ?? {};
  return { code, message: String(message) };
}

/** Whether another connection holds the SQLite file. */
export function isBusy(error: unknown): boolean {
  return String(driverFault(error).code).startsWith('SQLITE_BUSY');
}

/**
 * Whether the server itself reported the error, and so has ended the statement. After any other error, such as a time-out of
 * the driver or a lost connection, the statement may still be running.
 */
export function isAnswer(error: unknown): boolean {
  const {
    severity, // PostgreSQL
    sqlState, // MySQL and MariaDB
    code,
  }: { readonly severity?: unknown; readonly sqlState?: unknown; readonly code?: unknown } = error ?? {};
  return severity !== undefined || sqlState !== undefined || String(code).startsWith('SQLITE_');
}

/** TypeORM's error carries the parameters of the statement, and a driver's may carry the row: neither is passed on. */
export function storageError(error: unknown): TotpStorageError {
  const { code, message } = driverFault(error);
  const cause = Object.assign(new Error(message), { code });
  return new TotpStorageError(`The database did not do what TOTP asked of it: ${message}. ${adviceFor(error)}`, {
    cause,
  });
}

/** Whether it is a `storageError` that tells of somebody else who was first. */
export function isConflict(error: unknown): boolean {
  return error instanceof TotpStorageError && CONFLICTS.includes(driverFault(error.cause).code);
}

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
