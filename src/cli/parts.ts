/** The parts of the module that the commands need, over the application's database, without the application. */
import { TOTP_ENTITIES } from '../storage/index.js';
import { TypeOrmTotpAccountStore } from '../storage/typeorm-account-store.js';
import { StoreConnection } from '../storage/sql/connection.js';
import type { TotpSecretCipher } from '../secrets/secret-cipher.js';
import type { TotpAccountStore } from '../storage/account-store.js';
import { TotpEventPublisher } from '../events/publisher.js';
import { checkOptions } from '../module/check-options.js';
import { TotpKeyRotation } from '../operations/key-rotation.js';
import { AccountUpdater } from '../recipe/account-updater.js';
import { DeviceSecrets } from '../recipe/device-secrets.js';
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

/** Changes accounts without telling anybody: the application that has listeners is not here. */
export function updaterOver(store: TotpAccountStore): AccountUpdater {
  return new AccountUpdater(checkOptions({ issuer: 'nestjs-totp' }), store, new NullEventPublisher());
}

export function keyRotationOver(store: TotpAccountStore, cipher: TotpSecretCipher): TotpKeyRotation {
  return new TotpKeyRotation(store, cipher, updaterOver(store), new DeviceSecrets(cipher));
}

class NullEventPublisher extends TotpEventPublisher {
  override publish(): void {
    // No listener runs in this process.
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
