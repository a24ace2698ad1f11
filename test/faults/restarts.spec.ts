/** The database server goes away under load and comes back, while four processes go on calling (checks W3, L1 and L8). */
import type { DataSource } from 'typeorm';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { Fleet } from '../processes/fleet.js';
import { connect } from '../storage/tables.js';
import { NOW } from './attack.js';
import { kindsOfServer, type OwnServer, presentOf } from './own-servers.js';
import type { End } from './server-process.js';
import { isFault, newAttack, Siege } from './siege.js';

const REPETITIONS = Number(process.env.TOTP_TEST_REPETITIONS ?? 1);

describe.each(presentOf(kindsOfServer))('under four processes, $name', ({ isMissing, open }) => {
  let server: OwnServer;
  let observer: DataSource;
  let store: TypeOrmTotpAccountStore;
  let fleet: Fleet;
  let siege: Siege;

  beforeAll(async () => {
    if (isMissing !== undefined) throw new Error(isMissing);
    server = await open();
    observer = await connect(server.database);
    await observer.runMigrations();
    store = new TypeOrmTotpAccountStore(observer);
    fleet = await Fleet.launch(server.database);
    siege = new Siege(fleet);
  });
  afterAll(async () => {
    await fleet.land();
    await observer.destroy();
    await server.database.drop();
  });

  it.each<End>(['is stopped', 'crashes'])(
    'W3, L1, L8: %s and is started again: every call gets a fault or its one right answer',
    async (end) => {
      for (let repetition = 0; repetition < REPETITIONS; repetition++) {
        const [before, during, outage, after] = [newAttack(), newAttack(), newAttack(), newAttack()];
        const everybody = [before, during, outage, after];
        for (const { enrolments } of everybody) await fleet.fire(NOW, enrolments);
        expect((await siege.fire(before)).filter(isFault)).toEqual([]);

        await siege.fireWhile(during, () => server.end(end));
        for (const attack of [before, during, outage]) {
          expect((await siege.fire(attack)).filter((answer) => !isFault(answer))).toEqual([]);
        }

        const starting = server.start();
        await siege.fireUntilAnswered([before, during, outage]);
        await starting;
        expect((await siege.fire(after)).filter(isFault)).toEqual([]);
        for (const attack of everybody) await attack.expectOver(store);
      }
    },
    300_000 + 60_000 * REPETITIONS,
  );
});
