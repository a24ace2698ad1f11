/** A MariaDB Galera cluster of three servers that all take writes, which a test starts for itself. */
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { freePort, onServer } from '../support/database-servers.js';
import type { OpenDatabase } from '../support/databases.js';
import { MARIADBD, MariaDbServer } from './mariadb-server.js';
import { asOwnServer, type KindOfServer, type OwnServer } from './own-servers.js';
import { pathOf } from './server-process.js';

export interface OwnCluster {
  /** To which all nodes write. */
  readonly database: OpenDatabase;
  readonly nodes: readonly [OwnServer, ...OwnServer[]];
}

const PROVIDER = ['/usr/lib/galera/libgalera_smm.so', '/usr/lib64/galera-4/libgalera_smm.so'].find((path) =>
  existsSync(path),
);
/**
 * In seconds. When calls at several nodes write one row, a node sometimes waits for itself until this time is over. The default is 50 s.
 */
const LOCK_WAIT_TIMEOUT_S = 10;

/** How long the nodes may take to find each other on a busy machine. */
const PATIENCE_MS = 60_000;

const isThere = MARIADBD !== undefined && PROVIDER !== undefined && pathOf('rsync') !== undefined;

/** Its name, and why there cannot be one here. */
export const galera: Pick<KindOfServer, 'name' | 'isMissing'> = {
  name: 'MariaDB Galera',
  ...(isThere ? {} : { isMissing: 'there is no Galera (Debian: mariadb-server, galera-4 and rsync)' }),
};

/** @param waitsForReads whether a node that is read first applies what the others have committed (`wsrep_sync_wait`) */
export async function openGalera({ waitsForReads }: { waitsForReads: boolean }): Promise<OwnCluster> {
  const [first, ...others] = await prepare(waitsForReads);
  const servers = [first, ...others];
  await first.start('--wsrep-new-cluster');
  await Promise.all(others.map((server) => server.start()));
  await onServer(first.url, (connection) => connection.query('CREATE DATABASE totp'));

  const ready = () => servers.filter(({ isReady }) => isReady);
  /** Resolves when the nodes that are ready agree on who they are. Before, they let nobody join, and the loss of another could end the cluster. */
  const regroup = async () => {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (const { url } of ready()) {
      while ((await sizeSeenBy(url)) !== ready().length) {
        if (performance.now() > giveUpAt) throw new Error('The nodes of the cluster do not find each other.');
        await setTimeout(50);
      }
    }
  };
  const drop = async () => {
    await Promise.all(servers.map((server) => server.drop()));
  };
  const settle = async () => {
    await Promise.all(ready().map(catchUp));
  };
  const node = (server: MariaDbServer): OwnServer => ({
    ...asOwnServer(server),
    start: async () => {
      await server.start();
      await regroup();
    },
    end: async (how) => {
      await server.end(how);
      await regroup();
    },
    pause: () => {
      const resume = server.pause();
      return async () => {
        resume();
        await regroup();
      };
    },
  });
  return {
    database: { options: first.options, writers: servers.map(({ options }) => options), settle, drop },
    nodes: [node(first), ...others.map(node)],
  };
}

async function prepare(waitsForReads: boolean): Promise<[MariaDbServer, ...MariaDbServer[]]> {
  const groupPorts = [await freePort(), await freePort(), await freePort()];
  const addresses = groupPorts.map((port) => `127.0.0.1:${port}`).join(',');
  const node = async (groupPort: number | undefined) =>
    MariaDbServer.prepare({
      // It sends its files to others by rsync, which as root could not read them.
      user: 'mysql',
      flags: [
        '--wsrep-on=ON',
        `--wsrep-provider=${PROVIDER ?? ''}`,
        `--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:${groupPort};ist.recv_addr=127.0.0.1:${await freePort()};pc.announce_timeout=PT1S;gcache.size=16M`,
        `--wsrep-cluster-address=gcomm://${addresses}`,
        '--wsrep-node-address=127.0.0.1',
        '--wsrep-sst-method=rsync',
        `--wsrep-sst-receive-address=127.0.0.1:${await freePort()}`,
        `--wsrep-sync-wait=${waitsForReads ? 1 : 0}`,
        '--binlog-format=ROW',
        '--innodb-autoinc-lock-mode=2',
        `--innodb-lock-wait-timeout=${LOCK_WAIT_TIMEOUT_S}`,
      ],
      readyWords: 'Synchronized with group, ready for connections',
    });
  return [await node(groupPorts[0]), await node(groupPorts[1]), await node(groupPorts[2])];
}

/** Undefined while the node does not answer, since it is not in the cluster. */
async function sizeSeenBy(url: string): Promise<number | undefined> {
  try {
    const rows = await onServer(url, (connection) =>
      connection.query<{ Value: string }[]>("SHOW STATUS LIKE 'wsrep_cluster_size'"),
    );
    return Number(rows[0]?.Value);
  } catch {
    return undefined;
  }
}

/** Resolves when a node has applied everything that any of them has committed. */
async function catchUp(server: MariaDbServer): Promise<void> {
  while (server.isReady) {
    try {
      await onServer(server.url, (connection) => connection.query('SET STATEMENT wsrep_sync_wait = 1 FOR SELECT 1'));
      return;
    } catch {
      // It refuses while it is not in the cluster.
      await setTimeout(50);
    }
  }
}
