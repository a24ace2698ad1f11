/** Settings of servers and drivers: those that would break a promise are refused at start-up, and the others change nothing. */
import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { jest } from '@jest/globals';
import { TOTP_ENTITIES, TotpConfigurationError } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { DataSource } from 'typeorm';
import { StoreConnection } from '../../src/storage/sql/connection.js';
import { SessionCompletionStore } from '../../src/storage/session-completion-store.js';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { galera, openGalera } from '../faults/galera.js';
import { presentOf } from '../faults/own-servers.js';
import { account, device, NOW } from '../support/accounts.js';
import { startApplication } from '../support/application.js';
import { databases, type OpenDatabase, type TestDatabase } from '../support/databases.js';
import { embeddedEngines } from '../support/embedded-engines.js';
import { connect } from './tables.js';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
/** A device whose secret names its key. */
const deviceNamed = (name: string) => device({ name, sealedSecret: 'k:sealed' });
const on = (...names: string[]) => databases.filter(({ name }) => names.includes(name));

afterEach(() => {
  jest.restoreAllMocks();
});

/** Has every connection of the pool of PostgreSQL, MariaDB or MySQL run a statement first. */
function runOnEachConnection(dataSource: DataSource, sql: string): void {
  const driver: object = dataSource.driver;
  const pool: unknown = Reflect.get(driver, 'pool') ?? Reflect.get(driver, 'master');
  (pool as { on(event: string, listener: (connection: { query(sql: string): unknown }) => void): void }).on(
    'master' in driver && Reflect.get(driver, 'master') === pool ? 'connect' : 'connection',
    (connection) => void connection.query(sql),
  );
}

/** A data source whose every connection begins with a statement. */
async function connectWith(database: OpenDatabase, sql: string): Promise<DataSource> {
  const dataSource = await connect(database);
  await dataSource.destroy();
  const options = dataSource.options;
  const again = await connect({ ...database, options: options as OpenDatabase['options'] });
  runOnEachConnection(again, sql);
  // The connections that are open already.
  await again.query(sql);
  return again;
}

describe.each(on('MariaDB', 'MySQL'))('a connection to $name', ({ name, open }) => {
  it.each([
    ['SET autocommit = 0', 'have autocommit off'],
    ['SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED', 'read what other transactions have not committed'],
    [name === 'MariaDB' ? 'SET tx_read_only = 1' : 'SET SESSION transaction_read_only = 1', 'are read-only'],
  ])('is refused at start-up after %s', async (sql, says) => {
    const database = await open();
    const application = await connectWith(database, sql);
    const opening = new StoreConnection(application, TOTP_ENTITIES).open();
    await expect(opening).rejects.toThrow(TotpConfigurationError);
    await expect(opening).rejects.toThrow(new RegExp(`^TotpModule: the data source's connections ${says}.*\\. Set `));
    await application.destroy();
    await database.drop();
  });

  it('is refused at start-up when the server is read-only', async () => {
    const database = await open();
    const application = await connect(database);
    const create = application.createQueryRunner.bind(application);
    jest.spyOn(application, 'createQueryRunner').mockImplementation((mode) => {
      const runner = create(mode);
      jest.spyOn(runner, 'query').mockResolvedValue([{ Variable_name: 'read_only', Value: 'ON' }]);
      return runner;
    });
    await expect(new StoreConnection(application, TOTP_ENTITIES).open()).rejects.toThrow(
      /^TotpModule: the data source is connected to a read-only server, most likely a replica\. Connect it to the primary/,
    );
    await application.destroy();
    await database.drop();
  });
});

describe.each(on('MariaDB', 'MySQL'))('a connection to $name', ({ open }) => {
  it.each(['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'])('is accepted at %s', async (level) => {
    const database = await open();
    const application = await connectWith(database, `SET SESSION TRANSACTION ISOLATION LEVEL ${level}`);
    expect(await new StoreConnection(application, TOTP_ENTITIES).open()).toBe(application);
    await application.destroy();
    await database.drop();
  });
});

describe.each(on('PostgreSQL'))('a connection to $name', ({ open }) => {
  let database: OpenDatabase;
  beforeAll(async () => (database = await open()));
  afterAll(() => database.drop());

  it('is refused at start-up when its transactions are read-only', async () => {
    const application = await connectWith(database, 'SET default_transaction_read_only = on');
    await expect(new StoreConnection(application, TOTP_ENTITIES).open()).rejects.toThrow(
      /^TotpModule: the data source's connections are read-only\. Set default_transaction_read_only = off/,
    );
    await application.destroy();
  });

  it('is refused at start-up when it leads to a hot standby', async () => {
    const application = await connect(database);
    await application.query('CREATE SCHEMA standby');
    await application.query(
      'CREATE FUNCTION standby.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS $$ SELECT true $$',
    );
    await application.query('SET search_path = standby, pg_catalog, public');
    await expect(new StoreConnection(application, TOTP_ENTITIES).open()).rejects.toThrow(
      /^TotpModule: the data source is connected to a hot standby.*\. Connect it to the primary server/,
    );
    await application.destroy();
  });

  it('that cannot be reached is the application’s business', async () => {
    const application = await connect(database);
    await application.destroy();
    expect(await new StoreConnection(application, TOTP_ENTITIES).open()).toBe(application);
  });
});

