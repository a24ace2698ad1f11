/** Servers and clusters that tests start for themselves, and the faults that these have. */
import { setTimeout } from 'node:timers/promises';
import type { Random } from '../support/random.js';
import { galera, openGalera, type OwnCluster } from './galera.js';
import { kindsOfServer, type OwnServer } from './own-servers.js';
import type { End } from './server-process.js';

/** Its nodes answer from what all of them have committed: otherwise an answer may rest on what another node has replaced already. */
export const consistentGalera = { ...galera, open: () => openGalera({ waitsForReads: true }) };

/** Every server is a cluster, most of one node. */
export const kindsOfCluster = [
  ...kindsOfServer.map(({ open, ...kind }) => ({
    ...kind,
    open: async (): Promise<OwnCluster> => {
      const server = await open();
      return { database: server.database, nodes: [server] };
    },
  })),
  consistentGalera,
];

/** In ms. In the longest, the others of a cluster take a node for dead. */
const PAUSES = [100, 1_000, 7_000] as const;

/** One node is stopped or crashes, and is started again, or pauses for a while. */
export async function disturbServer(nodes: readonly [OwnServer, ...OwnServer[]], random: Random): Promise<void> {
  const node = random.pick(nodes);
  const fault = random.pick<End | 'pauses'>(['is stopped', 'crashes', 'pauses']);
  if (fault === 'pauses') {
    const resume = node.pause();
    await setTimeout(random.pick(PAUSES));
    await resume();
  } else {
    await node.end(fault);
    await node.start();
  }
}
