/** An account as a row, and back again: what was read is checked before anything rests on it. */
import type { Account, Device, Lock } from '../accounts/account.js';
import { TotpStorageError } from '../totp.errors.js';

/** What a `text` column of MySQL holds, in bytes. */
const MAX_TEXT_LENGTH = 65_535;

/** The columns that hold the account, by the names of the entity's properties. */
export const ACCOUNT_COLUMNS = [
  'failures',
  'recentFailures',
  'lockNumber',
  'lockedUntil',
  'usedUntil',
  'devices',
] as const;

/** The values of `ACCOUNT_COLUMNS`, in that order. */
export function toRow({ budget, devices, usedUntil }: Account): (string | number | null)[] {
  return [
    budget.failures,
    asciiJson(budget.recentFailures),
    budget.lock?.number ?? 0,
    budget.lock?.until ?? null,
    usedUntil,
    fitting(asciiJson(devices)),
  ];
}

/** JSON in ASCII, which every character set of a database holds. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** MySQL cuts longer texts off without a word where it is not in strict mode. */
function fitting(json: string): string {
  if (json.length > MAX_TEXT_LENGTH) {
    throw new TotpStorageError(
      "The user's devices do not fit into a row any more: shorten their names, or lower maxDevices.",
    );
  }
  return json;
}

/** @throws TotpStorageError when the row cannot have been written by this module */
export function fromRow(row: Record<string, unknown>): Account {
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

/** Drivers read a bigint back as a number, a text, or a bigint. */
function count(value: unknown): number {
  const number = (typeof value === 'string' && value !== '') || typeof value === 'bigint' ? Number(value) : value;
  return isWholeNumber(number) ? number : unreadable();
}

function list<T>(json: unknown, isItem: (item: unknown) => item is T): readonly T[] {
  const items = typeof json === 'string' ? parse(json) : unreadable();
  return Array.isArray(items) && items.every(isItem) ? items : unreadable();
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return unreadable();
  }
}

function isWholeNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

const deviceFields: { readonly [Field in keyof Device]: (value: unknown) => boolean } = {
  id: isText,
  name: isText,
  sealedSecret: isText,
  algorithm: (value) => value === 'SHA1' || value === 'SHA256' || value === 'SHA512',
  digits: isWholeNumber,
  period: (value) => isWholeNumber(value) && value > 0,
  skew: isWholeNumber,
  createdAt: isWholeNumber,
  verified: (value) => typeof value === 'boolean',
  usedUntil: isWholeNumber,
};

function isDevice(value: unknown): value is Device {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map(Object.entries(value));
  return Object.entries(deviceFields).every(([name, isValid]) => isValid(fields.get(name)));
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function unreadable(): never {
  // Nothing of the row is repeated here: it holds secrets.
  throw new TotpStorageError('A row of totp_accounts cannot be read: it was damaged, or changed by something else.');
}
