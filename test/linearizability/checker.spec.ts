import { counterexample, type Event, linearize, type Specification } from './checker.js';

/** A number that can be read, and increased by one. */
type Call = 'read' | 'increase';

const counter: Specification<Call> = (state, call) =>
  Promise.resolve({
    state: call === 'read' ? state : String(Number(state) + 1),
    answer: call === 'read' ? state : 'done',
  });

let process = 0;
function call(name: Call, begun: number, ended: number, answer?: string): Event<Call> {
  return { call: name, process: process++, begun, ended, answer };
}

const isLinearizable = async (...history: Event<Call>[]) => (await linearize(history, '0', counter)) !== undefined;

describe('the checker', () => {
  it('takes calls one after another with the right answers', async () => {
    expect(await isLinearizable(call('read', 1, 2, '0'), call('increase', 3, 4, 'done'), call('read', 5, 6, '1'))).toBe(
      true,
    );
  });

  it('refuses an answer that forgets a call which had ended', async () => {
    expect(await isLinearizable(call('increase', 1, 2, 'done'), call('read', 3, 4, '0'))).toBe(false);
  });

  it('takes either answer of a call that overlaps', async () => {
    expect(await isLinearizable(call('increase', 1, 4, 'done'), call('read', 2, 3, '0'))).toBe(true);
    expect(await isLinearizable(call('increase', 1, 4, 'done'), call('read', 2, 3, '1'))).toBe(true);
  });

  it('refuses answers that need two orders of the same calls', async () => {
    expect(await isLinearizable(call('increase', 1, 9, 'done'), call('read', 2, 3, '1'), call('read', 4, 5, '0'))).toBe(
      false,
    );
  });

  it('takes a call without an answer as done or as not done, but not before it began', async () => {
    expect(await isLinearizable(call('increase', 1, Infinity), call('read', 2, 3, '0'), call('read', 4, 5, '1'))).toBe(
      true,
    );
    expect(await isLinearizable(call('increase', 1, Infinity), call('read', 2, 3, '0'))).toBe(true);
    expect(await isLinearizable(call('read', 2, 3, '1'), call('increase', 4, Infinity))).toBe(false);
  });

  it('refuses a call without an answer that was done twice', async () => {
    expect(await isLinearizable(call('increase', 1, Infinity), call('read', 2, 3, '2'))).toBe(false);
  });

  it('finds the shortest beginning that is wrong', async () => {
    const history = [
      call('increase', 1, 2, 'done'),
      call('read', 3, 4, '0'),
      call('increase', 3, 7, 'done'),
      call('read', 8, 9, '5'),
    ];
    const found = await counterexample(history, '0', counter);
    expect(found?.map(({ begun, answer }) => [begun, answer])).toEqual([
      [1, 'done'],
      [3, '0'],
      [3, undefined],
    ]);
  });
});
