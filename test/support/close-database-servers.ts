import { type CloseServers } from './database-servers.js';

/** Jest's `globalTeardown`. */
export default async function globalTeardown(): Promise<void> {
  const { closeTotpTestServers } = globalThis as { closeTotpTestServers?: CloseServers };
  await closeTotpTestServers?.();
}
