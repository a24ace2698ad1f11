/**
 * Tells whether a driver's connection may be reused, and closes one that may not.
 *
 * A connection whose transaction may still be open must not go back to the pool: later statements on it would become part of that
 * transaction, and would never be committed.
 */

export interface DriverConnection {
  /** False when a statement is under way or a transaction is open, as far as the driver can tell. */
  readonly isIdle: boolean;
  /** Closes the connection, which ends an open transaction. The pool does not lend it again. */
  close(): void;
}

/** @param connection what TypeORM's query runner runs its statements on; undefined when it never got one */
export function driverConnection(connection: unknown): DriverConnection {
  if (isSqlite(connection)) return new SqliteConnection(connection);
  if (isMysqlConnection(connection)) return new MysqlConnection(connection);
  if (isPostgresClient(connection)) return new PostgresConnection(connection);
  return { isIdle: true, close: () => undefined };
}

/** A pool of `pg` or of `mysql2`, which both are event emitters. */
export interface WatchablePool {
  on(event: string, listener: (connection: object) => void): unknown;
}

const watchedPools = new WeakSet<WatchablePool>();

/**
 * Listens to the errors of every connection of a pool, so that none of them ends the process.
 *
 * Node.js ends the process for an `error` event without a listener. The pools and TypeORM replace their listeners while a connection
 * passes from one caller to the next: `pg` lends a client to the next caller while it is still reading what the server sent, and an error
 * in the same packet reaches the client before the caller can listen. The drivers remember the error, so the next statement
 * fails.
 */
export function watchConnections(pool: WatchablePool): void {
  if (watchedPools.has(pool)) return;
  watchedPools.add(pool);
  for (const event of ['connection', 'acquire']) pool.on(event, watch);
}

const watched = new WeakSet();

function watch(connection: object): void {
  if (watched.has(connection)) return;
  watched.add(connection);
  if (isEmitter(connection)) connection.on('error', ignore);
  if (isPostgresClient(connection)) trackTransactions(connection);
}

function ignore(): void {
  // The listeners of the driver and the pool take care of the connection.
}

/** A client of `pg`. */
export interface PostgresClient {
  /** False while a statement is under way. */
  readonly readyForQuery?: unknown;
  /** The protocol below the client; `pg-native` has none. */
  readonly connection?: unknown;
  end(): Promise<void>;
}

/** The transaction status that the server reports after each statement: I (idle), T (in a transaction) or E (in a failed one). */
const transactionStatus = new WeakMap<PostgresClient, unknown>();

function trackTransactions(client: PostgresClient): void {
  if (!isEmitter(client.connection)) return;
  client.connection.on('readyForQuery', ({ status }: { readonly status?: unknown }) => {
    transactionStatus.set(client, status);
  });
}

export class PostgresConnection implements DriverConnection {
  constructor(private readonly client: PostgresClient) {}

  get isIdle(): boolean {
    return this.client.readyForQuery !== false && (transactionStatus.get(this.client) ?? 'I') === 'I';
  }

  /** When it is released, pg-pool removes a client that was ended. */
  close(): void {
    this.client.end().catch(ignore);
  }
}

/** A connection of a pool of `mysql2`. */
interface Mysql {
  destroy(): void;
}

class MysqlConnection implements DriverConnection {
  /** `mysql2` does not expose whether a transaction is open: see `isInTransaction`. */
  readonly isIdle = true;

  constructor(private readonly connection: Mysql) {}

  close(): void {
    this.connection.destroy();
  }
}

/** SERVER_STATUS_IN_TRANS of the protocol of MySQL. */
const IN_TRANSACTION = 1;

/** Whether MySQL says in its reply to a write that a transaction is open. */
export function isInTransaction(reply: unknown): boolean {
  const { serverStatus }: { readonly serverStatus?: unknown } = reply ?? {};
  return typeof serverStatus === 'number' && (serverStatus & IN_TRANSACTION) !== 0;
}

/** A connection of `better-sqlite3`. TypeORM opens only one. */
interface Sqlite {
  readonly inTransaction: boolean;
  exec(sql: string): unknown;
  close(): unknown;
}

class SqliteConnection implements DriverConnection {
  constructor(private readonly database: Sqlite) {}

  get isIdle(): boolean {
    return !this.database.inTransaction;
  }

  close(): void {
    if (this.isIdle) return;
    try {
      this.database.exec('ROLLBACK');
    } catch {
      // Closing rolls the transaction back; every later statement fails.
      this.database.close();
    }
  }
}

function hasMethod<Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function';
}

function isEmitter(value: unknown): value is { on(event: string, listener: (message: object) => void): unknown } {
  return hasMethod(value, 'on');
}

function isPostgresClient(value: unknown): value is PostgresClient {
  return hasMethod(value, 'end') && !hasMethod(value, 'destroy');
}

function isMysqlConnection(value: unknown): value is Mysql {
  return hasMethod(value, 'destroy');
}

function isSqlite(value: unknown): value is Sqlite {
  return hasMethod(value, 'exec') && 'inTransaction' in value;
}
