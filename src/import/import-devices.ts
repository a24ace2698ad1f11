/** Brings authenticators along from elsewhere: what the readers of `import/` found becomes devices of users. */
import { createHash } from 'node:crypto';
import type { ForeignDevice, ForeignDevices, Refusal } from './index.js';
import { hmacKey, toBase32 } from '../otp/secret.js';
import { userIdProblem } from '../recipe/arguments.js';
import { TotpArgumentError } from '../shared/errors.js';
import { yieldToEventLoop } from '../shared/timers.js';
import type { ImportDeviceAnswer, ImportDeviceInput, RecipeInterface } from '../recipe/recipe-interface.js';

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
  readonly onProgress?: (soFar: Pick<TotpImportReport, 'read' | 'imported' | 'alreadyThere'>) => void;
}

export interface TotpImportReport {
  /** Devices that were read, those that were refused included. */
  readonly read: number;
  readonly imported: number;
  /** Devices whose secret their user has already: of an earlier run, or twice in the input. */
  readonly alreadyThere: number;
  /** What was not imported, where it stands in the input, and why. It holds no secrets. */
  readonly refused: readonly Refusal[];
  /**
   * Devices whose secret another user of this run has too: whoever holds one of them answers for both. They are imported, and are
   * a mistake of the export more often than not.
   */
  readonly shared: readonly Refusal[];
  /** Whether `signal` ended it, with something left to do. */
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
  const shared: Refusal[] = [];
  /** Who has each HMAC key, by its hash: the first of this run. */
  const holders = new Map<string, { readonly userId: string; readonly source: string }>();
  let [read, imported, alreadyThere] = [0, 0, 0];

  async function importBatch(batch: readonly ForeignDevice[]): Promise<void> {
    const owned: { source: string; input: ImportDeviceInput }[] = [];
    for (const device of batch) {
      const { source } = device;
      const userId = userIdOf(device) ?? '';
      const problem = userId === '' ? 'nothing says which user it belongs to' : userIdProblem(userId, 'the user id');
      if (problem === undefined) {
        owned.push({ source, input: inputOf(device, userId) });
        compareWithOthers(device, userId);
      } else refused.push({ source, reason: problem });
    }
    const { answers } = await totp.importDevices({ devices: owned.map(({ input }) => input), dryRun });
    answers.forEach((answer, n) => {
      const source = owned[n]?.source ?? '';
      if (answer.status === 'OK') imported++;
      else if (answer.status === 'SECRET_ALREADY_EXISTS_ERROR') alreadyThere++;
      else refused.push({ source, reason: whyRefused(answer) });
    });
  }

  function compareWithOthers(device: ForeignDevice, userId: string): void {
    const { source } = device;
    const hash = createHash('sha256').update(hmacKey(device)).digest('base64');
    const holder = holders.get(hash);
    if (holder === undefined) holders.set(hash, { userId, source });
    else if (holder.userId !== userId) {
      shared.push({ source, reason: `has the secret of ${holder.source}, which is of another user` });
    }
  }

  const report = (aborted: boolean) => ({ read, imported, alreadyThere, refused, shared, aborted });
  for await (const page of pagesOf(found)) {
    for (const refusal of page.refused) refused.push(refusal); // there may be more than a call has room for
    read += page.refused.length;
    for (let first = 0; first < page.devices.length; first += batchSize) {
      if (signal?.aborted === true) return report(true);
      const batch = page.devices.slice(first, first + batchSize);
      await importBatch(batch);
      read += batch.length;
      onProgress?.({ read, imported, alreadyThere });
      await yieldToEventLoop();
    }
  }
  return report(false);
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
