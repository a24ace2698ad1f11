/** `nestjs-totp-cli keys` and `nestjs-totp-cli keys generate`. */
import { randomBytes } from 'node:crypto';
import type { TotpKeyUse } from 'nestjs-totp';
import { type Sources, withApplication } from './application.js';
import { print, table } from './terminal.js';

const MEANING = {
  current: 'used for new secrets',
  old: 'still needed to decrypt; run rotate-keys to retire it',
  missing: 'missing: put it back, or these users cannot sign in',
  unknown: 'not recorded yet; run rotate-keys to record it',
} as const satisfies Record<TotpKeyUse['state'], string>;

export async function listKeys({ json, ...sources }: Sources & { readonly json?: boolean }): Promise<void> {
  await withApplication(sources, async ({ keyRotation, cipher }) => {
    const keys = await keyRotation.keys();
    const unused = (cipher.keyIds ?? []).filter((id) => keys.every(({ keyId }) => keyId !== id));
    if (json === true) {
      print(JSON.stringify({ keys, unused }, null, 2));
    } else {
      print(describeKeys(keys, unused, cipher.currentKeyId));
    }
    if (keys.some(({ state }) => state === 'missing')) process.exitCode = 1;
  });
}

export function describeKeys(keys: readonly TotpKeyUse[], unused: readonly string[] = [], current?: string): string {
  const rows = [
    // Ids are read from the database and may contain anything.
    ...keys.map(
      ({ keyId, users, state }) =>
        [/^[a-z0-9-]+$/.test(keyId) ? keyId : JSON.stringify(keyId), users, MEANING[state]] as const,
    ),
    ...unused.map((keyId) => [keyId, 0, keyId === current ? MEANING.current : 'not in use'] as const),
  ];
  return rows.length === 0 ? 'No secrets are stored.' : table(['key', 'users', ''], rows);
}

export function generateKey(): void {
  print(randomBytes(32).toString('base64'));
  process.stderr.write(
    'Keep it outside the database and the code. Add it to secrets.keys in every process before you make it current in one.\n',
  );
}
