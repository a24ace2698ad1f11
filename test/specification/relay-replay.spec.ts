/** Executions of the model of the relay, step by step, with the dispatchers of two processes: each statement and each delivery is the same. */
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { useTables } from '../storage/tables.js';
import { databases } from '../support/databases.js';
import { OutboxHarness } from '../events/outbox-harness.js';
import { RelayReplay } from './relay-replay.js';
import { describeWithSpin, simulateRelay } from './spin.js';

/** Of each scenario. */
const EXECUTIONS = Number(process.env.TOTP_TEST_EXECUTIONS ?? 10);

const scenarios = ['CRASH', 'FAILURES', 'CRASH_AND_FAILURE'];

/** What the executions did, of all scenarios and databases. */
const seen = new Set<string>();

beforeEach(() => {
  for (const method of ['warn', 'error'] as const) jest.spyOn(Logger.prototype, method).mockReturnValue(undefined);
});

describeWithSpin('the relay', () => {
  describe.each(databases)('on $name', ({ open }) => {
    const tables = useTables(open);

    beforeAll(() => OutboxHarness.createDatabaseClock(tables().dataSource));

    it.each(scenarios)(`D5: %s: ${String(EXECUTIONS)} executions`, async (SCENARIO) => {
      const { dataSource } = tables();
      const rows = () =>
        dataSource.query<{ event: string; due_at: unknown; attempts: number }[]>(
          'SELECT event, due_at, attempts FROM totp_outbox',
        );
      const makeDue = async (name: string) => {
        await dataSource.query(`UPDATE totp_outbox SET due_at = 0 WHERE event LIKE '%"to":"${name}"%'`);
      };
      for (let seed = 1; seed <= EXECUTIONS; seed++) {
        const steps = simulateRelay(seed, { SCENARIO });
        await dataSource.query('DELETE FROM totp_outbox');
        await dataSource.query('DELETE FROM totp_outbox_leases');
        await new RelayReplay(new OutboxHarness(tables()), rows, makeDue).run(steps);
        for (const step of steps) seen.add('how' in step ? `${step.step} ${step.how}` : step.step);
      }
    });
  });

  it('the executions had each kind of step', () => {
    expect([...seen].sort()).toEqual(
      [
        'ACQUIRES TOO_LATE',
        'ACQUIRES WRITTEN',
        'DELIVERS FAILS',
        'DELIVERS LOSES_ANSWER',
        'DELIVERS TAKES',
        'DIES',
        'DUE',
        'ENSURES GIVES_UP',
        'ENSURES LASTS',
        'ENSURES RENEWING',
        'LOOKS LEASES',
        'LOOKS WAITS',
        'PUTS_BACK GIVEN_UP',
        'PUTS_BACK LEASE_LOST',
        'PUTS_BACK TRIED_AGAIN',
        'READS',
        'RELEASES',
        'REMOVES LEASE_LOST',
        'REMOVES WRITTEN',
        'RENEWS TOO_LATE',
        'RENEWS WRITTEN',
        'STORES',
        'TIME',
      ].sort(),
    );
  });
});