describe.each(on('SQLite'))('an SQLite file', ({ open }) => {
  it('that is opened read-only is refused at start-up', async () => {
    const database = await open();
    const writer = await connect(database);
    const options = { ...database.options, readonly: true, enableWAL: false };
    const application = await connect({ ...database, options });
    await expect(new StoreConnection(application, TOTP_ENTITIES).open()).rejects.toThrow(
      /^TotpModule: the data source opens the SQLite file read-only\. Remove `readonly: true`/,
    );
    await application.destroy();
    await writer.destroy();
    await database.drop();
  });
});

it('a type of data source that is not tested is named in one warning', async () => {
  const [{ open }] = databases;
  const database = await open();
  const application = await connect(database);
  const type = jest.replaceProperty(application, 'options', { ...application.options, type: 'cockroachdb' } as never);
  const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  const connection = new StoreConnection(application, TOTP_ENTITIES);
  await connection.open();
  await connection.open();
  expect(warn.mock.calls).toEqual([
    [expect.stringMatching(/^TotpModule: data sources of type "cockroachdb" are not tested/)],
  ]);
  type.restore();
  await application.destroy();
  await database.drop();
});

describe('a server', () => {
  const versions = {
    PostgreSQL: 'PostgreSQL 18.1 (Debian 18.1-1) on x86_64-pc-linux-gnu, compiled by gcc, 64-bit',
    CockroachDB: 'CockroachDB CCL v25.1.2 (x86_64-pc-linux-gnu, built 2025/03/19 18:03:40, go1.22.8)',
    YugabyteDB: 'PostgreSQL 15.12-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang version 17.0.6, 64-bit',
    MariaDB: '10.11.14-MariaDB-0+deb12u2-log',
    MySQL: '8.4.3',
    TiDB: '8.0.11-TiDB-v8.5.1',
  };
  const warnings = async (name: keyof typeof versions, database: (typeof databases)[number]['name']) => {
    const opened = await on(database)[0]?.open();
    if (opened === undefined) throw new Error(`${database} is missing`);
    const application = await connect(opened);
    const create = application.createQueryRunner.bind(application);
    jest.spyOn(application, 'createQueryRunner').mockImplementation((mode) => {
      const runner = create(mode);
      jest
        .spyOn(runner, 'query')
        .mockResolvedValue([{ version: versions[name] }, { Variable_name: 'version', Value: versions[name] }]);
      return runner;
    });
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    await new StoreConnection(application, TOTP_ENTITIES).open();
    await application.destroy();
    await opened.drop();
    return warn.mock.calls.map(([message]: unknown[]) => String(message));
  };

  it.each([
    ['CockroachDB', 'PostgreSQL'],
    ['YugabyteDB', 'PostgreSQL'],
    ['TiDB', 'MariaDB'],
    ['MySQL', 'MariaDB'],
  ] as const)('%s is named in one warning when a driver of %s is connected to it', async (name, database) => {
    expect(await warnings(name, database)).toEqual([
      expect.stringMatching(`^TotpModule: the server is ${name}, on which the module's tests have not run yet`),
    ]);
  });

  it.each(['PostgreSQL', 'MariaDB'] as const)('%s, on which the tests run, is not', async (name) => {
    expect(await warnings(name, name)).toEqual([]);
  });
});

/** The stores over a data source. */
async function storesOver(application: DataSource) {
  await application.runMigrations();
  const connection = new StoreConnection(application, TOTP_ENTITIES);
  return {
    store: new TypeOrmTotpAccountStore(await connection.open()),
    completions: new SessionCompletionStore(connection),
  };
}

