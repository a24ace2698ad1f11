/** The promises of a `TotpAccountStore`, kept by the database's and by the one for tests alike. */
import { randomUUID } from 'node:crypto';
import { type Account, type TotpAccountStore, TotpDamagedAccountError, TotpStorageError } from 'nestjs-totp';
import { InMemoryTotpAccountStore } from 'nestjs-totp/testing';
import { account, device, NOW } from '../support/accounts.js';
import { databases } from '../support/databases.js';
import { recipeOver } from '../support/recipe.js';
import { erase, useTables } from './tables.js';

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

const stores = [
  ...databases.map(({ name, open }) => ({ name, useStore: () => useStoreOn(open) })),
  { name: 'memory', useStore: useMemory },
];

function useStoreOn(open: (typeof databases)[number]['open']): () => TotpAccountStore {
  const tables = useTables(open);
  return () => tables().store;
}

function useMemory(): () => TotpAccountStore {
  const store = new InMemoryTotpAccountStore();
  return () => store;
}

describe.each(stores)('the account store on $name', ({ name, useStore }) => {
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
      'as many devices as there may be, with the longest names and seals, each under a key of its own',
      account(
        Array.from({ length: 15 }, (_, n) =>
          device({
            id: randomUUID(),
            name: `${'📱'.repeat(254)}${10 + n}`,
            sealedSecret: `${'k'.repeat(14)}${10 + n}:`.padEnd(1_000, 'x'),
            createdAt: NOW,
            usedUntil: NOW,
            algorithm: 'SHA256',
            period: 300,
          }),
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

  it('keeps what a write does not change, and writes what it does', async () => {
    const userId = randomUUID();
    const browser = { id: 'b', tokenHash: 'h', createdAt: 1, lastUsedAt: 1, expiresAt: 2, userAgent: null };
    const codes = { id: 's', sealedHashes: 'k:x', notation: 'exact', total: 1, used: [], createdAt: 1 } as const;
    const firstCode = { deviceId: 'd', step: 1, sessionHandle: 'session' };
    const base = account([device()]);
    const steps: Account[] = [
      base,
      { ...base, recoveryCodes: codes, trustedBrowsers: [browser] },
      { ...base, recoveryCodes: codes, trustedBrowsers: [browser], usedUntil: 5 },
      { ...base, recoveryCodes: { ...codes, used: [0] }, trustedBrowsers: [] },
      { ...base, recoveryCodes: { ...codes, used: [0] }, vigilance: { forgivenAt: 9, firstCode } },
      { ...base, recoveryCodes: { ...codes, used: [0] }, vigilance: { forgivenAt: 10, firstCode: null } },
      { ...base, temporaryCode: { id: 't', sealedHashes: 'k:t', createdAt: 1, expiresAt: 2 } },
      base,
    ];
    for (const step of steps) {
      expect(await store().commit(userId, await revisionOf(userId), step)).toBe(true);
      expect((await store().load(userId))?.account).toEqual(step);
    }
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
    expect(await erase(store(), userId)).toBe(true);
    expect(await store().commit(userId, revision, second)).toBe(false);
    expect(await store().load(userId)).toBeNull();
  });

  it('does not take an account that was erased and created again for the one before', async () => {
    const userId = await newUser();
    const revision = await revisionOf(userId);
    await erase(store(), userId);
    await store().commit(userId, null, first);
    expect(await store().commit(userId, revision, second)).toBe(false);
    expect(await accountOf(userId)).toEqual(first);
  });

  it('does not erase an account that has changed since it was loaded', async () => {
    const userId = await newUser();
    const stale = await revisionOf(userId);
    await store().commit(userId, stale, second);
    expect(await store().commit(userId, stale, 'erased')).toBe(false);
    expect(await accountOf(userId)).toEqual(second);
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
    const revision = await revisionOf(userId);
    expect((await times(50, () => store().commit(userId, revision, 'erased'))).filter(Boolean)).toHaveLength(1);
  });

  it('writes several accounts at once, new ones and changed ones', async () => {
    const [known, fresh] = [await newUser(), randomUUID()];
    const changes = [
      { userId: known, revision: await revisionOf(known), account: second },
      { userId: fresh, revision: null, account: first },
    ];
    expect(await store().commitAll(changes)).toBe(true);
    expect([await accountOf(known), await accountOf(fresh)]).toEqual([second, first]);
    expect(await store().commitAll([])).toBe(true);
  });

  it.each(['has changed', 'was erased', 'was made'])('writes none of several accounts when one %s', async (what) => {
    const users = await Promise.all([newUser(), newUser(), newUser()]);
    const revisions = await Promise.all(users.map(revisionOf));
    const [one, other, third] = users;
    if (what === 'has changed') await store().commit(other, revisions[1] ?? null, first);
    if (what === 'was erased') await erase(store(), other);
    if (what === 'was made') revisions[1] = null;
    const changes = users.map((userId, n) => ({ userId, revision: revisions[n] ?? null, account: second }));
    expect(await store().commitAll(changes)).toBe(false);
    expect(await Promise.all([one, third].map(accountOf))).toEqual([first, first]);
  });

  it('of 20 batches of the same accounts at once, in any order, writes one', async () => {
    const users = await Promise.all(Array.from({ length: 5 }, () => newUser()));
    const revisions = await Promise.all(users.map(revisionOf));
    const written = await times(20, (n) => {
      const changes = users.map((userId, of) => ({
        userId,
        revision: revisions[of] ?? null,
        account: account([], { usedUntil: n }),
      }));
      return store().commitAll(n % 2 === 0 ? changes : changes.reverse());
    });
    expect(written.filter(Boolean)).toHaveLength(1);
    const winner = account([], { usedUntil: written.indexOf(true) });
    expect(await Promise.all(users.map(accountOf))).toEqual(users.map(() => winner));
  });

  it('keeps what is written during a batch that is rolled back', async () => {
    const [one, other] = [await newUser(), await newUser()];
    const stale = [
      { userId: one, revision: await revisionOf(one), account: second },
      { userId: other, revision: randomUUID(), account: second },
    ];
    const concurrent = randomUUID();
    const results = await Promise.all([
      ...Array.from({ length: 10 }, () => store().commitAll(stale)),
      store().commit(concurrent, null, second),
      ...Array.from({ length: 10 }, () => store().commitAll(stale)),
    ]);
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await accountOf(concurrent)).toEqual(second);
    expect(await accountOf(one)).toEqual(first);
  });

  it('tells which keys secrets are sealed with, how many users each set of them has, and who they are', async () => {
    const under = (...keyIds: string[]) =>
      account(keyIds.map((keyId) => device({ name: randomUUID(), sealedSecret: `${keyId}:v1.x` })));
    const prefix = `2025-${randomUUID().slice(0, 6)}`;
    const [a, b] = [`${prefix}-a`, `${prefix}-b`];
    const both = [await newUser(under(b, a)), await newUser(under(a, b, a))];
    const onlyB = await newUser(under(b));
    await newUser(under());
    const moved = await newUser(under(a));
    await store().commit(moved, await revisionOf(moved), under(b));

    const sets: string[] = [];
    for (let set = await store().nextKeySet(undefined); set !== undefined; set = await store().nextKeySet(set))
      sets.push(set);
    expect(sets.filter((set) => set.startsWith(prefix)).sort()).toEqual([`${a},${b}`, b]);
    expect(sets).toContain('-');
    expect(await store().countAccounts(`${a},${b}`)).toBe(2);
    expect(await store().countAccounts(a)).toBe(0);

    const listed: unknown[] = [];
    let after: string | undefined;
    for (;;) {
      const [next, ...more] = await store().listAccounts(b, after, 1);
      expect(more).toEqual([]);
      if (next === undefined) break;
      listed.push(next.userId);
      after = next.cursor;
    }
    expect(listed.sort()).toEqual([onlyB, moved].sort());
    expect((await store().listAccounts(`${a},${b}`, undefined, 10)).map(({ userId }) => userId).sort()).toEqual(
      both.sort(),
    );
  });

  it('tells the time of its own clock, where it has one', async () => {
    const now = await store().now();
    if (name === 'memory') expect(now).toBeUndefined();
    else expect(Math.abs(Number(now) - Date.now())).toBeLessThan(60_000);
  });

  it('M5: keeps users apart whose ids differ in a byte', async () => {
    for (const [n, userId] of LOOKALIKES.entries()) {
      expect(await store().commit(userId, null, account([], { usedUntil: n }))).toBe(true);
    }
    for (const [n, userId] of LOOKALIKES.entries()) expect((await accountOf(userId))?.usedUntil).toBe(n);
    const many = await store().loadMany(LOOKALIKES);
    expect(LOOKALIKES.map((userId) => many.get(userId)?.usedUntil)).toEqual([...LOOKALIKES.keys()]);
    expect(await erase(store(), 'a')).toBe(true);
    expect(await accountOf('A')).toBeDefined();
  });

  it.each<[string, unknown]>([
    ['a name that is a number', { devices: [{ ...device(), name: 5 }] }],
    ['a name that is an object', { devices: [{ ...device(), name: { a: 1 } }] }],
    ['a device that is missing', { devices: [undefined] }],
    ['devices that are no list', { devices: 'phone' }],
    ['a secret that is missing', { devices: [{ ...device(), sealedSecret: undefined }] }],
    ['a time that is not a whole number', { usedUntil: NOW + 0.5 }],
    ['a negative time', { usedUntil: -1 }],
    ['failures that are NaN', { budget: { failures: NaN, recentFailures: [], lock: null } }],
    ['a lock without a number', { budget: { failures: 5, recentFailures: [], lock: { number: 0, until: NOW } } }],
  ])('refuses to store an account that it could not read back: %s', async (_, fields) => {
    const bad = { ...account([]), ...(fields as object) };
    const userId = randomUUID();
    await expect((async () => store().commit(userId, null, bad))()).rejects.toThrow('it could not be read back');
    expect(await store().load(userId)).toBeNull();
    const known = await newUser();
    const batch = [{ userId: known, revision: await revisionOf(known), account: bad }];
    await expect((async () => store().commitAll(batch))()).rejects.toThrow(TotpStorageError);
    expect(await accountOf(known)).toEqual(first);
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

describe.each(databases)('an account on $name that can no longer be read', ({ open }) => {
  const tables = useTables(open);

  it('is erased by removeUser, and not by a revision that it does not have', async () => {
    const { store, own } = tables();
    const { totp } = recipeOver({ store });
    await totp.importDevice({ userId: 'ann', secretKey: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' });
    await own.query("UPDATE totp_accounts SET devices = 'damaged'");
    await expect(totp.listDevices({ userId: 'ann' })).rejects.toThrow(TotpDamagedAccountError);
    expect(await store.commit('ann', 'another revision', 'erased')).toBe(false);
    expect(await totp.removeUser({ userId: 'ann' })).toEqual({ status: 'OK', didUserExist: true });
    expect(await totp.listDevices({ userId: 'ann' })).toEqual({ status: 'OK', devices: [] });
  });
});
