/** The keys that authenticators' secrets are sealed with: made at the first start, and kept in a file next to the database. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TotpSealingKeys } from 'nestjs-totp';
import { dataFolder } from './database.js';

/** In production they come from a secrets manager, and never lie next to the database. */
export function totpKeys(): TotpSealingKeys {
  const file = join(dataFolder(), 'totp-keys.json');
  if (!existsSync(file)) {
    const id = randomBytes(4).toString('hex');
    const keys = { current: id, keys: { [id]: randomBytes(32).toString('base64') } };
    writeFileSync(file, JSON.stringify(keys, null, 2), { mode: 0o600, flag: 'wx' });
  }
  // Data of a version of this example that kept secrets in plain text is taken along.
  return { ...(JSON.parse(readFileSync(file, 'utf8')) as TotpSealingKeys), acceptPlainText: true };
}
