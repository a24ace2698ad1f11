import { durationMs } from './duration.js';

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['15m', 900_000],
    ['2h', 7_200_000],
    ['30d', 2_592_000_000],
    ['0s', 0],
    [90, 90_000],
    [0.5, 500],
    [0, 0],
  ])('%j is %d milliseconds', (value, ms) => {
    expect(durationMs(value)).toBe(ms);
  });

  it('takes a plain number in the unit that the option counts in', () => {
    expect(durationMs(250, 1)).toBe(250);
    expect(durationMs('2s', 1)).toBe(2_000);
  });

  it.each<unknown>([
    ...[
      '',
      '5',
      'm',
      '5 m',
      ' 5m',
      '5m ',
      '5m\n',
      '-5m',
      '+5m',
      '1.5h',
      '1e3s',
      '5min',
      '5M',
      '5 minutes',
      '٥m',
      'PT5M',
    ],
    ...['99999999999999d', NaN, Infinity, -Infinity, -1, Number.MAX_VALUE],
    ...[undefined, null, true, 5n, {}, ['5m'], new Date(0), () => 5, Symbol('5m')],
  ])('%p is no duration', (value) => {
    expect(durationMs(value)).toBeUndefined();
  });
});
