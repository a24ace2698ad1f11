import { Turns } from './keyed-mutex.js';

/** A call that ends when it is told to. */
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

describe('calls that take turns', () => {
  it('run one after the other for one user, in their order', async () => {
    const log: string[] = [];
    const turns = new Turns();
    const calls = ['first', 'second', 'third'].map((name) => new Call(log, name));
    const answers = calls.map(({ run }) => turns.take('ann', run));
    for (const call of calls) {
      await new Promise(setImmediate);
      call.finish();
    }
    expect(await Promise.all(answers)).toEqual(['first', 'second', 'third']);
    expect(log).toEqual(['first begins', 'first ends', 'second begins', 'second ends', 'third begins', 'third ends']);
  });

  it('do not wait for those of another user', async () => {
    const log: string[] = [];
    const turns = new Turns();
    const [ann, bob] = [new Call(log, 'ann'), new Call(log, 'bob')];
    const answers = [turns.take('ann', ann.run), turns.take('bob', bob.run)];
    await new Promise(setImmediate);
    bob.finish();
    await answers[1];
    ann.finish();
    await answers[0];
    expect(log).toEqual(['ann begins', 'bob begins', 'bob ends', 'ann ends']);
  });

  it('are not held up by one that fails, and do not fail with it', async () => {
    const turns = new Turns();
    const failure = turns.take('ann', () => Promise.reject(new Error('broken')));
    const answer = turns.take('ann', () => Promise.resolve('whole'));
    await expect(failure).rejects.toThrow('broken');
    expect(await answer).toBe('whole');
  });
});