/** Every function of both stores, with values that databases and drivers may misread. */
async function useStores({ store, completions }: Awaited<ReturnType<typeof storesOver>>): Promise<void> {
  const userId = `' OR 1=1 -- 📱 ${randomUUID()}`;
  const others = [randomUUID(), randomUUID()];
  const written = account(["' OR 1=1 -- ", "\\' OR 1=1 -- ", '\\', '"', '📱ä', "'"].map(deviceNamed), {
    usedUntil: Number.MAX_SAFE_INTEGER,
    budget: { failures: 3, recentFailures: [NOW, NOW + 1], lock: { number: 1, until: NOW + 7 } },
  });
  const other = account([deviceNamed('of another user')]);
  expect(await store.commitAll(others.map((id) => ({ userId: id, revision: null, account: other })))).toBe(true);
  expect(await store.commit(userId, null, written)).toBe(true);
  for (let time = 0; time < 2; time++) {
    const loaded = await store.load(userId);
    expect(loaded?.account).toEqual(written);
    expect(await store.commit(userId, loaded?.revision ?? null, written)).toBe(true);
    expect(await store.commit(userId, loaded?.revision ?? null, other)).toBe(false);
  }
  const batch = [{ userId, revision: (await store.load(userId))?.revision ?? null, account: written }];
  expect(await store.commitAll(batch)).toBe(true);
  expect(await store.commitAll(batch)).toBe(false);
  expect(await store.loadMany([userId, ...others, ...Array.from({ length: 30 }, () => randomUUID())])).toEqual(
    new Map([[userId, written], ...others.map((id) => [id, other] as const)]),
  );
  const keySet = (await store.nextKeySet(undefined)) ?? '';
  expect(await store.nextKeySet(keySet)).toBeUndefined();
  expect(keySet).toBe('k');
  expect(await store.nextKeySet("' 1=1 -- ")).toBe(keySet);
  expect(await store.countAccounts(keySet)).toBe(3);
  expect(await store.countAccounts("' OR 1=1 -- ")).toBe(0);
  expect((await store.listAccounts(keySet, undefined, 10)).map((listing) => listing.userId).sort()).toEqual(
    [userId, ...others].sort(),
  );
  expect(Math.abs((await store.now()) - Date.now())).toBeLessThan(60_000);
  await completions.put(userId, userId, NOW, NOW + 1);
  await completions.put(userId, userId, NOW + 1, NOW + 2);
  expect(await completions.find(userId, NOW)).toBe(NOW + 1);
  const last = (await store.load(userId))?.revision ?? null;
  expect(await store.commit(userId, last, 'erased')).toBe(true);
  expect(await store.commit(userId, last, 'erased')).toBe(false);
  expect(await completions.find(userId, NOW)).toBeUndefined();
  expect(await store.loadMany(others)).toEqual(new Map(others.map((id) => [id, other])));
}

/** Uses the stores on connections that begin with a statement. */
async function useStoresAfter(open: TestDatabase['open'], sql: string): Promise<void> {
  const database = await open();
  const application = await connectWith(database, sql);
  await useStores(await storesOver(application));
  await application.destroy();
  await database.drop();
}

describe.each(on('MariaDB', 'MySQL'))('every function of the stores on $name', ({ open }) => {
  it.each([
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "SET sql_mode = 'STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES'",
    "SET sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'",
    "SET sql_mode = ''",
    'SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    'SET NAMES latin1',
    'SET NAMES utf8mb3',
  ])('takes and returns any value after %s', (sql) => useStoresAfter(open, sql));

  it.each([
    { extra: { namedPlaceholders: true } },
    { extra: { typeCast: () => 'something else' } },
    { supportBigNumbers: true, bigNumberStrings: true },
    { supportBigNumbers: true, bigNumberStrings: false },
    { dateStrings: true },
    { charset: 'latin1_swedish_ci' },
  ])('takes and returns any value with the options %j', async (options) => {
    const database = await open();
    const plain = await connect(database);
    await plain.runMigrations();
    const application = await connect({ ...database, options: { ...database.options, ...options } });
    const connection = new StoreConnection(application, TOTP_ENTITIES);
    const store = new TypeOrmTotpAccountStore(await connection.open());
    await useStores({ store, completions: new SessionCompletionStore(connection) });
    await application.destroy();
    await plain.destroy();
    await database.drop();
  });
});

