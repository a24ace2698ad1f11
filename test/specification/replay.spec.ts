/** Executions of the model, step by step, with the service and its store: each answer, each account and each event is the same. */
import { TypeOrmTotpOutbox } from 'nestjs-totp';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { rowId } from '../../src/storage/sql/row-id.js';
import { FaultyConnection } from '../faults/faulty-connection.js';
import { useTables } from '../storage/tables.js';
import { databases } from '../support/databases.js';
import { Replay, type Site } from './replay.js';
import { describeWithSpin, scenarios, simulate } from './spin.js';

/** Of each scenario. */
const EXECUTIONS = Number(process.env.TOTP_TEST_EXECUTIONS ?? 10);

/** What the executions did, of all scenarios and databases. */
const seen = new Set<string>();

describeWithSpin('on each database', () => {
  describe.each(databases)('on $name', ({ open }) => {
    const tables = useTables(open);
    let site: Site;

    beforeAll(() => {
      const { own } = tables();
      const outbox = new TypeOrmTotpOutbox({ open: () => Promise.resolve(own) }, () => ['nowhere']);
      const store = new TypeOrmTotpAccountStore(own, outbox);
      const storedEvents = async (userId: string) => {
        const sql = `SELECT event FROM totp_outbox WHERE account = '${rowId(userId)}' ORDER BY position`;
        const rows: { event: string }[] = await own.query(sql);
        return rows.map(({ event }) => String(new Map(Object.entries(JSON.parse(event))).get('name')));
      };
      site = { dataSource: own, outbox, store, connection: new FaultyConnection(own), storedEvents };
    });

    it.each(scenarios)(`D5: %s: ${String(EXECUTIONS)} executions`, async (SCENARIO) => {
      for (let seed = 1; seed <= EXECUTIONS; seed++) {
        const steps = simulate(seed, { SCENARIO });
        await new Replay(site, `${SCENARIO} ${String(seed)}`).run(steps);
        for (const step of steps) seen.add(step.step === 'answers' ? step.status : step.step);
      }
    });
  });

  it('the executions had each kind of step and each answer', () => {
    expect([...seen].sort()).toEqual(
      [
        'INVALID_RECOVERY_CODE_ERROR',
        'INVALID_TOTP_ERROR',
        'LIMIT_REACHED_ERROR',
        'OK',
        'SECRET_ALREADY_EXISTS_ERROR',
        'STORAGE_ERROR',
        'UNKNOWN_BROWSER_ERROR',
        'UNKNOWN_USER_ID_ERROR',
        'beginning',
        'begins',
        'commits',
        'conflicts',
        'dies',
        'is_not_sent',
        'loads',
        'loses_reply',
        'request',
        'rereads',
        'row',
        'stores',
        'time',
      ].sort(),
    );
  });
});
