/** The key that signs the session cookie: `SESSION_SECRET`, or one that is made once and kept in the data folder. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataFolder } from '../database.js';

export function sessionSecret(): string {
  const given = process.env.SESSION_SECRET ?? '';
  if (given !== '') return given;
  const file = join(dataFolder(), 'session-secret');
  try {
    // `wx`: of two processes that start together, one makes the key and both read it.
    writeFileSync(file, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return readFileSync(file, 'utf8');
}
