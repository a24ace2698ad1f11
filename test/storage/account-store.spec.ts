/** The promises of a `TotpAccountStore`, kept by the database's and by the one for tests alike. */
import { randomUUID } from 'node:crypto';
import type { Account, TotpAccountStore } from 'nestjs-totp';
import { InMemoryTotpAccountStore } from 'nestjs-totp/testing';
import { account, device, NOW } from '../support/accounts.js';
import { databases } from '../support/databases.js';
import { useTables } from './tables.js';

const first = account([device({ name: 'first' })]);
const second = account([device({ name: 'second' })], { usedUntil: NOW });

/** Texts that databases like to take for one another. */
const LOOKALIKES = [
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

const stores = databases.map(({ name, open }) => {
  return { name, useStore: () => useStoreOn(open) };
});

function useStoreOn(open: (typeof databases)[number]['open']): () => TotpAccountStore {
  const tables = useTables(open);
  return () => tables().store;
}

function useMemory(): () => TotpAccountStore {
  const store = new InMemoryTotpAccountStore();
  return () => store;
}

describe.each([...stores, { name: 'memory', useStore: useMemory }])('the account store on $name', ({ useStore }) => {
  const store = useStore();

  async function revisionOf(userId: string): Promise<string | null> {
    return (await store().load(userId))?.revision ?? null;
  }

  async function accountOf(userId: string): Promise<Account | undefined> {
    return (await store().load(userId))?.account;
  }

  /** A user with an account that was written once. */
  async function newUser(written: Account = first): Promise<string> {
    const userId = randomUUID();
    expect(await store().commit(userId, null, written)).toBe(true);
    return userId;
  }

  const times = <T>(count: number, call: (n: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => call(n)));

  it('knows nothing of a user who never was', async () => {
    expect(await store().load('never')).toBeNull();
    expect(await store().remove('never')).toBe(false);
    expect(await store().loadMany(['never'])).toEqual(new Map());
    expect(await store().loadMany([])).toEqual(new Map());
  });

  it.each([
    ['nothing in it', account([])],
    ['a running lock', account([], { budget: { failures: 5, recentFailures: [], lock: { number: 1, until: NOW } } })],
    ['a hard lock', account([], { budget: { failures: 100, recentFailures: [], lock: { number: 9, until: null } } })],
    ['failures', account([], { budget: { failures: 2, recentFailures: [NOW, NOW + 1], lock: null }, usedUntil: NOW })],
    [
      'the largest numbers',
      account([device({ usedUntil: Number.MAX_SAFE_INTEGER })], { usedUntil: Number.MAX_SAFE_INTEGER }),
    ],
    [
      'devices of every kind',
      account([
        device({ name: 'a', algorithm: 'SHA512', digits: 8, period: 300, skew: 2, createdAt: 1 }),
        device({ name: 'b', verified: false, sealedSecret: 'x'.repeat(1_000) }),
      ]),
    ],
    ['names of every kind', account(LOOKALIKES.map((name) => device({ name })))],
    [
      'names that look like other things',
      account(['"', '\\', "'", '%_', '$1', '?', ':p1', 'null', '{}'].map((name) => device({ name }))),
    ],
    [
      'ten devices with the longest names and seals',
      account(
        Array.from({ length: 10 }, (_, n) =>
          device({ id: randomUUID(), name: `${n}${'📱'.repeat(255)}`, sealedSecret: 'x'.repeat(1_000) }),
        ),
      ),
    ],
  ])('reads an account with %s as it was written, new and changed', async (_, written) => {
    const userId = await newUser(written);
    expect(await accountOf(userId)).toEqual(written);
    expect(await store().commit(userId, await revisionOf(userId), first)).toBe(true);
    expect(await store().commit(userId, await revisionOf(userId), written)).toBe(true);
    expect(await accountOf(userId)).toEqual(written);
  });

  it('marks every write, also one that changes nothing', async () => {
    const userId = await newUser();
    const before = await revisionOf(userId);
    expect(await store().commit(userId, before, first)).toBe(true);
    expect(await revisionOf(userId)).not.toBe(before);
  });

  it('does not write what rests on an account that has changed', async () => {
    const userId = await newUser();
    const stale = await revisionOf(userId);
    await store().commit(userId, stale, second);
    expect(await store().commit(userId, stale, first)).toBe(false);
    expect(await store().commit(userId, randomUUID(), first)).toBe(false);
    expect(await accountOf(userId)).toEqual(second);
  });

  it('does not write what rests on there being no account, when there is one', async () => {
    const userId = await newUser();
    expect(await store().commit(userId, null, second)).toBe(false);
    expect(await accountOf(userId)).toEqual(first);
  });

  it('does not write what rests on an account that was erased', async () => {
    const userId = await newUser();
    const revision = await revisionOf(userId);
    expect(await store().remove(userId)).toBe(true);
    expect(await store().commit(userId, revision, second)).toBe(false);
    expect(await store().load(userId)).toBeNull();
  });

  it('does not take an account that was erased and made anew for the one before', async () => {
    const userId = await newUser();
    const revision = await revisionOf(userId);
    await store().remove(userId);
    await store().commit(userId, null, first);
    expect(await store().commit(userId, revision, second)).toBe(false);
    expect(await accountOf(userId)).toEqual(first);
  });

  it('of 50 at once makes exactly one account', async () => {
    const userId = randomUUID();
    const made = await times(50, (n) => store().commit(userId, null, account([], { usedUntil: n })));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await accountOf(userId)).toEqual(account([], { usedUntil: made.indexOf(true) }));
  });

  it('of 50 at once writes exactly one that rests on the same account', async () => {
    const userId = await newUser();
    const revision = await revisionOf(userId);
    const written = await times(50, (n) => store().commit(userId, revision, account([], { usedUntil: n })));
    expect(written.filter(Boolean)).toHaveLength(1);
    expect(await accountOf(userId)).toEqual(account([], { usedUntil: written.indexOf(true) }));
  });

  it('of 50 at once erases exactly once', async () => {
    const userId = await newUser();
    expect((await times(50, () => store().remove(userId))).filter(Boolean)).toHaveLength(1);
  });

  it('M5: keeps users apart whose ids differ in a byte', async () => {
    for (const [n, userId] of LOOKALIKES.entries()) {
      expect(await store().commit(userId, null, account([], { usedUntil: n }))).toBe(true);
    }
    for (const [n, userId] of LOOKALIKES.entries()) expect((await accountOf(userId))?.usedUntil).toBe(n);
    const many = await store().loadMany(LOOKALIKES);
    expect(LOOKALIKES.map((userId) => many.get(userId)?.usedUntil)).toEqual([...LOOKALIKES.keys()]);
    expect(await store().remove('a')).toBe(true);
    expect(await accountOf('A')).toBeDefined();
  });

  it('takes user ids of any length', async () => {
    const long = '📱'.repeat(5_000);
    expect(await store().commit(long, null, first)).toBe(true);
    expect(await accountOf(long)).toEqual(first);
    expect(await store().load(`${long} `)).toBeNull();
  });

  it('reads 500 users at once, and leaves out those it does not know', async () => {
    const [one, other] = [await newUser(first), await newUser(second)];
    const strangers = Array.from({ length: 498 }, () => randomUUID());
    const found = await store().loadMany([one, ...strangers, other, one]);
    expect(found).toEqual(
      new Map([
        [one, first],
        [other, second],
      ]),
    );
  });
});
