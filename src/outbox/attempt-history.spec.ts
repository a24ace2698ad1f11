import { NO_ATTEMPTS, readHistory, withFailure, writeHistory } from './attempt-history.js';

const failure = (n: number) => ({ at: n, reason: `reason ${n}` });

describe('the history of attempts', () => {
  it('is read as it was written', () => {
    const history = withFailure(NO_ATTEMPTS, { at: 7, reason: 'ä📱 "is" down' }, new Set(['Mailer.onLocked']));
    expect(readHistory(writeHistory(history))).toEqual({
      failures: [{ at: 7, reason: 'ä📱 "is" down' }],
      completed: ['Mailer.onLocked'],
    });
    expect(writeHistory(history)).toMatch(/^[\0-\x7f]*$/);
  });

  it('keeps the newest ten failures', () => {
    let history = NO_ATTEMPTS;
    for (let n = 1; n <= 12; n++) history = withFailure(history, failure(n), []);
    expect(history.failures).toEqual(Array.from({ length: 10 }, (_, n) => failure(n + 3)));
  });

  it('keeps the failures and forgets parts when it is too long for a column of MySQL', () => {
    const history = withFailure(
      { failures: Array.from({ length: 10 }, () => ({ at: 1, reason: '📱'.repeat(250) })), completed: [] },
      failure(2),
      Array.from({ length: 2_000 }, (_, n) => `part ${n} of a destination`),
    );
    const json = writeHistory(history);
    expect(json.length).toBeLessThanOrEqual(65_535);
    const { failures, completed } = readHistory(json);
    expect(failures).toEqual(history.failures);
    expect(completed.length).toBeGreaterThan(200);
    expect(writeHistory({ failures: [failure(1)], completed: ['x'.repeat(70_000)] })).toBe(
      '{"failures":[{"at":1,"reason":"reason 1"}],"completed":[]}',
    );
  });

  it.each([
    null,
    undefined,
    '',
    'null',
    '[]',
    '"no reply"',
    '{"failures":7,"completed":{}}',
    '{"failures":[{"at":"1"}]}',
  ])('is empty when the column contains %j', (json) => {
    expect(readHistory(json)).toEqual(NO_ATTEMPTS);
  });
});
