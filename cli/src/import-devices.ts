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
 * const pages = readSuperTokensDevices(createReadStream('totp_user_devices.csv'));
 * const report = await importForeignDevices(totp, pages, { dryRun: true });
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
  const holders = new Holders();
  /** Users of refused devices. */
  const atRisk = new Set<string>();
  /** Users with a device that a dry run would import: the database does not know them. */
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
          if (dryRun) withDevice.add(userId);
          break;
        case 'SECRET_ALREADY_EXISTS_ERROR':
          alreadyThere++;
          if (dryRun) withDevice.add(userId);
          break;
        default:
          refuse({ source, reason: whyRefused(answer), userId });
      }
    });
  }

  function compareWithOthers(device: ForeignDevice, userId: string): void {
    const { source } = device;
    const other = holders.otherHolder(hmacKey(device), userId, source);
    if (other !== undefined) {
      shared.push({ source, reason: `has the same secret as ${other}, which belongs to another user` });
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

/**
 * Who has each HMAC key: the first of a run. It keeps numbers instead of texts, since there may be millions: 53 bits of a hash, of which two
 * of a million keys are the same by chance once in 18,000 runs. Then a pair is reported that is none.
 */
class Holders {
  private readonly positions = new Map<number, number>();
  private readonly users: number[] = [];
  private readonly sources: string[] = [];

  /** The place of the device of another user that has the key, if there is one. */
  otherHolder(key: Uint8Array, userId: string, source: string): string | undefined {
    const hash = shortHash(key);
    const user = shortHash(userId);
    const position = this.positions.get(hash);
    if (position !== undefined) return this.users[position] === user ? undefined : this.sources[position];
    this.positions.set(hash, this.users.push(user) - 1);
    this.sources.push(source);
    return undefined;
  }
}

/** As many bits as a number holds exactly: 53. */
function shortHash(value: Uint8Array | string): number {
  const digest = createHash('sha256').update(value).digest();
  return digest.readUIntBE(0, 6) * 32 + (digest.readUInt8(6) >> 3);
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
