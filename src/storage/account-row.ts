/** An account as a row, and back again: rows are validated by the same checks when written and when read. */
import type { Account, Device, Lock } from '../accounts/account.js';
import { ALGORITHMS, DIGITS, PERIOD_RANGE, SKEW_RANGE } from '../otp/settings.js';
import { asciiJson, MAX_TEXT_LENGTH } from './sql/text.js';
import { TotpDamagedAccountError, TotpStorageError } from '../shared/errors.js';

/** The columns that hold an account, by the names of the entity's properties. */
export const ACCOUNT_COLUMNS = [
  'failures',
  'recentFailures',
  'lockNumber',
  'lockedUntil',
  'usedUntil',
  'devices',
] as const;

/**
 * The values of `ACCOUNT_COLUMNS`, in that order.
 *
 * @throws TotpStorageError when they could not be read back
 */
export function toRow(account: Account): (string | number | null)[] {
  requireReadable(account);
  const { budget, devices, usedUntil } = account;
  return [
    budget.failures,
    asciiJson(budget.recentFailures),
    budget.lock?.number ?? 0,
    budget.lock?.until ?? null,
    usedUntil,
    fitting(asciiJson(devices)),
  ];
}

/** @throws TotpStorageError for an account that `fromRow` would refuse. A user whose row cannot be read cannot sign in. */
export function requireReadable({ budget, devices, usedUntil }: Account): void {
  const { failures, recentFailures, lock } = budget;
  const isReadable =
    [failures, usedUntil].every(isWholeNumber) &&
    isArrayOf(recentFailures, isWholeNumber) &&
    isArrayOf(devices, isDevice) &&
    (lock === null || (isWholeNumber(lock.number) && lock.number > 0)) &&
    (lock?.until == null || isWholeNumber(lock.until));
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

function accountOf(row: Record<string, unknown>): Account {
  return {
    budget: {
      failures: count(row.failures),
      recentFailures: list(row.recentFailures, isWholeNumber),
      lock: lock(count(row.lockNumber), row.lockedUntil),
    },
    usedUntil: count(row.usedUntil),
    devices: list(row.devices, isDevice),
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

function isArrayOf<T>(items: unknown, isItem: (item: unknown) => item is T): items is readonly T[] {
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

/** The settings must be in the ranges of the options, even with a cipher that does not authenticate them. */
const deviceFields: { readonly [Field in keyof Device]: (value: unknown) => boolean } = {
  id: isText,
  name: isText,
  sealedSecret: isText,
  algorithm: (value) => ALGORITHMS.some((algorithm) => algorithm === value),
  digits: (value) => DIGITS.some((digits) => digits === value),
  period: (value) => isWithin(value, PERIOD_RANGE),
  skew: (value) => isWithin(value, SKEW_RANGE),
  createdAt: isWholeNumber,
  verified: (value) => typeof value === 'boolean',
  usedUntil: isWholeNumber,
};

/** Built once, not for each device that is read. */
const deviceChecks = Object.entries(deviceFields);

function isDevice(value: unknown): value is Device {
  if (typeof value !== 'object' || value === null) return false;
  return deviceChecks.every(([name, isValid]) => isValid(Reflect.get(value, name)));
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
