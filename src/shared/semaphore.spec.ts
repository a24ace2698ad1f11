import { Semaphore } from './semaphore.js';
import { yieldToEventLoop } from './timers.js';

const items = Array.from({ length: 20 }, (_, n) => n);

describe('a semaphore', () => {
  it('runs as many calls at a time as it has permits, and returns results in the order of the items', async () => {
    let [running, most] = [0, 0];
    const results = await new Semaphore(4).map(items, async (n) => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn <= n % 3; turn++) await yieldToEventLoop();
      running--;
      return n * 2;
    });
    expect(results).toEqual(items.map((n) => n * 2));
    expect(most).toBe(4);
  });

  it('bounds calls of different places together, and starts them in their order', async () => {
    const semaphore = new Semaphore(1);
    const log: string[] = [];
    const call = (name: string) =>
      semaphore.run(async () => {
        log.push(`${name} begins`);
        await yieldToEventLoop();
        log.push(`${name} ends`);
      });
    await Promise.all([call('a'), call('b'), call('c')]);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('passes the permit of a call that fails to the next one', async () => {
    const semaphore = new Semaphore(1);
    const failure = semaphore.run(() => Promise.reject(new Error('broken')));
    const next = semaphore.run(() => Promise.resolve('whole'));
    await expect(failure).rejects.toThrow('broken');
    expect(await next).toBe('whole');
    expect(await semaphore.run(() => Promise.resolve('later'))).toBe('later');
  });

  it('starts no further work for the items of a call once the work for one of them has failed', async () => {
    const begun: number[] = [];
    const working = new Semaphore(4).map(items, async (n) => {
      begun.push(n);
      await yieldToEventLoop();
      if (n === 1) throw new Error('The database is down.');
    });
    await expect(working).rejects.toThrow('The database is down.');
    for (let turn = 0; turn < 20; turn++) await yieldToEventLoop();
    expect(begun.length).toBeLessThan(8);
  });
});
