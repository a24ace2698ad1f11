/** Interprets the errors of drivers: whether the statement lost a race, and what the reader of the error can do. */
import { TotpStorageError } from '../../shared/errors.js';
import type { Statement } from './statement.js';

/** The codes for a row that was changed or inserted concurrently. */
const CONFLICTS: readonly unknown[] = [
  'SQLITE_CONSTRAINT_PRIMARYKEY',
  'ER_DUP_ENTRY',
  'ER_LOCK_DEADLOCK',
  'ER_CHECKREAD',
  '23505', // PostgreSQL: unique violation
  '40001', // PostgreSQL: serialization failure
  '40P01', // PostgreSQL: deadlock
];

/** The codes of MySQL and MariaDB for what they cannot parse, or cannot prepare. */
const UNSUPPORTED: readonly unknown[] = ['ER_PARSE_ERROR', 'ER_UNSUPPORTED_PS'];

/** The codes of PostgreSQL for a function that it does not have, does not offer, or does not let this role call. */
const WITHOUT_FUNCTION: readonly unknown[] = ['42883', '0A000', '42501'];

/** The codes for a missing table or column. SQLite reports it in the message instead. */
const MISSING: readonly unknown[] = ['42P01', '42703', 'ER_NO_SUCH_TABLE', 'ER_BAD_FIELD_ERROR'];

/** The code of the driver's error, which TypeORM's error copies. */
export function driverFault(error: unknown): { readonly code: unknown; readonly message: string } {
  const { code, message }: { readonly code?: unknown; readonly message?: unknown } = error ?? {};
  return { code, message: String(message) };
}

/** Whether another connection holds the SQLite file. */
export function isBusy(error: unknown): boolean {
  return String(driverFault(error).code).startsWith('SQLITE_BUSY');
}

/**
 * Whether the server itself reported the error, so that the statement has ended. After any other error, such as a time-out of
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

/** Whether a statement may still be running after an error, or may have left its transaction open: the connection must be closed. */
export function mayBeOpen({ isTransaction = false }: Pick<Statement, 'isTransaction'>, error: unknown): boolean {
  return isTransaction || !isAnswer(error);
}

/** TypeORM's error carries the parameters of the statement, and a driver's may carry the row: neither is copied. */
export function storageError(error: unknown): TotpStorageError {
  const { code, message } = driverFault(error);
  const cause = Object.assign(new Error(message), { code });
  return new TotpStorageError(`A TOTP statement failed: ${message}. ${adviceFor(error)}`, {
    cause,
  });
}

/** Whether it is a `storageError` for a statement that lost a race. */
export function isConflict(error: unknown): boolean {
  return error instanceof TotpStorageError && CONFLICTS.includes(driverFault(error.cause).code);
}

/** Whether it is a `storageError` for a kind of statement that the server does not know, and has not run. */
export function isUnsupported(error: unknown): boolean {
  return error instanceof TotpStorageError && UNSUPPORTED.includes(driverFault(error.cause).code);
}

/** Whether it is a `storageError` for a function of PostgreSQL that cannot be called here. */
export function isWithoutFunction(error: unknown): boolean {
  return error instanceof TotpStorageError && WITHOUT_FUNCTION.includes(driverFault(error.cause).code);
}

/** Whether MySQL or MariaDB reports that the key of a row exists already. */
export function isDuplicate(error: unknown): boolean {
  return driverFault(error).code === 'ER_DUP_ENTRY';
}

function adviceFor(error: unknown): string {
  if (isBusy(error)) {
    return 'Another transaction holds the database: call TotpService outside of transactions, and keep them short.';
  }
  const { code, message } = driverFault(error);
  if (MISSING.includes(code) || /no such|has no column/.test(message)) {
    return 'A table or a column is missing: run TOTP_MIGRATIONS (migrations: TOTP_MIGRATIONS, migrationsRun: true).';
  }
  return 'Treat the call as not done.';
}
