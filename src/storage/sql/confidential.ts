/** Hides the parameters of the module's statements from everything but the driver. */
import { inspect } from 'node:util';
import type { Value } from './statement.js';

const REDACTED = '[redacted]';

/**
 * TypeORM passes the parameters of a statement to loggers, subscribers and errors. Those of the module include sealed secrets, or,
 * with `secrets: 'plain-text'`, the secrets themselves. Everything but the driver sees `[redacted]` in place of such a value.
 */
export class ConfidentialValue {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  /** Called by `pg`. */
  toPostgres(): Value {
    return this.#value;
  }

  toJSON(): string {
    return REDACTED;
  }

  toString(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

export function confidential(values: readonly Value[]): ConfidentialValue[] {
  return values.map((value) => new ConfidentialValue(value));
}

const prepared = new WeakSet();

/**
 * Lets a driver's connection read confidential values.
 *
 * @param connection what TypeORM's query runner runs its statements on
 * @returns false for a driver that the module does not know
 */
export function readsConfidentialValues(connection: unknown): boolean {
  if (typeof connection !== 'object' || connection === null) return false;
  if (prepared.has(connection)) return true;
  if (isMysql(connection)) executeOnMysql(connection);
  else if (isSqlite(connection)) revealOnSqlite(connection);
  else if (!('query' in connection && 'connection' in connection)) return false; // not `pg`
  prepared.add(connection);
  return true;
}

type Reply = (...reply: readonly unknown[]) => void;

/** A connection of `mysql2`. */
interface Mysql {
  query(...request: [statement: unknown, values?: unknown, done?: Reply]): unknown;
  execute(statement: object, values: readonly unknown[], done: Reply): unknown;
  unprepare(statement: object): unknown;
}

/** How `mysql2` returns rows, regardless of the options of the data source. */
const ROWS = { rowsAsArray: false, nestTables: false, typeCast: true, namedPlaceholders: false } as const;
/** Maximum length of a statement that stays prepared: longer statements come in many lengths, and a server holds a limited number. */
const MAX_PREPARED_PARAMETERS = 20;

export function mysqlStatement(sql: string, values: readonly unknown[]): object {
  return { ...ROWS, sql, values };
}

/** To be called after each execution of a `mysqlStatement` that is not worth preparing. */
export function closeLongStatement(connection: Pick<Mysql, 'unprepare'>, statement: object, values: number): void {
  if (values > MAX_PREPARED_PARAMETERS) connection.unprepare(statement);
}

/**
 * `query` of `mysql2` writes values into the statement, escaped for the default `sql_mode`: under NO_BACKSLASH_ESCAPES,
 * that allows SQL injection. `execute` sends statement and values separately.
 */
function executeOnMysql(connection: Mysql): void {
  const query = connection.query.bind(connection);
  connection.query = (...request) => {
    const [given, values, done] = request;
    if (!Array.isArray(values) || !values.some((value) => value instanceof ConfidentialValue)) return query(...request);
    const statement = { ...ROWS, ...(typeof given === 'object' ? given : { sql: given }) };
    return connection.execute(statement, values.map(reveal), (...reply) => {
      closeLongStatement(connection, statement, values.length);
      done?.(...reply);
    });
  };
}

/** A connection of `better-sqlite3`. */
interface Sqlite {
  prepare(sql: string): Record<'all' | 'run', (...values: readonly unknown[]) => unknown>;
}

function revealOnSqlite(database: Sqlite): void {
  const prepare = database.prepare.bind(database);
  database.prepare = (sql) => {
    const statement = prepare(sql);
    for (const method of ['all', 'run'] as const) {
      const call = statement[method].bind(statement);
      statement[method] = (...values) => call(...values.map(reveal));
    }
    return statement;
  };
}

function reveal(value: unknown): unknown {
  return value instanceof ConfidentialValue ? value.toPostgres() : value;
}

export function isMysql(connection: object): connection is Mysql {
  return 'query' in connection && 'execute' in connection && typeof connection.execute === 'function';
}

function isSqlite(connection: object): connection is Sqlite {
  return 'prepare' in connection && 'inTransaction' in connection;
}
