/**
 * The databases that tests run against: `describe.each(databases)('on $name', ({ open }) => …)`.
 *
 * Each `open()` makes a fresh, empty database of its own; `drop()` removes it.
 */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataSourceOptions } from 'typeorm';
import { dropStatement, onServer } from './database-servers.js';

/** Connection settings without entities and migrations: spread them into a `DataSource` or `TypeOrmModule.forRoot`. */
export type TestDataSourceOptions =
  | Omit<Extract<DataSourceOptions, { type: 'better-sqlite3' }>, 'entities' | 'migrations'>
  | Omit<Extract<DataSourceOptions, { type: 'postgres' }>, 'entities' | 'migrations'>
  | Omit<Extract<DataSourceOptions, { type: 'mysql' | 'mariadb' }>, 'entities' | 'migrations'>;

export interface OpenDatabase {
  options: TestDataSourceOptions;
  /** Where it can be written to, if that is several servers. */
  writers?: readonly TestDataSourceOptions[];
  /** Resolves when each of these has what was written to any of them. */
  settle?: () => Promise<void>;
  drop: () => Promise<void>;
}

export interface TestDatabase {
  name: 'SQLite' | 'PostgreSQL' | 'MariaDB' | 'MySQL';
  open: () => Promise<OpenDatabase>;
}

const { TOTP_TEST_RUN, TOTP_TEST_FOLDER, TOTP_TEST_POSTGRES_URL, TOTP_TEST_MYSQL_URL } = process.env;

export const databases: [TestDatabase, ...TestDatabase[]] = [{ name: 'SQLite', open: openSqlite }];
if (TOTP_TEST_POSTGRES_URL) {
  databases.push({ name: 'PostgreSQL', open: () => openOnServer('postgres', TOTP_TEST_POSTGRES_URL) });
}
if (TOTP_TEST_MYSQL_URL?.startsWith('mariadb:')) {
  databases.push({ name: 'MariaDB', open: () => openOnServer('mariadb', TOTP_TEST_MYSQL_URL) });
} else if (TOTP_TEST_MYSQL_URL) {
  databases.push({ name: 'MySQL', open: () => openOnServer('mysql', TOTP_TEST_MYSQL_URL) });
}

function freshName(): string {
  return `totp_test_${TOTP_TEST_RUN ?? ''}_${randomBytes(6).toString('hex')}`;
}

async function openSqlite(): Promise<OpenDatabase> {
  const database = join(TOTP_TEST_FOLDER ?? '', `${freshName()}.sqlite`);
  return Promise.resolve({
    options: { type: 'better-sqlite3', database, enableWAL: true },
    drop: async () => {
      for (const suffix of ['', '-wal', '-shm']) await rm(database + suffix, { force: true });
    },
  });
}

async function openOnServer(type: 'postgres' | 'mysql' | 'mariadb', server: string): Promise<OpenDatabase> {
  const name = freshName();
  await onServer(server, (connection) => connection.query(`CREATE DATABASE ${name}`));
  const url = new URL(server);
  return {
    options: {
      type,
      host: url.hostname,
      port: Number(url.port || (type === 'postgres' ? 5432 : 3306)),
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: name,
    },
    drop: async () => {
      await onServer(server, (connection) => connection.query(dropStatement(server, name)));
    },
  };
}
