import { setImmediate as breathe } from 'node:timers/promises';
import { inParallel } from './parallel.js';

const items = Array.from({ length: 20 }, (_, n) => n);

describe('work in parallel', () => {
  it('is done a few items at a time, and answered in their order', async () => {
    let [running, most] = [0, 0];
    const results = await inParallel(items, async (n) => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn <= n % 3; turn++) await breathe();
      running--;
      return n * 2;
    });
    expect(results).toEqual(items.map((n) => n * 2));
    expect(most).toBe(4);
  });

  it('is not begun any more once a piece of it failed', async () => {
    const begun: number[] = [];
    const working = inParallel(items, async (n) => {
      begun.push(n);
      await breathe();
      if (n === 1) throw new Error('The database is away.');
    });
    await expect(working).rejects.toThrow('The database is away.');
    for (let turn = 0; turn < 20; turn++) await breathe();
    expect(begun.length).toBeLessThan(8);
  });
});
