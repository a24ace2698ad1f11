/** The key that signs the session cookie: `SESSION_SECRET`, or one that is made once and kept in the data folder. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataFolder } from '../database.js';

export function sessionSecret(): string {
  const given = process.env.SESSION_SECRET ?? '';
  if (given !== '') return given;
  const file = join(dataFolder(), 'session-secret');
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8');
}
