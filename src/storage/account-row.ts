/** An account as a row, and back again: rows are validated by the same checks when written and when read. */
import type {
  Account,
  Device,
  FirstCode,
  Lock,
  RecoveryCodes,
  TemporaryCode,
  TrustedBrowser,
} from '../accounts/account.js';
import { ALGORITHMS, DIGITS, PERIOD_RANGE, SKEW_RANGE } from '../otp/settings.js';
import { asciiJson, MAX_TEXT_LENGTH } from './sql/text.js';
import { TotpDamagedAccountError, TotpStorageError } from '../shared/errors.js';

/** The columns that a check of a code changes, by the names of the entity's properties. */
export const CHECK_COLUMNS = [
  'failures',
  'recentFailures',
  'lockNumber',
  'lockedUntil',
  'forgivenAt',
  'usedUntil',
  'devices',
] as const;
/** The columns that hold an account. */
export const ACCOUNT_COLUMNS = [...CHECK_COLUMNS, 'extras'] as const;

/** A row to write. */
export interface AccountRow {
  /** The values of `CHECK_COLUMNS`. */
  readonly check: readonly (string | number | null)[];
  /** The value of the column that most checks of a code do not change. */
  readonly extras: string | null;
}

/** @throws TotpStorageError when the row could not be read back */
export function toRow(account: Account): AccountRow {
  const { budget, vigilance } = account;
  const extras = extrasOf(account);
  requireReadable(account, extras);
  return {
    check: [
      budget.failures,
      asciiJson(budget.recentFailures),
      budget.lock?.number ?? 0,
      budget.lock?.until ?? null,
      vigilance.forgivenAt,
      account.usedUntil,
      fitting(asciiJson(account.devices)),
    ],
    extras: extras && fitting(asciiJson(extras)),
  };
}

/** @throws TotpStorageError for an account that `fromRow` would refuse. A user whose row cannot be read cannot sign in. */
export function requireReadable(account: Account, extras = extrasOf(account)): void {
  const { failures, recentFailures, lock } = account.budget;
  const isReadable =
    [failures, account.usedUntil, account.vigilance.forgivenAt].every(isWholeNumber) &&
    isArrayOf(recentFailures, isWholeNumber) &&
    isArrayOf(account.devices, isDevice) &&
    (lock === null || (isWholeNumber(lock.number) && lock.number > 0)) &&
    (lock?.until == null || isWholeNumber(lock.until)) &&
    (extras === null || isExtras(extras));
  if (isReadable) return;
  // The message does not contain the account, which holds secrets.
  throw new TotpStorageError(
    'An account was not stored, because it could not be read back: one of its values has the wrong type or range. ' +
      'Check what overrides and custom providers pass on.',
  );
}

/** The user id of a row; undefined when it is damaged. */
export function readUserId(json: unknown): string | undefined {
  const userId = parse(json);
  return typeof userId === 'string' ? userId : undefined;
}

/** Outside of its strict mode, MySQL silently truncates longer strings. */
function fitting(json: string): string {
  if (json.length > MAX_TEXT_LENGTH) {
    throw new TotpStorageError(
      "The user's devices do not fit into a row any more: shorten their names, or lower maxDevices.",
    );
  }
  return json;
}

/**
 * @param revision for the error, so that the row can be erased
 * @throws TotpDamagedAccountError when the row cannot have been written by this module
 */
export function fromRow(row: Record<string, unknown>, revision?: string): Account {
  try {
    return accountOf(row);
  } catch (error) {
    throw error instanceof Unreadable ? damaged(revision) : error;
  }
}

/** What an account may have besides its devices. */
interface Extras extends Pick<Account, 'recoveryCodes' | 'temporaryCode' | 'trustedBrowsers'> {
  readonly firstCode: FirstCode | null;
}

/** Null for an account that has none of it, as most have. */
function extrasOf({ vigilance, recoveryCodes, temporaryCode, trustedBrowsers }: Account): Extras | null {
  const { firstCode } = vigilance;
  const isEmpty =
    firstCode === null && recoveryCodes === null && temporaryCode === null && trustedBrowsers.length === 0;
  return isEmpty ? null : { firstCode, recoveryCodes, temporaryCode, trustedBrowsers };
}

