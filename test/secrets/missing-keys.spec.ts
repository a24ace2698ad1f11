/** A key that is not there is named at start-up and by the health check, and not found out by a failing sign-in. */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { TerminusModule, HealthCheckService } from '@nestjs/terminus';
import { TotpAccountStore, TotpHealthIndicator, TotpKeyRotation } from 'nestjs-totp';
import { DataSource } from 'typeorm';
import { startApplication, type TestApplication } from '../support/application.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { newKey, withSealedSecret } from './keys.js';

const keys = { k1: newKey(), k2: newKey() };

describe.each(databases)('keys on $name', ({ open }) => {
  let database: OpenDatabase;
  let running: TestApplication | undefined;

  const start = async (secrets: object) => {
    running = await startApplication({ database, options: { secrets: secrets as never }, imports: [TerminusModule] });
    return running;
  };
  const stop = async () => {
    await running?.close();
    running = undefined;
  };

  beforeEach(async () => {
    database = await open();
    const { totp } = await start({ keys, current: 'k1' });
    await totp.createDevice({ userId: 'ann', onBehalfOf: 'application' });
    await stop();
  });

  afterEach(async () => {
    await stop();
    await database.drop();
  });

  it('S2: that rows still use, and that are not there, are named at start-up', async () => {
    const starting = start({ keys: { k2: keys.k2 }, current: 'k2' });
    await expect(starting).rejects.toMatchObject({
      code: 'TOTP_CONFIGURATION',
      message: expect.stringMatching(
        /not in secrets\.keys: "k1"\. Put each back.*npx nestjs-totp-cli rotate-keys.*"lost"/s,
      ),
    });
  });

  it('that are known to be lost do not keep the application from starting', async () => {
    const { totp } = await start({ keys: { k1: 'lost', k2: keys.k2 }, current: 'k2' });
    await expect(
      totp.verifyDevice({ userId: 'ann', deviceName: 'TOTP Device 0', totp: '000000', onBehalfOf: 'application' }),
    ).rejects.toThrow('encrypted with the key "k1", which is lost');
    expect(await totp.createDevice({ userId: 'bob', onBehalfOf: 'application' })).toMatchObject({ status: 'OK' });
  });

  it('of plain text are asked for by the option that takes it', async () => {
    const other = await open();
    const plain = await startApplication({ database: other, options: { secrets: 'plain-text' } });
    await plain.totp.createDevice({ userId: 'ann', onBehalfOf: 'application' });
    await plain.close();
    const starting = startApplication({ database: other, options: { secrets: { keys, current: 'k1' } } });
    await expect(starting).rejects.toThrow('acceptPlainText: true');
    await other.drop();
  });

  it('that are others than before, under the same ids, are named at start-up', async () => {
    await expect(start({ keys: { k1: newKey(), k2: keys.k2 }, current: 'k2' })).rejects.toThrow(
      'these keys do not decrypt what was encrypted under their ids: "k1"',
    );
  });

  it('that a damaged row names, and that cannot be, do not keep the application from starting', async () => {
    const { app, totp } = await start({ keys, current: 'k1' });
    await app.get(DataSource).query("UPDATE totp_accounts SET key_ids = 'NOT A KEY'");
    await totp.createDevice({ userId: 'bob', onBehalfOf: 'application' });
    await stop();
    const again = await start({ keys, current: 'k1' });
    expect(await again.app.get(TotpKeyRotation).run()).toMatchObject({ done: 1, failed: 0 });
    expect(await again.app.get(TotpKeyRotation).keys()).toEqual([{ keyId: 'k1', users: 2, state: 'current' }]);
  });

  it('that no row uses any more may be taken away', async () => {
    const { app } = await start({ keys, current: 'k2' });
    expect(await app.get(TotpKeyRotation).run()).toMatchObject({ done: 1, failed: 0 });
    await stop();
    const { totp } = await start({ keys: { k2: keys.k2 }, current: 'k2' });
    expect(await totp.listDevices({ userId: 'ann' })).toMatchObject({ devices: [{ name: 'TOTP Device 0' }] });
  });

  it('are asked for when sealed secrets are read as plain text', async () => {
    await expect(start('plain-text' as never)).rejects.toThrow('not in secrets.keys: "k1"');
  });

  describe('the health check', () => {
    /** Has the clock go as the machine's does, so that however long a test takes, it does not fall behind. */
    const letRun = ({ clock }: TestApplication, aheadMs = 0) => {
      jest.spyOn(clock, 'now').mockImplementation(() => Date.now() + aheadMs);
    };

    const check = async ({ app }: TestApplication) => {
      const indicator = app.get(TotpHealthIndicator);
      return app
        .get(HealthCheckService)
        .check([() => indicator.isHealthy('totp')])
        .catch((error: unknown) => (error as { getResponse: () => object }).getResponse());
    };

    it('is up when the database answers, every key is there and the clocks agree', async () => {
      const application = await start({ keys, current: 'k1' });
      letRun(application);
      const up = { status: 'up', missingKeys: [], clockDifferenceMs: expect.any(Number) };
      expect(await check(application)).toEqual({ status: 'ok', info: { totp: up }, error: {}, details: { totp: up } });
      application.statements.length = 0;
      await check(application);
      // SQLite's are sent on a connection of the module's own.
      const { type } = database.options;
      if (type !== 'better-sqlite3') expect(application.statements).toHaveLength(type === 'postgres' ? 4 : 3);
    });

    it('asks for the history of a server until it says that it has none, and is up without it', async () => {
      const application = await start({ keys, current: 'k1' });
      letRun(application);
      const store = application.app.get(TotpAccountStore);
      const asked = jest.fn<() => Promise<string | undefined>>();
      store.serverHistory = asked
        .mockRejectedValueOnce(new Error('recovery is in progress'))
        .mockResolvedValue(undefined);
      for (let n = 0; n < 4; n++) expect(await check(application)).toMatchObject({ status: 'ok' });
      expect(asked).toHaveBeenCalledTimes(2);
    });

    it('S2: is down, and names the key, when a row is sealed with one that is not there', async () => {
      const application = await start({ keys, current: 'k1' });
      letRun(application);
      const store = application.app.get(TotpAccountStore);
      const loaded = await store.load('ann');
      if (loaded === null) throw new Error('There is no such user.');
      await store.commit(randomUUID(), null, withSealedSecret(loaded.account, 'k3:v1.AAAA'));
      expect(await check(application)).toMatchObject({
        status: 'error',
        error: {
          totp: { status: 'down', missingKeys: ['k3'], message: expect.stringContaining('k3. Put them back.') },
        },
      });
    });

    it('is down when the clocks differ, and tells by how much', async () => {
      const application = await start({ keys, current: 'k1' });
      for (const [ahead, status] of [
        [-12_000, 'down'],
        [-5_000, 'up'],
        [5_000, 'up'],
        [12_000, 'down'],
      ] as const) {
        letRun(application, ahead);
        const { totp } = await application.app.get(TotpHealthIndicator).isHealthy('totp');
        expect(totp).toMatchObject({ status });
        expect(Math.abs((totp?.clockDifferenceMs ?? 0) - ahead)).toBeLessThan(4_000);
      }
      letRun(application, 12_000);
      // At the same time, so that both go by the same figures.
      const indicator = application.app.get(TotpHealthIndicator);
      const probes = [indicator.isHealthy('strict'), indicator.isHealthy('lenient', { maxClockDifference: 60 })];
      expect(await Promise.all(probes)).toMatchObject([{ strict: { status: 'down' } }, { lenient: { status: 'up' } }]);
    });

    it('is down when the database takes longer than the time-out, for all probes, and up when it answers again', async () => {
      const application = await start({ keys, current: 'k1' });
      letRun(application);
      const indicator = application.app.get(TotpHealthIndicator);
      let answer: () => void = () => undefined;
      const hanging = new Promise<undefined>((resolve) => {
        answer = () => {
          resolve(undefined);
        };
      });
      const asked = jest.spyOn(application.app.get(TotpAccountStore), 'now').mockReturnValue(hanging);
      const probe = () => indicator.isHealthy('totp', { timeout: '10ms' });
      const late = { totp: { status: 'down', message: 'The database did not answer within 10 ms.' } };
      expect(await Promise.all([probe(), probe()])).toEqual([late, late]);
      expect(await probe()).toEqual(late);
      // Three probes, and one question that waits for the database.
      expect(asked).toHaveBeenCalledTimes(1);
      asked.mockRestore();
      answer();
      expect(await indicator.isHealthy('totp', { timeout: '1m' })).toMatchObject({ totp: { status: 'up' } });
    });

    it.each([0, '5ms', '2m', '3 seconds', NaN])('refuses the time-out %p', async (timeout) => {
      const { app } = await start({ keys, current: 'k1' });
      const probe = app.get(TotpHealthIndicator).isHealthy('totp', { timeout: timeout as never });
      await expect(probe).rejects.toThrow("timeout must be 10 ms to 1 minute: seconds, or a string such as '500ms'");
    });

    it('is down when the database fails, and says so instead of throwing', async () => {
      const application = await start({ keys, current: 'k1' });
      await application.app.get(DataSource).query('ALTER TABLE totp_accounts RENAME TO away');
      expect(await check(application)).toMatchObject({
        error: { totp: { status: 'down', message: 'The database failed: see the log.' } },
      });
      await application.app.get(DataSource).query('ALTER TABLE away RENAME TO totp_accounts');
    });
  });
});
