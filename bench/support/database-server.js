/** The database server of a run: one that an environment variable names, or one that is started for the run. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { loadEmbeddedPostgres, makeServerFolder } from '../../test/support/embedded-postgres.js';

/** What each side may have open at a time: the default of `pg` and of `mysql2`. */
const POOL_SIZE = 10;

const servers = {
  async sqlite() {
    const folder = await mkdtemp(join(tmpdir(), 'totp-bench-'));
    const file = (name) => join(folder, `${name}.sqlite`);
    return {
      ask: (sql) => withConnection({ type: 'better-sqlite3', database: ':memory:' }, sql),
      version: 'SELECT sqlite_version() AS version',
      create: (name) => ({ type: 'better-sqlite3', database: file(name), enableWAL: true }),
      drop: async (name) => {
        for (const suffix of ['', '-wal', '-shm']) await rm(file(name) + suffix, { force: true });
      },
      close: () => rm(folder, { recursive: true, force: true }),
    };
  },

  async postgres() {
    const given = process.env.TOTP_BENCH_POSTGRES_URL;
    const { url, close } = given === undefined ? await startPostgres() : { url: given, close: () => undefined };
    return {
      ...databasesOn('postgres', url, ' WITH (FORCE)'),
      version: 'SHOW server_version',
      settings:
        "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'shared_buffers', 'max_wal_size')",
      close,
    };
  },

  async mariadb() {
    return {
      ...databasesOn('mariadb', process.env.TOTP_BENCH_MARIADB_URL ?? 'mariadb://root@127.0.0.1:3306', ''),
      version: 'SELECT version() AS version',
      settings:
        "SHOW VARIABLES WHERE variable_name IN ('innodb_flush_log_at_trx_commit', 'innodb_buffer_pool_size', 'sync_binlog')",
      close: () => undefined,
    };
  },
};

export const DATABASES = Object.keys(servers);

/**
 * @param kind one of `DATABASES`
 * @returns what the server says of itself; `create`, which makes a database of that name and returns TypeORM's options of it;
 *   `drop`, which removes it; and `close`
 */
export async function openServer(kind) {
  const { ask, version, settings, create, drop, close } = await servers[kind]();
  const [answer] = await ask(version).catch((error) => {
    throw new Error(`No ${kind} answers. Start one, or set TOTP_BENCH_${kind.toUpperCase()}_URL.`, { cause: error });
  });
  const rows = settings === undefined ? [] : await ask(settings);
  return {
    kind,
    version: String(Object.values(answer)[0]),
    settings: Object.fromEntries(rows.map((row) => Object.values(row))),
    create,
    drop,
    close,
  };
}

/** The databases of this run on a server that others may use too. */
export function databasesOn(type, server, force) {
  const prefix = `totp_bench_${randomBytes(3).toString('hex')}`;
  const ask = (sql) => withConnection({ type, url: server }, sql);
  return {
    ask,
    create: async (name) => {
      await ask(`CREATE DATABASE ${prefix}_${name}`);
      const url = new URL(server);
      url.pathname = `/${prefix}_${name}`;
      return { type, url: url.href, poolSize: POOL_SIZE };
    },
    drop: (name) => ask(`DROP DATABASE ${prefix}_${name}${force}`),
  };
}

async function withConnection(options, sql) {
  const server = await new DataSource(options).initialize();
  try {
    return await server.query(sql);
  } finally {
    await server.destroy();
  }
}

async function startPostgres() {
  const folder = makeServerFolder(`totp-bench-${randomBytes(3).toString('hex')}`);
  const EmbeddedPostgres = await loadEmbeddedPostgres(folder);
  const port = await freePort();
  const password = randomBytes(16).toString('hex');
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'postgres'),
    port,
    password,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'unix_socket_directories='],
    onLog: () => undefined,
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    close: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}
