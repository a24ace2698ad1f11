/** The promises of a `TotpAccountStore` about writes of several accounts, and about concurrent writes of one. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { StoreTest, Users } from './account-store-users.js';
import { numbered } from './sample-accounts.js';

export const CONCURRENCY_TESTS: readonly StoreTest[] = [
  ['one of 50 concurrent creations is written', createsOnce],
  ['one of 50 concurrent writes of one revision is written', writesOnce],
  ['one of 50 concurrent erasures succeeds', erasesOnce],
  ['a batch writes new and changed accounts', writesBatch],
  ...(['changed', 'erased', 'created'] as const).map((what): StoreTest => [
    `a batch is not written at all when one of its accounts has been ${what}`,
    (users) => refusesBatch(users, what),
  ]),
  ['one of 20 concurrent batches of the same accounts is written', writesOneBatch],
  ['a batch that is refused takes no concurrent write with it', keepsConcurrentWrites],
];

async function createsOnce(users: Users): Promise<void> {
  const userId = randomUUID();
  const written = await times(50, (n) => users.store.commit(userId, null, numbered(n)));
  await isTheOnlyOneOf(users, written, userId);
}

async function writesOnce(users: Users): Promise<void> {
  const userId = await users.newUser();
  const revision = await users.revisionOf(userId);
  const written = await times(50, (n) => users.store.commit(userId, revision, numbered(n)));
  await isTheOnlyOneOf(users, written, userId);
}

async function erasesOnce(users: Users): Promise<void> {
  const userId = await users.newUser();
  const revision = await users.revisionOf(userId);
  const erased = await times(50, () => users.store.commit(userId, revision, 'erased'));
  assert.equal(erased.filter(Boolean).length, 1);
  assert.equal(await users.store.load(userId), null);
}

async function writesBatch(users: Users): Promise<void> {
  const [known, fresh] = [await users.newUser(), randomUUID()];
  const changes = [
    { userId: known, revision: await users.revisionOf(known), account: numbered(2) },
    { userId: fresh, revision: null, account: numbered(3) },
  ];
  assert.equal(await users.store.commitAll(changes), true);
  assert.deepEqual(await users.accountOf(known), numbered(2));
  assert.deepEqual(await users.accountOf(fresh), numbered(3));
  assert.equal(await users.store.commitAll([]), true);
}

async function refusesBatch(users: Users, what: 'changed' | 'erased' | 'created'): Promise<void> {
  const userIds = [await users.newUser(), await users.newUser(), await users.newUser()];
  const changes = [];
  for (const userId of userIds)
    changes.push({ userId, revision: await users.revisionOf(userId), account: numbered(2) });
  const [first, second = '', third] = userIds;
  if (what === 'created') changes[1] = { userId: second, revision: null, account: numbered(2) };
  else await users.overwrite(second, what === 'erased' ? 'erased' : numbered(1));
  assert.equal(await users.store.commitAll(changes), false);
  for (const userId of [first, third]) assert.deepEqual(await users.accountOf(userId ?? ''), numbered(1));
}

async function writesOneBatch(users: Users): Promise<void> {
  const userIds = await times(5, () => users.newUser());
  const revisions = await Promise.all(userIds.map((userId) => users.revisionOf(userId)));
  const written = await times(20, (n) => {
    const changes = userIds.map((userId, of) => ({ userId, revision: revisions[of] ?? null, account: numbered(n) }));
    return users.store.commitAll(n % 2 === 0 ? changes : changes.reverse());
  });
  for (const userId of userIds) await isTheOnlyOneOf(users, written, userId);
}

async function keepsConcurrentWrites(users: Users): Promise<void> {
  const [one, other, concurrent] = [await users.newUser(), await users.newUser(), randomUUID()];
  const stale = [
    { userId: one, revision: await users.revisionOf(one), account: numbered(2) },
    { userId: other, revision: randomUUID(), account: numbered(2) },
  ];
  const refused = () => times(10, () => users.store.commitAll(stale));
  const [before, written, after] = await Promise.all([
    refused(),
    users.store.commit(concurrent, null, numbered(3)),
    refused(),
  ]);
  assert.deepEqual([...before, ...after].filter(Boolean), []);
  assert.equal(written, true);
  assert.deepEqual(await users.accountOf(concurrent), numbered(3));
  assert.deepEqual(await users.accountOf(one), numbered(1));
}

async function isTheOnlyOneOf(users: Users, written: readonly boolean[], userId: string): Promise<void> {
  assert.equal(written.filter(Boolean).length, 1);
  assert.deepEqual(await users.accountOf(userId), numbered(written.indexOf(true)));
}

function times<T>(count: number, call: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => call(n)));
}
