/** Accounts with contents that stores and databases are likely to get wrong. */
import { randomUUID } from 'node:crypto';
import { type Account, type Device, NEW_ACCOUNT } from '../accounts/account.js';

const NOW = Date.UTC(2026, 0, 1);

/** Texts that databases and comparisons often take for one another. */
export const LOOKALIKES: readonly string[] = [
  'a',
  'A',
  'a ',
  ' a',
  'a\t',
  'ä',
  'a\u0308',
  'á',
  'ａ',
  'a\u200B',
  'ß',
  'ss',
  '📱',
  '📱\uFE0F',
  '👩‍💻',
];

const LOOKS_LIKE_OTHER_THINGS = ['"', '\\', "'", '%_', '$1', '?', ':p1', 'null', '{}'];

/** What accounts contain, and the accounts. */
export const VALID_ACCOUNTS: readonly (readonly [string, Account])[] = [
  ['nothing in it', accountOf([])],
  ['a lock', accountOf([], { budget: { failures: 5, recentFailures: [], lock: { number: 1, until: NOW } } })],
  [
    'a lock without an end',
    accountOf([], { budget: { failures: 100, recentFailures: [], lock: { number: 9, until: null } } }),
  ],
  [
    'failures',
    accountOf([], {
      budget: { failures: 2, recentFailures: [NOW, NOW + 1], lock: null },
      usedUntil: Number.MAX_SAFE_INTEGER,
    }),
  ],
  [
    'devices of every kind',
    accountOf([
      deviceOf({ name: 'a', algorithm: 'SHA512', digits: 8, period: 300, skew: 2, createdAt: 1 }),
      deviceOf({ name: 'b', verifiedAt: null, sealedSecret: `k:${'x'.repeat(998)}` }),
      deviceOf({ name: 'c', lastUsedAt: NOW, usedUntil: Number.MAX_SAFE_INTEGER }),
    ]),
  ],
  ['names of every kind', accountOf([...LOOKALIKES, ...LOOKS_LIKE_OTHER_THINGS].map((name) => deviceOf({ name })))],
  [
    'fifteen devices of the longest names and secrets',
    accountOf(
      Array.from({ length: 15 }, (_, n) =>
        deviceOf({
          name: `${'📱'.repeat(254)}${String(10 + n)}`,
          sealedSecret: `${'k'.repeat(14)}${String(10 + n)}:`.padEnd(1_000, 'x'),
        }),
      ),
    ),
  ],
];

/** Fields that make an account unreadable. Only untyped code can pass them on. */
export const UNREADABLE_FIELDS: readonly (readonly [string, object])[] = [
  ['a device whose name is a number', { devices: [{ ...deviceOf(), name: 5 }] }],
  ['a device that is undefined', { devices: [undefined] }],
  ['devices that are not a list', { devices: 'phone' }],
  ['a device without a secret', { devices: [{ ...deviceOf(), sealedSecret: undefined }] }],
  ['a time that is not a whole number', { usedUntil: NOW + 0.5 }],
  ['a negative time', { usedUntil: -1 }],
  ['failures that are NaN', { budget: { failures: NaN, recentFailures: [], lock: null } }],
  ['a lock without a number', { budget: { failures: 5, recentFailures: [], lock: { number: 0, until: NOW } } }],
];

export function deviceOf(fields: Partial<Device> = {}): Device {
  return {
    id: randomUUID(),
    name: 'phone',
    sealedSecret: 'key:secret',
    algorithm: 'SHA1',
    digits: 6,
    period: 30,
    skew: 1,
    createdAt: NOW,
    verifiedAt: NOW,
    lastUsedAt: null,
    usedUntil: 0,
    ...fields,
  };
}

export function accountOf(devices: readonly Device[], fields: Partial<Account> = {}): Account {
  return { ...NEW_ACCOUNT, devices, ...fields };
}

/** Accounts that differ in one number. */
export function numbered(n: number): Account {
  return accountOf([], { usedUntil: n });
}
