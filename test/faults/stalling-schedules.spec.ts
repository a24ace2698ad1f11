/**
 * Random schedules of delays, cuts, locks and ended connections: no transaction is left open, and every answer is what is committed
 * (checks L8, W3, L1).
 *
 * `TOTP_TEST_STALL_SCHEDULES=1000` asks for more schedules, and `TOTP_TEST_STALL_SEED` names the first one. A failure prints its seed.
 */
import { databases } from '../support/databases.js';
import { type Setting, StallingSite } from './stalling-site.js';

const { TOTP_TEST_STALL_SCHEDULES, TOTP_TEST_STALL_SEED } = process.env;
const settings: readonly Setting[] = [
  { timeOuts: 'the client', outbox: true },
  { timeOuts: 'the server', outbox: true },
  { timeOuts: 'the client', outbox: false },
  { timeOuts: 'the server', outbox: false },
];
const servers = databases.filter(({ name }) => name !== 'SQLite');
const SHORT = 40;
const schedules = Math.ceil(Number(TOTP_TEST_STALL_SCHEDULES ?? SHORT) / Math.max(1, servers.length * settings.length));
const firstSeed = Number(
  TOTP_TEST_STALL_SEED ?? (TOTP_TEST_STALL_SCHEDULES === undefined ? 6238 : Date.now() % 2 ** 31),
);

describe.each(servers)('on $name', ({ open }) => {
  it.each(settings)(
    'L8, W3, L1: random delays, cuts and kills leave no transaction open and lose no row, when $timeOuts gives up (outbox: $outbox)',
    async (setting) => {
      const site = await StallingSite.open(await open(), setting);
      let seed = firstSeed;
      try {
        for (; seed < firstSeed + schedules; seed++) await site.run(seed);
      } catch (error) {
        throw new Error(`TOTP_TEST_STALL_SCHEDULES=1 TOTP_TEST_STALL_SEED=${seed}: ${String(error)}`, { cause: error });
      } finally {
        await site.close();
      }
    },
    60_000 + schedules * 10_000,
  );
});
