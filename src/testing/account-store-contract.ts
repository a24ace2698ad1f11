/** The promises of a `TotpAccountStore`, as tests for an application's own store. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Account } from '../accounts/account.js';
import { TotpStorageError } from '../shared/errors.js';
import type { TotpAccountStore } from '../storage/account-store.js';
import { CONCURRENCY_TESTS } from './account-store-concurrency.js';
import { type StoreTest, Users } from './account-store-users.js';
import type { ContractTest } from './contract.js';
import { accountOf, deviceOf, LOOKALIKES, numbered, UNREADABLE_FIELDS, VALID_ACCOUNTS } from './sample-accounts.js';

const DAY_MS = 86_400_000;

/**
 * The promises of `TotpAccountStore`: conditional writes that are exact among concurrent calls, batches that are written whole or not at
 * all, user ids compared byte for byte, accounts read back as they were written.
 *
 * Run it over the database that you use in production, with its connection pool: an exact store in one connection may not be exact in ten.
 *
 * @param store called by each test, so that the store may be opened after the tests are defined; rows that other tests left do not matter
 */
export function accountStoreContract(store: () => TotpAccountStore): readonly ContractTest[] {
  return [...TESTS, ...CONCURRENCY_TESTS].map(([name, test]) => ({ name, run: () => test(new Users(store())) }));
}

const TESTS: readonly StoreTest[] = [
  ...VALID_ACCOUNTS.map(([what, account]): StoreTest => [
    `an account with ${what} is read as it was written`,
    (users) => readsBack(users, account),
  ]),
  ...UNREADABLE_FIELDS.map(([what, fields]): StoreTest => [
    `an account with ${what} is refused, and nothing is written`,
    (users) => refuses(users, fields),
  ]),
  ['a user without an account is not found', findsNobody],
  ['500 users are loaded at once, without those who are unknown', loadsMany],
  ['a write keeps what it does not change', keepsTheRest],
  ['every write has a new revision, also one that changes nothing', revisesEveryWrite],
  ['a write is refused when the account has changed since it was loaded', refusesStale],
  ['a write is refused when the account has been created since', refusesSecondCreation],
  ['a write is refused when the account has been erased since', refusesErased],
  ['a write is refused when the account has been erased and created again', refusesPredecessor],
  ['an erasure is refused when the account has changed', refusesStaleErasure],
  ['user ids that differ in a byte are different users', comparesBytes],
  ['a user id may have 10,000 characters', takesLongIds],
  ['the keys that secrets are sealed with are listed, with their users', listsKeys],
  ['the clock, if there is one, counts epoch milliseconds', tellsTime],
];

async function findsNobody(users: Users): Promise<void> {
  const userId = randomUUID();
  assert.equal(await users.store.load(userId), null);
  assert.deepEqual(await users.store.loadMany([userId]), new Map());
  assert.deepEqual(await users.store.loadMany([]), new Map());
}

async function loadsMany(users: Users): Promise<void> {
  const [one, other] = [await users.newUser(), await users.newUser(numbered(2))];
  const strangers = Array.from({ length: 497 }, () => randomUUID());
  const found = await users.store.loadMany([one, ...strangers, other, one]);
  assert.deepEqual(
    found,
    new Map([
      [one, numbered(1)],
      [other, numbered(2)],
    ]),
  );
}

async function readsBack(users: Users, account: Account): Promise<void> {
  const userId = await users.newUser(account);
  assert.deepEqual(await users.accountOf(userId), account);
  await users.overwrite(userId, numbered(2));
  await users.overwrite(userId, account);
  assert.deepEqual(await users.accountOf(userId), account);
}

async function refuses(users: Users, fields: object): Promise<void> {
  const account: Account = { ...accountOf([]), ...fields };
  const userId = randomUUID();
  await assert.rejects(async () => users.store.commit(userId, null, account), TotpStorageError);
  assert.equal(await users.store.load(userId), null);
  const known = await users.newUser();
  const batch = [{ userId: known, revision: await users.revisionOf(known), account }];
  await assert.rejects(async () => users.store.commitAll(batch), TotpStorageError);
  assert.deepEqual(await users.accountOf(known), numbered(1));
}

async function keepsTheRest(users: Users): Promise<void> {
  const browser = { id: 'b', tokenHash: 'h', createdAt: 1, lastUsedAt: 1, expiresAt: 2, userAgent: null };
  const codes = { id: 's', sealedHashes: 'k:x', notation: 'exact', total: 1, used: [], createdAt: 1 } as const;
  const firstCode = { deviceId: 'd', step: 1, sessionHandle: 'session' };
  const base = accountOf([deviceOf()]);
  const withCodes = { ...base, recoveryCodes: { ...codes, used: [0] } };
  const accounts: readonly Account[] = [
    base,
    { ...base, recoveryCodes: codes, trustedBrowsers: [browser] },
    { ...base, recoveryCodes: codes, trustedBrowsers: [browser], usedUntil: 5 },
    withCodes,
    { ...withCodes, vigilance: { forgivenAt: 9, firstCode } },
    { ...withCodes, vigilance: { forgivenAt: 10, firstCode: null } },
    { ...base, temporaryCode: { id: 't', sealedHashes: 'k:t', createdAt: 1, expiresAt: 2 } },
    base,
  ];
  const userId = await users.newUser();
  for (const account of accounts) {
    await users.overwrite(userId, account);
    assert.deepEqual(await users.accountOf(userId), account);
  }
}

