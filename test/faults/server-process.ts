/** What tests need that start servers: programs, places and signs of life. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from '../support/database-servers.js';

/** `is stopped`: it ends connections, and then itself. `crashes`: it is gone at once, and has to recover later. */
export type End = 'is stopped' | 'crashes';

/** The path of a program, also in folders that are on the PATH of root only. */
export function pathOf(program: string): string | undefined {
  return ['/usr/sbin', '/usr/local/sbin', ...(process.env.PATH ?? '').split(delimiter)]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
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
export async function place(): Promise<{ folder: string; port: number }> {
  const folder = join(process.env.TOTP_TEST_FOLDER ?? tmpdir(), `server-${randomBytes(6).toString('hex')}`);
  await mkdir(folder, { recursive: true });
  return { folder, port: await freePort() };
}
