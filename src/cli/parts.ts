/** The parts of the module that the commands need, over the application's database, without the application. */
import { TOTP_ENTITIES } from '../storage/index.js';
import { TypeOrmTotpAccountStore } from '../storage/typeorm-account-store.js';
import { StoreConnection } from '../storage/sql/connection.js';
import type { TotpSecretCipher } from '../secrets/secret-cipher.js';
import type { TotpAccountStore } from '../storage/account-store.js';
import type { TotpKeyRotation } from '../operations/key-rotation.js';
import { BadUsage } from './bad-usage.js';
import { loadCipher, openDataSource } from './files.js';
import type { Progress } from './terminal.js';

export interface Sources {
  /** Of the data source. */
  readonly dataSource: string;
  /** Of the keys. */
  readonly secrets: string;
}

/** Opens the database for a command, and closes it whatever comes of the command. */
export async function withStore<T>(
  sources: Sources,
  command: (store: TotpAccountStore, cipher: TotpSecretCipher) => Promise<T>,
): Promise<T> {
  const cipher = await loadCipher(sources.secrets);
  const dataSource = await openDataSource(sources.dataSource);
  const connection = new StoreConnection(dataSource, TOTP_ENTITIES);
  try {
    return await command(new TypeOrmTotpAccountStore(await connection.open()), cipher);
  } finally {
    await connection.onApplicationShutdown();
    await dataSource.destroy();
  }
}

/** A key that was put under another's id opens nothing, and what it would seal the application could not open. */
export async function refuseWrongKeys(keys: TotpKeyRotation): Promise<void> {
  const wrong = await keys.wrongKeys();
  if (wrong.length === 0) return;
  throw new BadUsage(
    `These keys do not open what is sealed under their names: ${wrong.join(', ')}. Put them back; of a lost one, write "lost" as the key.`,
  );
}

/**
 * A signal that Ctrl+C gives: the command ends after what it has in hand, and tells how far it came. A second one ends it at once; so
 * the progress ends with the first, and leaves the terminal as it was.
 */
export function interruption(progress: Progress): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => {
    progress.stop();
    controller.abort();
  });
  return controller.signal;
}
