/** Database servers that a test starts for itself, since it stops them too. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { onServer } from '../support/database-servers.js';
import type { OpenDatabase } from '../support/databases.js';
import { loadEmbeddedPostgres } from '../support/embedded-postgres.js';
import { MARIADBD, MariaDbServer } from './mariadb-server.js';
import { type End, place } from './server-process.js';

export interface OwnServer {
  /** A database on it, which goes with it. */
  readonly database: OpenDatabase;
  end(how: End): Promise<void>;
  start(): Promise<void>;
  /** Stops all its work. @returns what lets it continue */
  pause(): () => void;
}

export interface KindOfServer {
  readonly name: string;
  /** Why there cannot be one here. */
  readonly isMissing?: string;
  readonly open: () => Promise<OwnServer>;
}

/** Those that are here, and all of them when tests must not be skipped. Names the others. */
export function presentOf<T extends Pick<KindOfServer, 'name' | 'isMissing'>>(kinds: readonly T[]): readonly T[] {
  if (process.env.TOTP_TEST_REQUIRE_ALL === '1') return kinds;
  for (const { name, isMissing } of kinds) {
    if (isMissing !== undefined) process.stderr.write(`Tests skipped on ${name}: ${isMissing}.\n`);
  }
  return kinds.filter(({ isMissing }) => isMissing === undefined);
}

export const kindsOfServer: readonly KindOfServer[] = [
  { name: 'PostgreSQL', open: openPostgres },
  {
    name: 'MariaDB',
    ...(MARIADBD === undefined ? { isMissing: 'there is no mariadbd (Debian: mariadb-server-core)' } : {}),
    open: openMariaDb,
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
  const mainProcess = () => Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const end = async (how: End) => {
    if (how === 'is stopped') return server.stop();
    // "Immediate shutdown": what a crash of one of its processes leads to as well.
    const pid = mainProcess();
    process.kill(pid, 'SIGQUIT');
    while (isRunning(pid)) await setTimeout(5);
  };
  const pause = () => {
    const main = mainProcess();
    // The main process first: it starts the others.
    process.kill(main, 'SIGSTOP');
    const children = execFileSync('pgrep', ['-P', String(main)], { encoding: 'utf8' });
    const processes = [...children.trim().split('\n').map(Number), main];
    signal(processes, 'SIGSTOP');
    return () => {
      signal(processes, 'SIGCONT');
    };
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
    pause,
  };
}

async function openMariaDb(): Promise<OwnServer> {
  const server = await MariaDbServer.prepare({ user: 'root', flags: [], readyWords: 'ready for connections' });
  await server.start();
  await onServer(server.url, (connection) => connection.query('CREATE DATABASE totp'));
  return {
    database: { options: server.options, drop: () => server.drop() },
    start: () => server.start(),
    end: (how) => server.end(how),
    pause: () => server.pause(),
  };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** One may have ended meanwhile. */
function signal(processes: readonly number[], name: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of processes) if (isRunning(pid)) process.kill(pid, name);
}
