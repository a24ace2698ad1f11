/** Engines that stand in for SQLite and PostgreSQL: libSQL by its driver, and PGlite behind a socket. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import Libsql from 'libsql';
import { freePort } from './database-servers.js';
import { databases, type OpenDatabase } from './databases.js';

const PGLITE_SERVER = join(
  import.meta.dirname,
  '../../node_modules/@electric-sql/pglite-socket/dist/scripts/server.js',
);

async function openLibsql(): Promise<OpenDatabase> {
  const database = await databases[0].open();
  return { ...database, options: { ...database.options, driver: Libsql } as OpenDatabase['options'] };
}

/** PGlite runs one statement at a time, whichever connection it comes from. */
export async function openPGlite(): Promise<OpenDatabase> {
  const port = await freePort();
  const server = spawn(process.execPath, [PGLITE_SERVER, `--port=${port}`, '--max-connections=100'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(server, 'exit');
  for await (const line of createInterface(server.stdout)) if (line.includes('listening')) break;
  // What it prints later would fill the pipe.
  server.stdout.resume();
  return {
    options: { type: 'postgres', host: '127.0.0.1', port, username: 'postgres', database: 'postgres', poolSize: 1 },
    drop: async () => {
      server.kill('SIGKILL');
      await exit;
    },
  };
}

/** They keep the contracts of the module's ports, within one process. */
export const embeddedEngines = [
  { name: 'libSQL', open: openLibsql },
  { name: 'PGlite', open: openPGlite },
];
