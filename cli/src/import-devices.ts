/** Imports what the readers found: each device becomes a verified device of its user. */
import { createHash } from 'node:crypto';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import {
  hmacKey,
  type ImportDeviceAnswer,
  type ImportDeviceInput,
  type RecipeInterface,
  toBase32,
  TotpArgumentError,
  userIdProblem,
} from 'nestjs-totp';
import type { ForeignDevice, ForeignDevices, Refusal } from './readers/foreign-device.js';

const STATUSES_AT_A_TIME = 500;

export interface TotpImportOptions {
  /**
   * The application's id of the user whose device this is; undefined to refuse the device. By default the user id in the file:
   * key URIs and Google Authenticator's export contain none.
   */
  readonly userIdOf?: (device: ForeignDevice) => string | undefined;
  /** Devices that are imported in one transaction: 1–1,000, default 100. */
  readonly batchSize?: number;
  /** Reports what an import would do, without importing anything. */
  readonly dryRun?: boolean;
  /** Stops the import before the next batch. */
  readonly signal?: AbortSignal;
  /** Called after each batch. */
  readonly onProgress?: (soFar: Pick<TotpImportReport, 'read' | 'imported' | 'alreadyThere'>) => void;
}

export interface TotpImportReport {
  /** Devices that were read, including refused ones. */
  readonly read: number;
  readonly imported: number;
  /** Devices whose secret their user already has: from an earlier run, or listed twice in the input. */
  readonly alreadyThere: number;
  /** Devices that were not imported: their place in the input, and the reason. It contains no secrets. */
  readonly refused: readonly Refusal[];
  /**
   * Devices whose secret another user of this run has too, so that one authenticator signs in as both. They are imported, but
   * usually the export is wrong.
   */
  readonly shared: readonly Refusal[];
  /**
   * Users whose devices were all refused, and who have no other verified device. Under `enrolment: 'optional'`, `TotpGuard` lets them pass
   * without a code: the import has cost them their second factor.
   */
  readonly unprotected: readonly string[];
  /** What was not read as it was written, and does not change the codes. */
  readonly notes: readonly Refusal[];
  /** Whether `signal` stopped the import before its end. */
  readonly aborted: boolean;
}

/**
 * Imports what a reader found. It may be run again: devices that were already imported are left as they are.
 *
 * A device that cannot be imported is refused, and the rest of its batch is imported. If the database fails, nothing of that
 * batch is imported. A dry run reports beforehand what will be refused.
 *
 * @example
 * const found = readSuperTokensDevices(await readFile('totp_user_devices.csv', 'utf8'));
 * const report = await importForeignDevices(totp, found, { dryRun: true });
 * @param totp a `TotpService`
 * @param found the result of a reader, or its pages
 * @throws TotpStorageError if the database fails: earlier batches are imported, so run it again for the rest
 */
export async function importForeignDevices(
  totp: Pick<RecipeInterface, 'importDevices' | 'getStatuses'>,
  found: ForeignDevices | AsyncIterable<ForeignDevices>,
  { userIdOf = ({ userId }) => userId, batchSize = 100, dryRun = false, signal, onProgress }: TotpImportOptions = {},
): Promise<TotpImportReport> {
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 1_000) {
    throw new TotpArgumentError('batchSize must be a whole number from 1 to 1,000');
  }
  const refused: Refusal[] = [];
  const shared: Refusal[] = [];
  const notes: Refusal[] = [];
  /** Who has each HMAC key, by its hash: the first of this run. */
  const holders = new Map<string, { readonly userId: string; readonly source: string }>();
  /** Users of refused devices, but for those with a device that was imported, or would be. */
  const atRisk = new Set<string>();
  const withDevice = new Set<string>();
  let [read, imported, alreadyThere] = [0, 0, 0];

  function refuse(refusal: Refusal): void {
    refused.push(refusal);
    if (refusal.userId !== undefined) atRisk.add(refusal.userId);
  }

  async function importBatch(batch: readonly ForeignDevice[]): Promise<void> {
    const owned: { source: string; input: ImportDeviceInput }[] = [];
    for (const device of batch) {
      const { source } = device;
      for (const reason of device.notes ?? []) notes.push({ source, reason });
      const userId = userIdOf(device) ?? '';
      const problem = userId === '' ? 'the user it belongs to is unknown' : userIdProblem(userId, 'the user id');
      if (problem === undefined) {
        owned.push({ source, input: inputOf(device, userId) });
        compareWithOthers(device, userId);
      } else refuse({ source, reason: problem });
    }
    const { answers } = await totp.importDevices({ devices: owned.map(({ input }) => input), dryRun });
    answers.forEach((answer, n) => {
      const { source = '', input } = owned[n] ?? {};
      const userId = input?.userId ?? '';
      switch (answer.status) {
        case 'OK':
          imported++;
          withDevice.add(userId);
          break;
        case 'SECRET_ALREADY_EXISTS_ERROR':
          alreadyThere++;
          withDevice.add(userId);
          break;
        default:
          refuse({ source, reason: whyRefused(answer), userId });
      }
    });
  }

  function compareWithOthers(device: ForeignDevice, userId: string): void {
    const { source } = device;
    const hash = createHash('sha256').update(hmacKey(device)).digest('base64');
    const holder = holders.get(hash);
    if (holder === undefined) holders.set(hash, { userId, source });
    else if (holder.userId !== userId) {
      shared.push({ source, reason: `has the same secret as ${holder.source}, which belongs to another user` });
    }
  }

  async function report(aborted: boolean): Promise<TotpImportReport> {
    const users = [...atRisk].filter((userId) => !withDevice.has(userId));
    const unprotected = await withoutVerifiedDevice(totp, users);
    return { read, imported, alreadyThere, refused, unprotected, shared, notes, aborted };
  }
  for await (const page of pagesOf(found)) {
    page.refused.forEach(refuse);
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

async function withoutVerifiedDevice(
  totp: Pick<RecipeInterface, 'getStatuses'>,
  userIds: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (let first = 0; first < userIds.length; first += STATUSES_AT_A_TIME) {
    const { users } = await totp.getStatuses({ userIds: userIds.slice(first, first + STATUSES_AT_A_TIME) });
    for (const { userId, enrolled } of users) if (!enrolled) found.push(userId);
  }
  return found;
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
      return `the user has ${String(answer.maxDevices)} devices already, which is the maximum`;
    case 'UNREADABLE_DEVICE_ERROR':
      return `the device ${JSON.stringify(answer.deviceName)} of the user cannot be decrypted, and may have the same secret: put its key back, or remove it`;
  }
}