describe.each(on('MariaDB', 'MySQL'))('every function of the service on $name', ({ open }) => {
  it.each(['NO_BACKSLASH_ESCAPES', 'ANSI,NO_BACKSLASH_ESCAPES'])(
    'takes device names that would be SQL in another mode (%s), and does not change another user’s row',
    async (mode) => {
      const database = await open();
      const application = await startApplication({ database, options: { events: { outbox: true } } });
      const { totp, clock } = application;
      const dataSource = application.app.get(DataSource);
      runOnEachConnection(dataSource, `SET sql_mode = '${mode}'`);
      await dataSource.query(`SET sql_mode = '${mode}'`);
      const [ann, bob] = [randomUUID(), randomUUID()];
      await totp.importDevice({ userId: bob, deviceName: 'phone', secretKey: SECRET });
      const untouched = await dataSource.query<object[]>('SELECT * FROM totp_accounts');
      for (const deviceName of ["' OR 1=1 -- ", "\\' OR 1=1 -- ", "', failures = 99 -- ", "\\', failures = 99 -- "]) {
        const userId = `${ann}${deviceName}`;
        const created = await totp.createDevice({ userId, deviceName, onBehalfOf: 'application' });
        const secret = 'secret' in created ? created.secret : '';
        const right = (steps: number) => totpCode(secret, clock.now() + steps * 30_000);
        expect(
          await totp.verifyDevice({ userId, deviceName, totp: right(-1), onBehalfOf: 'application' }),
        ).toMatchObject({ status: 'OK' });
        expect(await totp.verifyTOTP({ userId, totp: '000000' })).toMatchObject({ currentNumberOfFailedAttempts: 1 });
        expect(await totp.verifyTOTP({ userId, totp: right(0) })).toEqual({ status: 'OK' });
        expect(await totp.listDevices({ userId })).toMatchObject({ devices: [{ name: deviceName }] });
        const renaming = {
          userId,
          existingDeviceName: deviceName,
          newDeviceName: `${deviceName}2`,
          onBehalfOf: 'application' as const,
        };
        expect(await totp.updateDevice(renaming)).toEqual({ status: 'OK' });
        expect(await totp.getStatus({ userId })).toMatchObject({ enrolled: true });
        expect(
          await totp.removeDevice({ userId, deviceName: `${deviceName}2`, onBehalfOf: 'application' }),
        ).toMatchObject({
          didDeviceExist: true,
        });
        expect(await totp.removeUser({ userId })).toMatchObject({ status: 'OK' });
      }
      expect(await dataSource.query('SELECT * FROM totp_accounts')).toEqual(untouched);
      await application.close();
      await database.drop();
    },
  );
});

describe.each(on('PostgreSQL'))('every function of the stores on $name', ({ open }) => {
  it.each([
    'SET standard_conforming_strings = off',
    "SET client_encoding = 'LATIN1'",
    'SET default_transaction_isolation = serializable',
  ])('takes and returns any value after %s', (sql) => useStoresAfter(open, sql));

  it.each([
    ['numbers', Number],
    ['bigints', BigInt],
  ])('returns any value when bigint columns are read as %s', async (_, parser) => {
    const database = await open();
    const application = await connect(database);
    const { types } = Reflect.get(application.driver, 'postgres') as {
      types: { getTypeParser(oid: number): unknown; setTypeParser(oid: number, parser: unknown): void };
    };
    const before = types.getTypeParser(20);
    types.setTypeParser(20, parser);
    await useStores(await storesOver(application));
    await application.destroy();
    await database.drop();
    types.setTypeParser(20, before);
  });
});

describe.each(on('PostgreSQL', 'MariaDB', 'MySQL'))('with replication on $name', ({ open }) => {
  it('every statement goes to the master, so that no decision rests on a replica', async () => {
    const [master, replica] = [await open(), await open()];
    const { options } = master;
    if (!('host' in options) || !('host' in replica.options)) throw new Error('This test needs a server.');
    const { host, port, username, password, database, ...rest } = options;
    const replication = {
      master: { host, port, username, password, database },
      slaves: [{ host, port, username, password, database: replica.options.database }],
    };
    // The replica never gets the tables, so a statement there fails.
    const application = await connect({ ...master, options: { ...rest, replication } as OpenDatabase['options'] });
    const stores = await storesOver(application);
    await useStores(stores);
    application.subscribers.push({ beforeQuery: () => undefined });
    await stores.store.load('ann');
    await application.destroy();
    await master.drop();
    await replica.drop();
  });
});

describe.each(presentOf([galera]))('$name', ({ isMissing }) => {
  it('whose nodes may read what others have replaced causes a warning at start-up', async () => {
    if (isMissing !== undefined) throw new Error(isMissing);
    const { database } = await openGalera({ waitsForReads: false });
    const warnings = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const start = async () => {
      const application = await connect(database);
      await new StoreConnection(application, TOTP_ENTITIES).open();
      return application;
    };
    const first = await start();
    expect(warnings).toHaveBeenCalledWith(expect.stringMatching(/Galera node .* Set wsrep_sync_wait = 1/));
    warnings.mockClear();
    await first.query('SET GLOBAL wsrep_sync_wait = 1');
    await first.destroy();

    const second = await start();
    expect(warnings).not.toHaveBeenCalled();
    await second.destroy();
    await database.drop();
  }, 120_000);
});

it.each([...databases, ...embeddedEngines])(
  'a warning names libSQL as the driver, and no other: $name',
  async ({ name, open }) => {
    const database = await open();
    const warnings = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const dataSource = await connect(database);
    const connection = new StoreConnection(dataSource, TOTP_ENTITIES);
    await dataSource.runMigrations();
    await connection.open();
    const isNamed = warnings.mock.calls.some(([message]) => String(message).includes('libSQL'));
    expect(isNamed).toBe(name === 'libSQL');
    await connection.onApplicationShutdown();
    await dataSource.destroy();
    await database.drop();
  },
);
