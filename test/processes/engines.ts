/** The databases that the bursts run on: each as it is, and as servers are also run, at other isolation levels and behind a pooler. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { galera, openGalera } from '../faults/galera.js';
import { kindsOfServer } from '../faults/own-servers.js';
import { pathOf, readiness } from '../faults/server-process.js';
import { connect } from '../storage/tables.js';
import { freePort, onServer } from '../support/database-servers.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { openPGlite } from '../support/embedded-engines.js';

export interface Engine {
  readonly name: string;
  /** Whether every event is stored in the outbox, those of codes too. */
  readonly outbox: boolean;
  /** Why there cannot be one here. */
  readonly isMissing?: string;
  readonly open: () => Promise<OpenDatabase>;
}

const PGBOUNCER = pathOf('pgbouncer');

/** PostgreSQL sets the level for a database, MariaDB for a server. */
const LEVELS = {
  PostgreSQL: ['REPEATABLE READ', 'SERIALIZABLE'],
  MariaDB: ['READ COMMITTED', 'SERIALIZABLE'],
} as const;

export const engines: readonly Engine[] = [
  ...databases.map((database) => ({ ...database, outbox: false })),
  ...databases.map(({ name, open }) => ({ name: `${name}, outbox`, outbox: true, open })),
  ...databases
    .filter(({ name }) => name === 'PostgreSQL')
    .flatMap(({ open }) => [
      ...LEVELS.PostgreSQL.map((level) => ({
        name: `PostgreSQL, outbox, ${level}`,
        outbox: true,
        open: () => postgresAt(level, open),
      })),
      {
        name: 'PostgreSQL, outbox, PgBouncer',
        outbox: true,
        ...(PGBOUNCER === undefined ? { isMissing: 'there is no pgbouncer (Debian: pgbouncer)' } : {}),
        open: () => behindPgBouncer(PGBOUNCER ?? '', open),
      },
    ]),
  ...kindsOfServer
    .filter(({ name }) => name === 'MariaDB')
    .flatMap(({ isMissing, open }) =>
      LEVELS.MariaDB.map((level) => ({
        name: `MariaDB, outbox, ${level}`,
        outbox: true,
        ...(isMissing === undefined ? {} : { isMissing }),
        open: async () => {
          const { database } = await open();
          const { url } = addressOf(database);
          await onServer(url, (server) => server.query(`SET GLOBAL TRANSACTION ISOLATION LEVEL ${level}`));
          return database;
        },
      })),
    ),
  ...databases
    .filter(({ name }) => name !== 'SQLite')
    .map(({ name, open }) => ({
      name: `${name}, outbox, a replica that lags`,
      outbox: true,
      open: () => withReplicaThatLags(open),
    })),
  { name: 'PGlite, outbox', outbox: true, open: openPGlite },
  {
    ...galera,
    name: `${galera.name}, outbox, three writers`,
    outbox: true,
    // Nodes may read what is not the newest: whatever is decided on that must not be committed.
    open: async () => (await openGalera({ waitsForReads: false })).database,
  },
];

async function postgresAt(level: string, open: () => Promise<OpenDatabase>): Promise<OpenDatabase> {
  const database = await open();
  const { url, database: name } = addressOf(database);
  await onServer(url, (server) =>
    server.query(`ALTER DATABASE "${name}" SET default_transaction_isolation = '${level.toLowerCase()}'`),
  );
  return database;
}

/** In transaction mode: each statement may go to another of its connections, of which there are fewer than the processes open. */
async function behindPgBouncer(path: string, open: () => Promise<OpenDatabase>): Promise<OpenDatabase> {
  const database = await open();
  const { host, port, username, password, database: name } = addressOf(database);
  const folder = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
  const ownPort = await freePort();
  const settings = [
    '[databases]',
    `${name} = host=${host} port=${port} user=${username}${password === '' ? '' : ` password='${password}'`}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${ownPort}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 6',
    'ignore_startup_parameters = extra_float_digits',
    '',
  ];
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, settings.join('\n'));
  // It refuses to run as root, and then has to read its file as somebody else.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chmod(folder, 0o755);
  const pooler = spawn(path, [...(isRoot ? ['-u', 'nobody'] : []), file], { stdio: ['ignore', 'ignore', 'pipe'] });
  await readiness(pooler, 'PgBouncer', 'process up');
  return {
    options: { ...database.options, host: '127.0.0.1', port: ownPort } as OpenDatabase['options'],
    drop: async () => {
      const exit = once(pooler, 'exit');
      pooler.kill('SIGKILL');
      await exit;
      await rm(folder, { recursive: true, force: true });
      await database.drop();
    },
  };
}

/** TypeORM's `replication`, with a replica that has the tables and has received no row yet. */
async function withReplicaThatLags(open: () => Promise<OpenDatabase>): Promise<OpenDatabase> {
  const [primary, replica] = [await open(), await open()];
  const dataSource = await connect(replica);
  await dataSource.runMigrations();
  await dataSource.destroy();
  const replication = { master: addressOf(primary), slaves: [addressOf(replica)] };
  return {
    options: primary.options,
    writers: [{ type: primary.options.type, replication } as OpenDatabase['options']],
    drop: async () => {
      await primary.drop();
      await replica.drop();
    },
  };
}

/** Where the server of a database is, and the database's name. */
function addressOf({ options }: OpenDatabase) {
  if (!('host' in options)) throw new Error('There is no server of an SQLite file.');
  const { type, host = '', port = 0, username = '', password, database = '' } = options;
  const secret = typeof password === 'string' ? password : '';
  const protocol = type === 'postgres' ? 'postgres' : 'mysql';
  const url = `${protocol}://${username}:${encodeURIComponent(secret)}@${host}:${String(port)}/${database}`;
  return { host, port, username, password: secret, database, url };
}
