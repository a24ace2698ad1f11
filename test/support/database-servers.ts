/**
 * The database servers of one test run: found or started before the tests, told to them in environment variables.
 *
 * Jest loads this file on its own, before its mapping of `.js` to `.ts` holds: it imports packages and JavaScript only.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { loadEmbeddedPostgres, makeServerFolder } from './embedded-postgres.js';

export type CloseServers = () => Promise<void>;

/**
 * Jest's `globalSetup`: finds or starts the servers. What stays missing is skipped, or fails the run under
 * `TOTP_TEST_REQUIRE_ALL=1`.
 */
export default async function globalSetup(): Promise<void> {
  const closeTotpTestServers: CloseServers = await openServers();
  Object.assign(globalThis, { closeTotpTestServers });
}

async function openServers(): Promise<CloseServers> {
  const run = randomBytes(4).toString('hex');
  const folder = makeServerFolder(`totp-test-${run}`);
  // Also on a signal, when Jest does not close what it opened; the embedded server stops by itself.
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  process.env.TOTP_TEST_RUN = run;
  process.env.TOTP_TEST_FOLDER = folder;

  let stopPostgres = (): Promise<void> => Promise.resolve();
  await settle(
    'PostgreSQL',
    'TOTP_TEST_POSTGRES_URL',
    'Set TOTP_TEST_POSTGRES_URL=postgres://user:password@host:port.',
    {
      named: async (url) => {
        await reach(url);
        return url;
      },
      other: async () => {
        const server = await startPostgres(folder);
        stopPostgres = server.stop;
        return server.url;
      },
    },
  );
  await settle(
    'MariaDB',
    'TOTP_TEST_MYSQL_URL',
    'Start one on 127.0.0.1:3306 that lets root in without a password, or set TOTP_TEST_MYSQL_URL=mysql://user:password@host:port.',
    { named: reachMysql, other: () => reachMysql('mysql://root@127.0.0.1:3306') },
  );

  return async () => {
    for (const url of [process.env.TOTP_TEST_POSTGRES_URL, process.env.TOTP_TEST_MYSQL_URL]) {
      if (url) await dropLeftOvers(url, run);
    }
    await stopPostgres();
  };
}

/** Puts the server's address into `variable`; a server that was asked for by name must be there. */
async function settle(
  name: string,
  variable: string,
  help: string,
  find: { named: (url: string) => Promise<string>; other: () => Promise<string> },
): Promise<void> {
  const url = process.env[variable];
  try {
    process.env[variable] = await (url ? find.named(url) : find.other());
  } catch (error) {
    const why = `no ${name} (${reason(error)}). ${help}`;
    if (url || process.env.TOTP_TEST_REQUIRE_ALL === '1') throw new Error(why, { cause: error });
    console.warn(`Tests skipped: ${why}`);
  }
}

async function startPostgres(folder: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const EmbeddedPostgres = await loadEmbeddedPostgres(folder);
  const log: string[] = [];
  const port = await freePort();
  const password = randomBytes(16).toString('hex');
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'postgres'),
    port,
    password,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    // Nothing in a test outlives a crash of the server.
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=200', '-c', 'unix_socket_directories='],
    onLog: (message) => log.push(message),
    onError: (message) => log.push(String(message)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`embedded-postgres did not start: ${reason(error)} ${log.slice(-3).join(' ')}`, { cause: error });
  }
  return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, stop: () => server.stop() };
}

/** Runs `use` with a connection to the server that `url` names. */
export async function onServer<T>(url: string, use: (server: DataSource) => Promise<T>): Promise<T> {
  const server = new DataSource(
    url.startsWith('postgres') ? { type: 'postgres', url } : { type: 'mysql', url, connectTimeout: 60_000 },
  );
  await server.initialize();
  try {
    return await use(server);
  } finally {
    await server.destroy();
  }
}

async function reach(url: string): Promise<string> {
  return onServer(url, async (server) => {
    const rows = await server.query<{ version: string }[]>('SELECT version() AS version');
    return rows[0]?.version ?? '';
  });
}

/** TypeORM tells the two apart by the protocol. */
async function reachMysql(url: string): Promise<string> {
  const version = await reach(url);
  return url.replace(/^\w+/, version.includes('MariaDB') ? 'mariadb' : 'mysql');
}

async function dropLeftOvers(url: string, run: string): Promise<void> {
  const catalogue = url.startsWith('postgres')
    ? 'SELECT datname AS name FROM pg_database'
    : 'SELECT schema_name AS name FROM information_schema.schemata';
  await onServer(url, async (server) => {
    for (const { name } of await server.query<{ name: string }[]>(catalogue)) {
      if (name.startsWith(`totp_test_${run}_`)) await server.query(dropStatement(url, name));
    }
  });
}

export function dropStatement(url: string, name: string): string {
  return `DROP DATABASE IF EXISTS ${name}${url.startsWith('postgres') ? ' WITH (FORCE)' : ''}`;
}

/** A port that stays free until its server starts: those that systems hand out by themselves begin at 32,768. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_768);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe
        .once('error', () => {
          resolve(false);
        })
        .listen(port, '127.0.0.1', () => {
          resolve(true);
        });
    });
    if (!isFree) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

function reason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reason).join(', ');
  return error instanceof Error ? error.message : String(error);
}