async function revisesEveryWrite(users: Users): Promise<void> {
  const userId = await users.newUser();
  const before = await users.revisionOf(userId);
  assert.equal(await users.store.commit(userId, before, numbered(1)), true);
  assert.notEqual(await users.revisionOf(userId), before);
}

async function refusesStale(users: Users): Promise<void> {
  const userId = await users.newUser();
  const stale = await users.revisionOf(userId);
  await users.overwrite(userId, numbered(2));
  assert.equal(await users.store.commit(userId, stale, numbered(3)), false);
  assert.equal(await users.store.commit(userId, randomUUID(), numbered(3)), false);
  assert.deepEqual(await users.accountOf(userId), numbered(2));
}

async function refusesSecondCreation(users: Users): Promise<void> {
  const userId = await users.newUser();
  assert.equal(await users.store.commit(userId, null, numbered(2)), false);
  assert.deepEqual(await users.accountOf(userId), numbered(1));
}

async function refusesErased(users: Users): Promise<void> {
  const userId = await users.newUser();
  const stale = await users.revisionOf(userId);
  await users.overwrite(userId, 'erased');
  assert.equal(await users.store.commit(userId, stale, numbered(2)), false);
  assert.equal(await users.store.load(userId), null);
}

async function refusesPredecessor(users: Users): Promise<void> {
  const userId = await users.newUser();
  const stale = await users.revisionOf(userId);
  await users.overwrite(userId, 'erased');
  await users.overwrite(userId, numbered(1));
  assert.equal(await users.store.commit(userId, stale, numbered(2)), false);
  assert.deepEqual(await users.accountOf(userId), numbered(1));
}

async function refusesStaleErasure(users: Users): Promise<void> {
  const userId = await users.newUser();
  const stale = await users.revisionOf(userId);
  await users.overwrite(userId, numbered(2));
  assert.equal(await users.store.commit(userId, stale, 'erased'), false);
  assert.deepEqual(await users.accountOf(userId), numbered(2));
}

async function comparesBytes(users: Users): Promise<void> {
  const run = randomUUID();
  const lookalikes = LOOKALIKES.flatMap((text) => [`${run}${text}`, `${text}${run}`]);
  for (const [n, userId] of lookalikes.entries()) {
    assert.equal(await users.store.commit(userId, null, numbered(n)), true, JSON.stringify(userId));
  }
  const many = await users.store.loadMany(lookalikes);
  for (const [n, userId] of lookalikes.entries()) {
    assert.deepEqual(await users.accountOf(userId), numbered(n), JSON.stringify(userId));
    assert.deepEqual(many.get(userId), numbered(n), JSON.stringify(userId));
  }
  await users.overwrite(`${run}a`, 'erased');
  assert.notEqual(await users.store.load(`${run}A`), null);
}

async function takesLongIds(users: Users): Promise<void> {
  const long = `${randomUUID()}${'📱'.repeat(4_982)}`;
  assert.equal(await users.store.commit(long, null, numbered(1)), true);
  assert.deepEqual(await users.accountOf(long), numbered(1));
  assert.equal(await users.store.load(long.slice(0, -2)), null);
}

async function listsKeys(users: Users): Promise<void> {
  const prefix = randomUUID().slice(0, 8);
  const [a, b] = [`${prefix}-a`, `${prefix}-b`];
  const under = (...keyIds: string[]) =>
    accountOf(keyIds.map((keyId) => deviceOf({ name: randomUUID(), sealedSecret: `${keyId}:x` })));
  const underBoth = [await users.newUser(under(b, a)), await users.newUser(under(a, b, a))];
  const underB = await users.newUser(under(b));
  const moved = await users.newUser(under(a));
  await users.newUser(under());
  await users.overwrite(moved, under(b));

  const sets = await keySets(users);
  assert.deepEqual(sets.filter((set) => set.startsWith(prefix)).sort(), [`${a},${b}`, b]);
  assert.ok(sets.includes('-'), 'accounts without secrets have the key set "-"');
  assert.equal(new Set(sets).size, sets.length, 'no key set is returned twice');
  assert.equal(await users.store.countAccounts(`${a},${b}`), 2);
  assert.equal(await users.store.countAccounts(a), 0);
  assert.deepEqual((await usersOf(users, `${a},${b}`, 10)).sort(), underBoth.sort());
  assert.deepEqual((await usersOf(users, b, 1)).sort(), [underB, moved].sort());
}

async function keySets(users: Users): Promise<string[]> {
  const sets: string[] = [];
  for (let set = await users.store.nextKeySet(undefined); set !== undefined; set = await users.store.nextKeySet(set)) {
    sets.push(set);
  }
  return sets;
}

/** Page by page. */
async function usersOf(users: Users, keySet: string, limit: number): Promise<string[]> {
  const userIds: string[] = [];
  for (let after: string | undefined; ;) {
    const page = await users.store.listAccounts(keySet, after, limit);
    assert.ok(page.length <= limit, 'a page has no more accounts than its limit');
    if (page.length === 0) return userIds;
    userIds.push(...page.map(({ userId }) => userId ?? ''));
    after = page.at(-1)?.cursor;
  }
}

async function tellsTime(users: Users): Promise<void> {
  const now = await users.store.now();
  if (now !== undefined) assert.ok(Math.abs(now - Date.now()) < DAY_MS, `now() returned ${String(now)}`);
}
