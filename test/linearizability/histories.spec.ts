/**
 * Histories of overlapping calls, made by four processes, are linearizable while some of them are killed, and while
 * the server ends connections (check D4).
 *
 * On each database 200 are judged, or as many times 200 as `TOTP_TEST_REPETITIONS` says. `TOTP_TEST_SEED` chooses others; a failure says which.
 */
import type { DataSource } from 'typeorm';
import { endSession } from '../faults/end-session.js';
import { Fleet } from '../processes/fleet.js';
import { connect } from '../storage/tables.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { Random } from '../support/random.js';
import { judge, PROCESSES } from './histories.js';

const REPETITIONS = Number(process.env.TOTP_TEST_REPETITIONS ?? 1);
const SEED = Number(process.env.TOTP_TEST_SEED ?? 1);
const TIMEOUT = 120_000 + 60_000 * REPETITIONS;

describe.each(databases)('histories on $name', ({ name, open }) => {
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

  /** @returns how many calls had no answer */
  async function expectLinearizable(faults: { killed: number; disturb?: () => Promise<void> }): Promise<number> {
    fleet = await Fleet.launch(database, PROCESSES);
    let interrupted = 0;
    for (let n = 0; n < REPETITIONS; n++) {
      const seed = SEED + n;
      const judgement = await judge(fleet, new Random(seed), { histories: 200, ...faults });
      expect({ seed, counterexample: judgement.counterexample }).toEqual({ seed, counterexample: undefined });
      interrupted += judgement.interrupted;
    }
    return interrupted;
  }

  it(
    'D4: are linearizable while processes are killed',
    async () => {
      expect(await expectLinearizable({ killed: 2 })).toBeGreaterThan(0);
    },
    TIMEOUT,
  );

  // To an SQLite file there are no connections that a server could end.
  if (name !== 'SQLite') {
    it(
      'D4: are linearizable while the server ends connections',
      async () => {
        expect(await expectLinearizable({ killed: 0, disturb: () => endSession(dataSource) })).toBeGreaterThan(0);
      },
      TIMEOUT,
    );
  }

  it('D4: are refused when the last write wins', async () => {
    fleet = await Fleet.launch(database, PROCESSES, undefined, { TOTP_UNCONDITIONAL: '1' });
    const { counterexample } = await judge(fleet, new Random(SEED), { histories: 200, killed: 0 });
    expect(counterexample).toMatch(/µs, process [0-3]: \w+ .* → /);
  }, 120_000);
});
