/** better-auth with its two-factor plugin, on Node's own server: as its documentation sets it up, with the same pool as everybody. */
import { createServer } from 'node:http';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { twoFactor } from 'better-auth/plugins';
import { serve, settings } from './process.js';

const { database } = settings;
const options = {
  appName: 'Bench',
  baseURL: 'http://127.0.0.1',
  secret: 'nothing of this run is a secret: everything is made up',
  database: await openDatabase(database),
  // Passwords are signed in with before each round, which is not measured: a real hash would only take long.
  emailAndPassword: {
    enabled: true,
    password: { hash: async (password) => password, verify: async ({ hash, password }) => hash === password },
  },
  plugins: [twoFactor({ skipVerificationOnEnable: true })],
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  advanced: { disableOriginCheck: true, disableCSRFCheck: true },
};
const { runMigrations } = await getMigrations(options);
await runMigrations();

const server = createServer(toNodeHandler(betterAuth(options)));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
serve({ url: `http://127.0.0.1:${server.address().port}` }, { close: () => server.closeAllConnections() });

async function openDatabase({ type, url, poolSize, database }) {
  if (type === 'postgres') {
    const { default: pg } = await import('pg');
    return new pg.Pool({ connectionString: url, max: poolSize });
  }
  if (type === 'mariadb') {
    const { createPool } = await import('mysql2/promise');
    return createPool({ uri: url.replace(/^mariadb:/, 'mysql:'), connectionLimit: poolSize, timezone: 'Z' });
  }
  const { default: Database } = await import('better-sqlite3');
  return new Database(database);
}
