/** Statements that PostgreSQL prepares: what becomes of them when the server knows them no more, or no longer as they were. */
import { randomUUID } from 'node:crypto';
import type { DataSource, EntitySubscriberInterface } from 'typeorm';
import { account } from '../support/accounts.js';
import { databases } from '../support/databases.js';
import { useTables } from './tables.js';

const postgres = databases.filter(({ name }) => name === 'PostgreSQL');

describe.each(postgres)('a prepared statement on $name', ({ open }) => {
  /** How many statements the connection has prepared. There is just one connection while nobody works in parallel. */
  async function preparedOn(own: DataSource): Promise<number> {
    const rows: unknown[] = await own.query("SELECT 1 FROM pg_prepared_statements WHERE name LIKE 'totp_%'");
    return rows.length;
  }

  describe.each([
    ['is gone, as behind a pooler that shares connections,', (own: DataSource) => own.query('DEALLOCATE ALL')],
    [
      'returns something else since a migration',
      (own: DataSource) => own.query('ALTER TABLE totp_accounts ALTER COLUMN failures TYPE bigint'),
    ],
    [
      'is there already, as behind such a pooler,',
      async (own: DataSource) => {
        const statements: { statement: string; name: string }[] = await own.query(
          "SELECT statement, name FROM pg_prepared_statements WHERE name LIKE 'totp_%'",
        );
        await own.destroy();
        await own.initialize();
        for (const { statement, name } of statements) await own.query(`PREPARE ${name} AS ${statement}`);
      },
    ],
  ])('that %s', (_, change) => {
    const tables = useTables(open);

    it('is run without its name', async () => {
      const { own, store } = tables();
      const userId = randomUUID();
      expect(await store.commit(userId, null, account([]))).toBe(true);
      await store.load(userId);
      expect(await preparedOn(own)).toBe(2);
      await change(own);
      for (let time = 0; time < 3; time++) {
        const loaded = await store.load(userId);
        expect(loaded?.account).toEqual(account([]));
        expect(await store.commit(userId, loaded?.revision ?? null, account([]))).toBe(true);
      }
    });
  });

  describe('where a subscriber of the application watches statements', () => {
    const tables = useTables(open);

    it('is sent by TypeORM, which tells the subscriber', async () => {
      const { own, store } = tables();
      const seen: string[] = [];
      const subscriber: EntitySubscriberInterface = {
        beforeQuery: ({ query }) => {
          seen.push(query);
        },
      };
      own.subscribers.push(subscriber);
      await store.load('ann');
      expect(seen).toEqual([expect.stringMatching(/^SELECT/)]);
      expect(await preparedOn(own)).toBe(0);
    });
  });
});
