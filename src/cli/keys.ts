/** `nestjs-totp keys` and `nestjs-totp keys generate`. */
import { randomBytes } from 'node:crypto';
import { isKeyId } from '../secrets/key-ring.js';
import type { TotpKeyUse } from '../operations/key-rotation.js';
import { keyRotationOver, type Sources, withStore } from './parts.js';
import { print, table } from './terminal.js';

const MEANING = {
  current: 'seals what is new',
  old: 'opens what it sealed; rotate-keys makes it superfluous',
  missing: 'missing: put it back, or these users cannot sign in',
  unknown: 'not noted yet: rotate-keys finds out',
} as const satisfies Record<TotpKeyUse['state'], string>;

export async function listKeys({ json, ...sources }: Sources & { readonly json?: boolean }): Promise<void> {
  await withStore(sources, async (store, cipher) => {
    const keys = await keyRotationOver(store, cipher).keys();
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
    // Ids come from the database, where anything may stand.
    ...keys.map(
      ({ keyId, users, state }) => [isKeyId(keyId) ? keyId : JSON.stringify(keyId), users, MEANING[state]] as const,
    ),
    ...unused.map((keyId) => [keyId, 0, keyId === current ? MEANING.current : 'no row uses it'] as const),
  ];
  return rows.length === 0 ? 'No secrets are stored.' : table(['key', 'users', ''], rows);
}

export function generateKey(): void {
  print(randomBytes(32).toString('base64'));
  process.stderr.write(
    'Keep it outside of the database and of the code. Every process needs it in secrets.keys before one makes it current.\n',
  );
}
