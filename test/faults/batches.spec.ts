/** Every statement of a batch of accounts, those of its transaction too, fails or is done while its reply is lost (check L8). */
import { randomUUID } from 'node:crypto';
import { type AccountChange, TotpStorageError } from 'nestjs-totp';
import { account, device } from '../support/accounts.js';
import { databases } from '../support/databases.js';
import type { Meet } from './faulty-connection.js';
import { useSite } from './site.js';
import type { Cut } from './tcp-proxy.js';

interface Fault {
  readonly name: string;
  readonly meet: Cut;
  readonly goesOn?: boolean;
}

const faults: readonly Fault[] = [
  { name: 'fails before it is sent', meet: 'before the statement' },
  { name: 'fails before it is sent, as does all that follows', meet: 'before the statement', goesOn: true },
  { name: 'is done while its reply is lost', meet: 'before the reply' },
  { name: 'is done while its reply is lost, as is every later one', meet: 'before the reply', goesOn: true },
];
const [before, after] = [account([], { usedUntil: 1 }), account([], { usedUntil: 2 })];

describe.each(databases)('a batch on $name', (database) => {
  const { site, breaks } = useSite(database);

  /** A change of three users, one of whom is new. */
  async function newBatch(): Promise<readonly AccountChange[]> {
    const [one, other, fresh] = [randomUUID(), randomUUID(), randomUUID()];
    await site().store.commitAll([one, other].map((userId) => ({ userId, revision: null, account: before })));
    const known = [one, other].map(async (userId) => {
      return { userId, revision: (await site().stored(userId))?.revision ?? '', account: after };
    });
    return [...(await Promise.all(known)), { userId: fresh, revision: null, account: after }];
  }

  const usedUntil = (batch: readonly AccountChange[]) =>
    Promise.all(batch.map(async ({ userId }) => (await site().stored(userId))?.account.usedUntil ?? null));

  it.each(faults)('L8: is written whole or not at all when a statement $name', async ({ meet, goesOn }) => {
    const undisturbed = await newBatch();
    site().connection.meetNoFault();
    expect(await site().store.commitAll(undisturbed)).toBe(true);
    const statements = [...site().connection.statements];
    expect(statements).toHaveLength(5);

    for (const [index, sql] of statements.entries()) {
      const batch = await newBatch();
      const n = index + 1;
      site().connection.meetFault(n, goesOn ? Infinity : n, breaks(meet));
      const { store } = site();
      const written = await store.commitAll(batch).catch((error: unknown) => error);
      site().connection.meetNoFault();

      const isDone = meet === 'before the reply' && sql === 'COMMIT';
      if (isDone && !goesOn) expect({ sql, written }).toEqual({ sql, written: true });
      else expect({ sql, written }).toEqual({ sql, written: expect.any(TotpStorageError) });
      expect({ sql, stored: await usedUntil(batch) }).toEqual({ sql, stored: isDone ? [2, 2, 2] : [1, 1, null] });

      expect({ sql, again: await site().store.commitAll(batch) }).toEqual({ sql, again: !isDone });
      expect({ sql, stored: await usedUntil(batch) }).toEqual({ sql, stored: [2, 2, 2] });
    }
  });

  if (database.name !== 'SQLite') return;

  /** How large the file may become; it never becomes smaller than it is. */
  const withPages =
    (count: number): Meet =>
    async ({ say, send }) => {
      await say(`PRAGMA max_page_count = ${count}`);
      return send();
    };

  it('L8: is not written at all when the disk is full, and whole once there is room', async () => {
    const large = account([device({ sealedSecret: 'x'.repeat(50_000) })], { usedUntil: 2 });
    const batch = (await newBatch()).map((change) => ({ ...change, account: large }));
    site().connection.meetFault(1, 1, withPages(1));
    await expect(site().store.commitAll(batch)).rejects.toThrow(/disk is full/);
    expect(await usedUntil(batch)).toEqual([1, 1, null]);

    site().connection.meetFault(1, 1, withPages(1_000_000));
    expect(await site().store.commitAll(batch)).toBe(true);
    expect(await usedUntil(batch)).toEqual([2, 2, 2]);
  });
});
