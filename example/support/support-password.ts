/** The password of the support desk: `EXAMPLE_SUPPORT_PASSWORD`, or one that is made once and kept in the data folder. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataFolder } from '../database.js';

export function supportPassword(): string {
  const given = process.env.EXAMPLE_SUPPORT_PASSWORD ?? '';
  if (given !== '') return given;
  const file = join(dataFolder(), 'support-password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(9).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8');
}

export function isSupportPassword(typed: string): boolean {
  const [one, other] = [typed, supportPassword()].map((text) => createHash('sha256').update(text).digest());
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}
