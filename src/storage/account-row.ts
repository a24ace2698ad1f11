/** An account as a row, and back again: what was read is checked before anything rests on it. */
import type { Account, Device, Lock } from '../accounts/account.js';
import { asciiJson, MAX_TEXT_LENGTH } from './sql/text.js';
import { TotpDamagedAccountError, TotpStorageError } from '../shared/errors.js';

/** The columns that an account is kept in, by the names of the entity's properties. */
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

/** The user id that a row tells of; undefined when it is damaged. */
export function readUserId(json: unknown): string | undefined {
  const userId = parse(json);
  return typeof userId === 'string' ? userId : undefined;
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

/** @throws TotpDamagedAccountError when the row cannot have been written by this module */
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
  const items = parse(json);
  return Array.isArray(items) && items.every(isItem) ? items : unreadable();
}

/** Undefined when it is no text, or no JSON. */
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

/** Listed once, not for each device that is read. */
const deviceChecks = Object.entries(deviceFields);

function isDevice(value: unknown): value is Device {
  if (typeof value !== 'object' || value === null) return false;
  return deviceChecks.every(([name, isValid]) => isValid(Reflect.get(value, name)));
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function unreadable(): never {
  // Nothing of the row is repeated here: it holds secrets.
  throw new TotpDamagedAccountError(
    'A row of totp_accounts cannot be read: it was damaged, or changed by something else.',
  );
}
