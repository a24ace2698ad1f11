import { KeyedMutex } from './keyed-mutex.js';

/** A call that ends when the test says so. */
class Call {
  private end: (() => void) | undefined;

  constructor(
    private readonly log: string[],
    private readonly name: string,
  ) {}

  readonly run = async (): Promise<string> => {
    this.log.push(`${this.name} begins`);
    await new Promise<void>((resolve) => (this.end = resolve));
    this.log.push(`${this.name} ends`);
    return this.name;
  };

  finish(): void {
    this.end?.();
  }
}

describe('a keyed mutex', () => {
  it('runs calls of one key one after the other, in their order', async () => {
    const log: string[] = [];
    const mutex = new KeyedMutex();
    const calls = ['first', 'second', 'third'].map((name) => new Call(log, name));
    const answers = calls.map(({ run }) => mutex.runExclusive('ann', run));
    for (const call of calls) {
      await new Promise(setImmediate);
      call.finish();
    }
    expect(await Promise.all(answers)).toEqual(['first', 'second', 'third']);
    expect(log).toEqual(['first begins', 'first ends', 'second begins', 'second ends', 'third begins', 'third ends']);
  });

  it('runs calls of different keys side by side', async () => {
    const log: string[] = [];
    const mutex = new KeyedMutex();
    const [ann, bob] = [new Call(log, 'ann'), new Call(log, 'bob')];
    const answers = [mutex.runExclusive('ann', ann.run), mutex.runExclusive('bob', bob.run)];
    await new Promise(setImmediate);
    bob.finish();
    await answers[1];
    ann.finish();
    await answers[0];
    expect(log).toEqual(['ann begins', 'bob begins', 'bob ends', 'ann ends']);
  });

  it('runs the next call of a key after one that fails, which does not fail with it', async () => {
    const mutex = new KeyedMutex();
    const failure = mutex.runExclusive('ann', () => Promise.reject(new Error('broken')));
    const answer = mutex.runExclusive('ann', () => Promise.resolve('whole'));
    await expect(failure).rejects.toThrow('broken');
    expect(await answer).toBe('whole');
  });
});