function accountOf(row: Record<string, unknown>): Account {
  const extras = row.extras === null ? null : item(row.extras, isExtras);
  return {
    budget: {
      failures: count(row.failures),
      recentFailures: list(row.recentFailures, isWholeNumber),
      lock: lock(count(row.lockNumber), row.lockedUntil),
    },
    vigilance: { forgivenAt: count(row.forgivenAt), firstCode: extras?.firstCode ?? null },
    usedUntil: count(row.usedUntil),
    devices: list(row.devices, isDevice),
    recoveryCodes: extras?.recoveryCodes ?? null,
    temporaryCode: extras?.temporaryCode ?? null,
    trustedBrowsers: extras?.trustedBrowsers ?? [],
  };
}

function lock(number: number, until: unknown): Lock | null {
  if (number === 0) return null;
  return { number, until: until === null ? null : count(until) };
}

/** Drivers return a bigint as a number, a string or a bigint. */
function count(value: unknown): number {
  const number = (typeof value === 'string' && value !== '') || typeof value === 'bigint' ? Number(value) : value;
  return isWholeNumber(number) ? number : unreadable();
}

function list<T>(json: unknown, isItem: (item: unknown) => item is T): readonly T[] {
  const items = parse(json);
  return isArrayOf(items, isItem) ? items : unreadable();
}

function item<T>(json: unknown, isItem: (value: unknown) => value is T): T {
  const value = parse(json);
  return isItem(value) ? value : unreadable();
}

function isArrayOf<T>(items: unknown, isItem: (value: unknown) => value is T): items is readonly T[] {
  return Array.isArray(items) && items.every(isItem);
}

/** Undefined when the value is not a string, or not JSON. */
function parse(json: unknown): unknown {
  try {
    return typeof json === 'string' ? JSON.parse(json) : undefined;
  } catch {
    return undefined;
  }
}

function isWholeNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** A check for each field of a value, so that a new field without a check does not compile. */
type FieldChecks<T> = { readonly [Field in keyof T]: (value: unknown) => boolean };

/** The settings must be in the ranges of the options, even with a cipher that does not authenticate them. */
const isDevice = objectOf<Device>({
  id: isText,
  name: isText,
  sealedSecret: isText,
  algorithm: (value) => ALGORITHMS.some((algorithm) => algorithm === value),
  digits: (value) => DIGITS.some((digits) => digits === value),
  period: (value) => isWithin(value, PERIOD_RANGE),
  skew: (value) => isWithin(value, SKEW_RANGE),
  createdAt: isWholeNumber,
  verifiedAt: isNullOr(isWholeNumber),
  lastUsedAt: isNullOr(isWholeNumber),
  usedUntil: isWholeNumber,
});

const isTrustedBrowser = objectOf<TrustedBrowser>({
  id: isText,
  tokenHash: isText,
  createdAt: isWholeNumber,
  lastUsedAt: isWholeNumber,
  expiresAt: isWholeNumber,
  userAgent: isNullOr(isText),
});

const isExtras = objectOf<Extras>({
  firstCode: isNullOr(objectOf<FirstCode>({ deviceId: isText, step: isWholeNumber, sessionHandle: isNullOr(isText) })),
  recoveryCodes: isNullOr(
    objectOf<RecoveryCodes>({
      id: isText,
      sealedHashes: isText,
      notation: (value) => value === 'crockford' || value === 'exact',
      total: isWholeNumber,
      used: (value) => isArrayOf(value, isWholeNumber),
      createdAt: isWholeNumber,
    }),
  ),
  temporaryCode: isNullOr(
    objectOf<TemporaryCode>({ id: isText, sealedHashes: isText, createdAt: isWholeNumber, expiresAt: isWholeNumber }),
  ),
  trustedBrowsers: (value) => isArrayOf(value, isTrustedBrowser),
});

function objectOf<T>(fields: FieldChecks<T>): (value: unknown) => value is T {
  // Built once, not for each value that is read.
  const checks = Object.entries<(value: unknown) => boolean>(fields);
  return (value): value is T =>
    typeof value === 'object' && value !== null && checks.every(([name, isValid]) => isValid(Reflect.get(value, name)));
}

function isNullOr(isValid: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === null || isValid(value);
}

function isWithin(value: unknown, [min, max]: readonly [number, number]): boolean {
  return isWholeNumber(value) && value >= min && value <= max;
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

class Unreadable extends Error {}

function unreadable(): never {
  throw new Unreadable();
}

/** The message contains nothing of the row, which holds secrets. */
function damaged(revision: string | undefined): TotpDamagedAccountError {
  return new TotpDamagedAccountError(
    'A row of totp_accounts cannot be read: it was damaged or was not written by this module.',
    revision,
  );
}
