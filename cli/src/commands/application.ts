/** Opens what the commands work on: the application's database, with its keys. */
import { openTotp, type StandaloneTotp, type TotpKeyRotation, type TotpSecretCipher } from 'nestjs-totp';
import { BadUsage } from './bad-usage.js';
import { loadCipher, openDataSource } from './files.js';
import type { Progress } from './terminal.js';

export interface Sources {
  /** The file with the data source. */
  readonly dataSource: string;
  /** The file with the keys. */
  readonly secrets: string;
}

export interface Application extends Pick<StandaloneTotp, 'totp' | 'keyRotation'> {
  readonly cipher: TotpSecretCipher;
}

/** Opens the database for a command, and closes it even if the command fails. */
export async function withApplication<T>(
  sources: Sources,
  command: (application: Application) => Promise<T>,
  options: { readonly maxDevices?: number } = {},
): Promise<T> {
  const cipher = await loadCipher(sources.secrets);
  const dataSource = await openDataSource(sources.dataSource);
  try {
    const { close, ...services } = await openTotp(dataSource, { ...options, cipher });
    return await command({ ...services, cipher }).finally(close);
  } finally {
    await dataSource.destroy();
  }
}

/** A key under another key's id decrypts nothing, and the application could not decrypt what it encrypts. */
export async function refuseWrongKeys(keys: TotpKeyRotation): Promise<void> {
  const wrong = await keys.wrongKeys();
  if (wrong.length === 0) return;
  throw new BadUsage(
    `These keys do not decrypt the secrets stored under their ids: ${wrong.join(', ')}. Put the right keys back. If a key is lost, write "lost" in its place.`,
  );
}

/**
 * A signal for Ctrl+C: the command stops after the batch at hand and reports how far it came. A second Ctrl+C kills it, so the
 * progress bar stops at the first one and leaves the terminal intact.
 */
export function interruption(progress: Progress): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => {
    progress.stop();
    controller.abort();
  });
  return controller.signal;
}
