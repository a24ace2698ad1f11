/** Database servers that a test starts for itself, since it stops them too. */
import { onServer } from '../support/database-servers.js';
import type { OpenDatabase } from '../support/databases.js';
import { MARIADBD, MariaDbServer } from './mariadb-server.js';
import { PostgresServer } from './postgres-server.js';
import type { End } from './server-process.js';

export interface OwnServer {
  /** A database on it, which goes with it. */
  readonly database: OpenDatabase;
  end(how: End): Promise<void>;
  start(): Promise<void>;
  /** Stops all its work. @returns what lets it continue, and resolves when it does */
  pause(): () => void | Promise<void>;
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
  {
    name: 'PostgreSQL',
    open: async () => {
      const server = await PostgresServer.prepare();
      await server.start();
      return asOwnServer(server);
    },
  },
  {
    name: 'MariaDB',
    ...(MARIADBD === undefined ? { isMissing: 'there is no mariadbd (Debian: mariadb-server-core)' } : {}),
    open: async () => {
      const server = await MariaDbServer.prepare({ user: 'root', flags: [], readyWords: 'ready for connections' });
      await server.start();
      await onServer(server.url, (connection) => connection.query('CREATE DATABASE totp'));
      return asOwnServer(server);
    },
  },
];

export function asOwnServer(server: PostgresServer | MariaDbServer): OwnServer {
  return {
    database: server,
    start: () => server.start(),
    end: (how) => server.end(how),
    pause: () => server.pause(),
  };
}
