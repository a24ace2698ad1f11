/** The example's own clock, which visitors step ahead. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoClock } from '../../example/demo/demo-clock.js';
import { Client } from './client.js';
import { startKeepsake } from './keepsake.js';

describe("the example's clock", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keepsake-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('ends a lock when it is stepped past it, and goes on from there after a restart', async () => {
    const first = await startKeepsake({ folder, ownClock: true });
    const clock = first.get(DemoClock);
    const ada = await Client.register(first);
    await ada.enrol('Phone', clock.now());
    await ada.send('/demo/attack', { kind: 'guesses' });
    expect(await waitMs(ada)).toBeGreaterThan(14 * 60_000);
    await ada.send('/demo/clock', { step: '15 min' });
    expect(await waitMs(ada)).toBe(0);
    expect(await (await ada.get('/security')).text()).toContain('15 minutes ahead of real time.');
    await first.stop();

    const second = await startKeepsake({ folder, ownClock: true });
    expect(second.get(DemoClock).aheadMs).toBe(15 * 60_000);
    await ada.at(second).send('/demo/clock', { step: 'reset' });
    expect(second.get(DemoClock).aheadMs).toBe(0);
    await second.stop();
  });

  async function waitMs(client: Client): Promise<number> {
    const { retryAfterMs } = (await (await client.get('/code/wait')).json()) as { retryAfterMs: number };
    return retryAfterMs;
  }
});
