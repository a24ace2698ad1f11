import { monotonicClock } from './monotonic-clock.js';

/** Timers that Node.js waits for before the process ends. */
const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;

it.each([
  [true, 1],
  [false, 0],
  [undefined, 0],
])('with keepsProcessAlive: %s, a timer keeps the process alive, or not', (keepsProcessAlive, more) => {
  const before = timers();
  const cancel = monotonicClock.after(60_000, () => undefined, keepsProcessAlive);
  expect(timers() - before).toBe(more);
  cancel();
  expect(timers()).toBe(before);
});
