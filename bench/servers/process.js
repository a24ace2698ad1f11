/** What every process of the bench has in common: the settings it was started with, and answers to what it is asked. */
import { cpuTime } from '../support/callers.js';

export const settings = JSON.parse(process.env.BENCH_SETTINGS ?? '{}');

/**
 * Tells the bench that the process is ready; from then on answers it, until the bench lets go.
 *
 * @param {object} ready what the bench is to know
 * @param {object} [life]
 * @param {(message: any) => unknown} [life.answer] answers one message; there is one at a time
 * @param {() => unknown} [life.close] at the end
 */
export function serve(ready, { answer = () => undefined, close = () => undefined } = {}) {
  process.on('message', async (message) => {
    process.send({ answer: message === 'cpuTime' ? cpuTime() : await answer(message) });
  });
  process.once('disconnect', async () => {
    await close();
    process.exit();
  });
  process.send(ready);
}
