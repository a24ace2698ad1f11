/** The primary PostgreSQL server crashes under four processes that go on calling, and its standby takes its place (checks D3, W3 and L1). */
import { setImmediate as immediate } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { TotpHealthIndicator } from 'nestjs-totp';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { Fleet } from '../processes/fleet.js';
import { connect } from '../storage/tables.js';
import { startApplication } from '../support/application.js';
import type { OpenDatabase } from '../support/databases.js';
import { NOW } from './attack.js';
import { PostgresServer } from './postgres-server.js';
import { isFault, newAttack, Siege } from './siege.js';
import { TcpProxy } from './tcp-proxy.js';

const REPETITIONS = Number(process.env.TOTP_TEST_REPETITIONS ?? 1);
const SYNCHRONOUS = ['synchronous_standby_names=*', 'synchronous_commit=remote_apply'];

describe('a failover of PostgreSQL', () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  let proxy: TcpProxy;
  let fleet: Fleet;
  let siege: Siege;

  async function open(settings: readonly string[]): Promise<void> {
    primary = await PostgresServer.prepare(settings);
    standby = await primary.prepareStandby();
    await Promise.all([primary.start(), standby.start()]);
    const dataSource = await connect(primary);
    await dataSource.runMigrations();
    await dataSource.destroy();
    proxy = await TcpProxy.to(primary);
    fleet = await Fleet.launch(behindProxy());
    siege = new Siege(fleet);
  }

  const behindProxy = (): OpenDatabase => ({
    options: { ...primary.options, port: proxy.port },
    drop: () => proxy.close(),
  });

  /** New connections go to the standby, which takes writes from now on. */
  async function takeOver(): Promise<void> {
    proxy.redirect(standby);
    await standby.promote();
  }

  async function onStandby<T>(use: (store: TypeOrmTotpAccountStore) => Promise<T>): Promise<T> {
    const observer = await connect(standby);
    try {
      return await use(new TypeOrmTotpAccountStore(observer));
    } finally {
      await observer.destroy();
    }
  }

  async function close(): Promise<void> {
    await fleet.land();
    await proxy.close();
    await Promise.all([primary.drop(), standby.drop()]);
  }

  afterEach(async () => {
    jest.restoreAllMocks();
    await close();
  });

  it(
    'D3, W3, L1: to a synchronous standby makes no accepted code good again, and restores no attempt',
    async () => {
      for (let repetition = 0; repetition < REPETITIONS; repetition++) {
        if (repetition > 0) await close();
        await open(SYNCHRONOUS);
        const [before, during, after] = [newAttack(), newAttack(), newAttack()];
        for (const { enrolments } of [before, during, after]) await fleet.fire(NOW, enrolments);
        expect((await siege.fire(before)).filter(isFault)).toEqual([]);

        await siege.fireWhile(during, async () => {
          await primary.end('crashes');
          await takeOver();
        });
        await siege.fireUntilAnswered([before, during]);
        expect((await siege.fire(after)).filter(isFault)).toEqual([]);
        await onStandby(async (store) => {
          for (const attack of [before, during, after]) await attack.expectOver(store);
        });
      }
    },
    120_000 * (1 + REPETITIONS),
  );

  it('D3: to an asynchronous standby that had stopped receiving forgets what was accepted since', async () => {
    await open([]);
    const warnings = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    const application = await startApplication({ database: behindProxy(), options: { secrets: 'plain-text' } });
    const health = application.app.get(TotpHealthIndicator);
    // The application's clock is fixed.
    const isUp = async () => (await health.isHealthy('totp', { maxClockDifference: Infinity })).totp?.status === 'up';
    expect([await isUp(), await isUp()]).toEqual([true, true]);
    const [received, lost] = [newAttack(), newAttack()];
    for (const { enrolments } of [received, lost]) await fleet.fire(NOW, enrolments);
    await siege.fire(received);
    await standby.catchUpWith(primary);

    await standby.end('is stopped');
    const before = await siege.fire(lost);
    await primary.end('crashes');
    await standby.start();
    await takeOver();

    await siege.fireUntilAnswered([received]);
    await onStandby((store) => received.expectOver(store));
    const again = await siege.fire(lost);
    const accepted = (answers: typeof again) => answers.filter(({ status }) => status === 'OK').length;
    expect(accepted(before)).toBeGreaterThan(0);
    expect(accepted(again)).toBe(accepted(before));

    expect(warnings).not.toHaveBeenCalledWith(expect.stringContaining('has taken over'));
    while (!(await isUp())) await immediate();
    await isUp();
    const told = warnings.mock.calls.filter(([message]) =>
      String(message).includes('PostgreSQL server has taken over'),
    );
    expect(told).toHaveLength(1);
    await application.close();
  }, 240_000);
});
