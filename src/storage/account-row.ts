/** An account as a row, and back again: what was read is checked before anything rests on it. */
import type { Account, Device, Lock } from '../accounts/account.js';
import { TotpStorageError } from '../totp.errors.js';

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
    JSON.stringify(budget.recentFailures),
    budget.lock?.number ?? 0,
    budget.lock?.until ?? null,
    usedUntil,
    JSON.stringify(devices),
  ];
}

/** @throws TotpStorageError when the row cannot have been written by this module */
export function fromRow(row: Record<string, unknown>): Account {
  return {
    budget: {
      failures: count(row.failures),
      recentFailures: list(row.recentFailures, isTime),
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

/** PostgreSQL reads a bigint back as a text. */
function count(value: unknown): number {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return isTime(number) ? number : unreadable();
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

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

const deviceFields: { readonly [Field in keyof Device]: (value: unknown) => boolean } = {
  id: isText,
  name: isText,
  sealedSecret: isText,
  algorithm: (value) => value === 'SHA1' || value === 'SHA256' || value === 'SHA512',
  digits: isTime,
  period: (value) => isTime(value) && value > 0,
  skew: isTime,
  createdAt: isTime,
  verified: (value) => typeof value === 'boolean',
  usedUntil: isTime,
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
