/**
 * Histories of overlapping calls, made by four processes of which some are killed, are linearizable (check D4).
 *
 * On each database 200 are judged, or as many times 200 as `TOTP_TEST_REPETITIONS` says. `TOTP_TEST_SEED` chooses others; a failure says which.
 */
import type { DataSource } from 'typeorm';
import { Fleet } from '../processes/fleet.js';
import { connect } from '../storage/tables.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { judge, PROCESSES, randomNumbers } from './histories.js';

const REPETITIONS = Number(process.env.TOTP_TEST_REPETITIONS ?? 1);
const SEED = Number(process.env.TOTP_TEST_SEED ?? 1);

describe.each(databases)('histories on $name', ({ open }) => {
  let database: OpenDatabase;
  let dataSource: DataSource;
  let fleet: Fleet;

  beforeAll(async () => {
    database = await open();
    dataSource = await connect(database);
    await dataSource.runMigrations();
  });

  afterEach(() => fleet.land());
  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  it(
    'D4: are linearizable while processes are killed',
    async () => {
      fleet = await Fleet.launch(database, PROCESSES);
      let interrupted = 0;
      for (let n = 0; n < REPETITIONS; n++) {
        const seed = SEED + n;
        const judgement = await judge(fleet, randomNumbers(seed), { histories: 200, killed: 2 });
        expect({ seed, counterexample: judgement.counterexample }).toEqual({ seed, counterexample: undefined });
        interrupted += judgement.interrupted;
      }
      expect(interrupted).toBeGreaterThan(0);
    },
    120_000 + 60_000 * REPETITIONS,
  );

  it('D4: are refused when the last write wins', async () => {
    fleet = await Fleet.launch(database, PROCESSES, undefined, { TOTP_UNCONDITIONAL: '1' });
    const { counterexample } = await judge(fleet, randomNumbers(SEED), { histories: 200, killed: 0 });
    expect(counterexample).toMatch(/µs, process [0-3]: \w+ .* → /);
  }, 120_000);
});
