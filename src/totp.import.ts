/** Brings authenticators along from elsewhere: what the readers of `import/` found becomes devices of users. */
import { setImmediate as breathe } from 'node:timers/promises';
import type { ForeignDevice, ForeignDevices, Refusal } from './import/index.js';
import { toBase32 } from './otp/secret.js';
import { TotpArgumentError } from './totp.errors.js';
import type { ImportDeviceAnswer, ImportDeviceInput, RecipeInterface } from './totp.recipe.js';

export interface TotpImportOptions {
  /**
   * Whose a device is: the application's user id, or undefined when it is nobody's. By default the user id that the file tells;
   * key URIs and Google Authenticator's export tell none.
   */
  readonly userIdOf?: (device: ForeignDevice) => string | undefined;
  /** Devices that are imported together, all or none: 1–1,000, default 100. */
  readonly batchSize?: number;
  /** Reports what an import would do, and imports nothing. */
  readonly dryRun?: boolean;
  /** Ends the import before the next batch. */
  readonly signal?: AbortSignal;
  /** Called after each batch. */
  readonly onProgress?: (soFar: Omit<TotpImportReport, 'refused' | 'aborted'>) => void;
}

export interface TotpImportReport {
  /** Devices that were read, those that were refused included. */
  readonly read: number;
  readonly imported: number;
  /** Devices whose secret their user has already: of an earlier run, or twice in the input. */
  readonly alreadyThere: number;
  /** What was not imported, where it stands in the input, and why. It holds no secrets. */
  readonly refused: readonly Refusal[];
  readonly aborted: boolean;
}

/**
 * Imports what a reader found. It may be run again: what is there already is left as it is.
 *
 * A device that cannot be imported is refused by itself; the others of its batch are imported all together or, when the database
 * fails, not at all. A dry run tells beforehand what will be refused.
 *
 * @example
 * const found = readSuperTokensDevices(await readFile('totp_user_devices.csv', 'utf8'));
 * const report = await importForeignDevices(totp, found, { dryRun: true });
 * @param totp a `TotpService`
 * @param found of a reader that reads all at once, or page by page
 * @throws TotpStorageError when the database fails: the batches before are imported, run it again for the rest
 */
export async function importForeignDevices(
  totp: Pick<RecipeInterface, 'importDevices'>,
  found: ForeignDevices | AsyncIterable<ForeignDevices>,
  { userIdOf = ({ userId }) => userId, batchSize = 100, dryRun = false, signal, onProgress }: TotpImportOptions = {},
): Promise<TotpImportReport> {
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 1_000) {
    throw new TotpArgumentError('batchSize must be a whole number from 1 to 1,000');
  }
  const refused: Refusal[] = [];
  let [read, imported, alreadyThere] = [0, 0, 0];

  async function importBatch(batch: readonly ForeignDevice[]): Promise<void> {
    const owned = batch.flatMap((device) => {
      const userId = userIdOf(device);
      if (userId !== undefined) return { device, input: inputOf(device, userId) };
      refused.push({ source: device.source, reason: 'nothing says which user it belongs to' });
      return [];
    });
    const { answers } = await totp.importDevices({ devices: owned.map(({ input }) => input), dryRun });
    answers.forEach((answer, n) => {
      const source = owned[n]?.device.source ?? '';
      if (answer.status === 'OK') imported++;
      else if (answer.status === 'SECRET_ALREADY_EXISTS_ERROR') alreadyThere++;
      else refused.push({ source, reason: whyRefused(answer) });
    });
  }

  for await (const page of pagesOf(found)) {
    refused.push(...page.refused);
    read += page.refused.length;
    for (let first = 0; first < page.devices.length && signal?.aborted !== true; first += batchSize) {
      const batch = page.devices.slice(first, first + batchSize);
      await importBatch(batch);
      read += batch.length;
      onProgress?.({ read, imported, alreadyThere });
      await breathe(); // an SQLite database answers without ever letting timers and sockets have their turn
    }
    if (signal?.aborted === true) break;
  }
  return { read, imported, alreadyThere, refused, aborted: signal?.aborted ?? false };
}

async function* pagesOf(found: ForeignDevices | AsyncIterable<ForeignDevices>): AsyncGenerator<ForeignDevices> {
  if (Symbol.asyncIterator in found) yield* found;
  else yield found;
}

function inputOf(
  { secret, deviceName, algorithm, digits, period, skew }: ForeignDevice,
  userId: string,
): ImportDeviceInput {
  return {
    userId,
    secretKey: toBase32(secret),
    algorithm,
    digits,
    period,
    ...(deviceName === undefined ? {} : { deviceName }),
    ...(skew === undefined ? {} : { skew }),
  };
}

function whyRefused(answer: Exclude<ImportDeviceAnswer, { status: 'OK' | 'SECRET_ALREADY_EXISTS_ERROR' }>): string {
  switch (answer.status) {
    case 'DEVICE_ALREADY_EXISTS_ERROR':
      return 'the user has another verified device of this name';
    case 'DEVICE_LIMIT_REACHED_ERROR':
      return `the user has ${String(answer.maxDevices)} devices already, which is the most`;
    case 'UNREADABLE_DEVICE_ERROR':
      return `the device ${JSON.stringify(answer.deviceName)} of the user does not open, and may have this secret: put its key back, or remove it`;
  }
}
