/** Where sessions without a place of their own remember that TOTP was completed. */
import { randomUUID } from 'node:crypto';
import { FaultyConnection } from '../faults/faulty-connection.js';
import { databases } from '../support/databases.js';
import { NOW } from '../support/accounts.js';
import { useTables } from './tables.js';

const HOUR = 3_600_000;

describe.each(databases)('session completions on $name', ({ open }) => {
  const tables = useTables(open);
  const newKey = () => JSON.stringify(['public', 'ann', randomUUID()]);
  const rows = () => tables().dataSource.query<object[]>('SELECT * FROM totp_session_completions');

  it('are unknown until they are put, and then the newest', async () => {
    const { completions } = tables();
    const key = newKey();
    expect(await completions.find(key, NOW)).toBeUndefined();
    await completions.put(key, 'ann', NOW, NOW + HOUR);
    expect(await completions.find(key, NOW)).toBe(NOW);
    await completions.put(key, 'ann', NOW + 1, NOW + HOUR);
    expect(await completions.find(key, NOW)).toBe(NOW + 1);
  });

  it('are kept without the key', async () => {
    const key = newKey();
    await tables().completions.put(key, 'ann', NOW, NOW + HOUR);
    const handle = key.slice(16, -2);
    expect(JSON.stringify(await rows())).not.toContain(handle);
  });

  it('belong to exactly one key', async () => {
    const { completions } = tables();
    const keys = ['a', 'A', 'a ', 'ä', 'a\u0308', '📱', 'x'.repeat(10_000)];
    for (const [n, key] of keys.entries()) await completions.put(key, 'ann', NOW + n, NOW + HOUR);
    for (const [n, key] of keys.entries()) expect(await completions.find(key, NOW)).toBe(NOW + n);
  });

  it('end when the token expires', async () => {
    const { completions } = tables();
    const key = newKey();
    await completions.put(key, 'ann', NOW, NOW + HOUR);
    expect(await completions.find(key, NOW + HOUR - 1)).toBe(NOW);
    expect(await completions.find(key, NOW + HOUR)).toBeUndefined();
  });

  it('are forgotten when another session comes after that', async () => {
    const { completions } = tables();
    const [old, next] = [newKey(), newKey()];
    await completions.put(old, 'ann', NOW - HOUR, NOW - 1);
    expect(await completions.find(old, NOW - 2)).toBe(NOW - HOUR);
    await completions.put(next, 'ann', NOW, NOW + HOUR);
    expect(await completions.find(old, NOW - 2)).toBeUndefined();
    expect(await completions.find(next, NOW)).toBe(NOW);
  });

  it('of one session, 50 at once, are one', async () => {
    const { completions } = tables();
    const key = newKey();
    const before = (await rows()).length;
    await Promise.all(Array.from({ length: 50 }, () => completions.put(key, 'ann', NOW, NOW + HOUR)));
    expect(await completions.find(key, NOW)).toBe(NOW);
    expect(await rows()).toHaveLength(before + 1);
  });

  it('of 200 sessions at once, among others that expire, are all there', async () => {
    const { completions } = tables();
    for (let wave = 1; wave <= 5; wave++) {
      const now = NOW + wave * HOUR;
      const keys = Array.from({ length: 200 }, newKey);
      await Promise.all(keys.map((key, n) => completions.put(key, 'ann', now, now + (n % 2))));
      await Promise.all(keys.map((key) => completions.put(key, 'ann', now + 1, now + 2)));
      const found = await Promise.all(keys.map((key) => completions.find(key, now + 1)));
      expect(found).toEqual(keys.map(() => now + 1));
    }
  });

  describe('of a session that others put at the same time', () => {
    let connection: FaultyConnection;
    beforeAll(() => (connection = new FaultyConnection(tables().own)));
    afterEach(() => {
      connection.meetNoFault();
    });

    /** Somebody else is ahead of the next statements, as a server says it to an update, and every database to an insert. */
    function loseRaces(count: number): void {
      const lost = Object.assign(new Error('another process was first'), { code: 'ER_LOCK_DEADLOCK' });
      connection.meetFault(1, count, () => Promise.reject(lost));
    }

    it.each([1, 2, 3, 4, 6, 29])('are put all the same, after %i lost races', async (count) => {
      const { completions } = tables();
      const key = newKey();
      loseRaces(count);
      await completions.put(key, 'ann', NOW, NOW + HOUR);
      expect(await completions.find(key, NOW)).toBe(NOW);
    });

    it('are a fault after thirty, which says so', async () => {
      loseRaces(30);
      await expect(tables().completions.put(newKey(), 'ann', NOW, NOW + HOUR)).rejects.toThrow(
        'Gave up after several conflicting updates of a session completion',
      );
    });
  });
});
