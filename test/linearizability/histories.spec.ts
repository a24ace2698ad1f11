/**
 * Histories of overlapping calls, made by four processes, are linearizable while some of them are killed, while the
 * server ends connections, and while servers are stopped, crash and pause (check D4).
 *
 * On each database 200 are judged (60 while servers have faults), or as many times more as `TOTP_TEST_REPETITIONS` says. `TOTP_TEST_SEED` chooses others; a failure says which.
 */
import type { DataSource } from 'typeorm';
import { endSession } from '../faults/end-session.js';
import type { OwnCluster } from '../faults/galera.js';
import { presentOf } from '../faults/own-servers.js';
import { consistentGalera, disturbServer, kindsOfCluster } from '../faults/server-faults.js';
import { Fleet } from '../processes/fleet.js';
import { connect } from '../storage/tables.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { Random } from '../support/random.js';
import { judge } from './histories.js';

const REPETITIONS = Number(process.env.TOTP_TEST_REPETITIONS ?? 1);
const SEED = Number(process.env.TOTP_TEST_SEED ?? 1);
const TIMEOUT = 120_000 + 60_000 * REPETITIONS;

const galera = { ...consistentGalera, open: async () => (await consistentGalera.open()).database };

/** @returns how many calls had no answer */
async function expectLinearizable(
  fleet: Fleet,
  faults: { killed: number; histories?: number; disturb?: (random: Random) => Promise<void> },
): Promise<number> {
  let interrupted = 0;
  for (let n = 0; n < REPETITIONS; n++) {
    const seed = SEED + n;
    const judgement = await judge(fleet, new Random(seed), { histories: 200, ...faults });
    expect({ seed, counterexample: judgement.counterexample }).toEqual({ seed, counterexample: undefined });
    interrupted += judgement.interrupted;
  }
  return interrupted;
}

describe.each([...databases, ...presentOf([galera])])('histories on $name', ({ name, open, ...kind }) => {
  let database: OpenDatabase;
  let dataSource: DataSource;
  let fleet: Fleet;

  beforeAll(async () => {
    if ('isMissing' in kind) throw new Error(kind.isMissing);
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
      fleet = await Fleet.launch(database);
      expect(await expectLinearizable(fleet, { killed: 2 })).toBeGreaterThan(0);
    },
    TIMEOUT,
  );

  // To an SQLite file there are no connections that a server could end.
  if (name !== 'SQLite') {
    it(
      'D4: are linearizable while the server ends connections',
      async () => {
        fleet = await Fleet.launch(database);
        const disturb = () => endSession(dataSource);
        expect(await expectLinearizable(fleet, { killed: 0, disturb })).toBeGreaterThan(0);
      },
      TIMEOUT,
    );
  }

  it('D4: are refused when the last write wins', async () => {
    fleet = await Fleet.launch(database, { hasStoreWithoutCondition: true });
    const { counterexample } = await judge(fleet, new Random(SEED), { histories: 200, killed: 0 });
    expect(counterexample).toMatch(/µs, process [0-3]: \w+ .* → /);
  }, 120_000);
});

describe.each(presentOf(kindsOfCluster))("histories on $name of the test's own", ({ isMissing, open }) => {
  let cluster: OwnCluster;
  let fleet: Fleet;

  beforeAll(async () => {
    if (isMissing !== undefined) throw new Error(isMissing);
    cluster = await open();
    const dataSource = await connect(cluster.database);
    await dataSource.runMigrations();
    await dataSource.destroy();
  }, 120_000);

  beforeEach(async () => {
    fleet = await Fleet.launch(cluster.database);
  }, 60_000);
  afterEach(() => fleet.land());
  afterAll(() => cluster.database.drop());

  it(
    'D4: are linearizable while a server is stopped, crashes or pauses',
    async () => {
      const disturb = (random: Random) => disturbServer(cluster.nodes, random);
      // They take long: servers need seconds to start.
      expect(await expectLinearizable(fleet, { killed: 0, histories: 60, disturb })).toBeGreaterThan(0);
    },
    TIMEOUT,
  );
});
