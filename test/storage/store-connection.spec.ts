import { TOTP_ENTITIES, TotpConfigurationError } from 'nestjs-totp';
import { DataSource } from 'typeorm';
import { StoreConnection } from '../../src/storage/sql/connection.js';
import { startApplication } from '../support/application.js';
import { databases } from '../support/databases.js';
import { answered, invalidTotp, limitReached, Person } from '../support/client.js';
import { connect } from './tables.js';

const memory = { type: 'better-sqlite3', database: ':memory:', entities: TOTP_ENTITIES } as const;

describe.each(databases)("the module's connection on $name", ({ name, open }) => {
  it('leaves the application’s open when it closes, and none of its own', async () => {
    const database = await open();
    const application = await connect(database);
    const connection = new StoreConnection(application, TOTP_ENTITIES);
    const [opened, again] = await Promise.all([connection.open(), connection.open()]);
    expect(again).toBe(opened);
    // TypeORM opens an SQLite file once for everybody, transactions included; servers have pools.
    expect(opened === application).toBe(name !== 'SQLite');

    await connection.onApplicationShutdown();
    expect(application.isInitialized).toBe(true);
    await application.destroy();
    expect(opened.isInitialized).toBe(false);
    await database.drop();
  });

  it('W6: is closed with the application, and W6, L7: what was counted and used survives a restart', async () => {
    const database = await open();
    const first = await startApplication({ database });
    const before = new Person(first);
    const phone = await before.enrol('phone');
    expect(await before.signIn(before.wrongCode())).toEqual(invalidTotp(1));
    const connection = await first.app.get(StoreConnection).open();
    expect(connection.isInitialized).toBe(true);
    await first.close();
    expect(connection.isInitialized).toBe(false);

    const second = await startApplication({ database });
    const after = new Person(second, { userId: before.userId });
    expect(await after.signIn(phone.code())).toEqual(invalidTotp(1));
    for (let failure = 2; failure <= 5; failure++) {
      expect(await after.signIn(before.wrongCode())).toEqual(invalidTotp(failure));
    }
    await second.close();

    const third = await startApplication({ database });
    expect(await new Person(third, { userId: before.userId }).signIn(phone.code(1))).toEqual(limitReached(900_000));
    third.clock.advance(900);
    const code = phone.code(30);
    expect(await new Person(third, { userId: before.userId }).signIn(code)).toEqual(answered({ status: 'OK' }));
    await third.close();
    await database.drop();
  });
});

describe.each(databases.slice(0, 1))("the module's connection to an SQLite file", ({ open }) => {
  it('changes nothing in it by being opened', async () => {
    const database = await open();
    Object.assign(database.options, { enableWAL: false });
    const application = await connect(database);
    const connection = new StoreConnection(application, TOTP_ENTITIES);
    await connection.open();
    expect(await application.query('PRAGMA journal_mode')).toEqual([{ journal_mode: 'delete' }]);
    expect(await application.query('SELECT name FROM sqlite_master')).toEqual([]);
    await connection.onApplicationShutdown();
    await application.destroy();
    await database.drop();
  });
});

describe("the module's connection", () => {
  it.each([':memory:', ''])(
    'to a database in memory (%j) is the application’s, since there is no other',
    async (name) => {
      const application = await new DataSource({ ...memory, database: name }).initialize();
      const connection = new StoreConnection(application, TOTP_ENTITIES);
      expect(await connection.open()).toBe(application);
      await connection.onApplicationShutdown();
      expect(application.isInitialized).toBe(true);
      await application.destroy();
    },
  );

  it('that was never needed needs not be closed', async () => {
    await expect(new StoreConnection(undefined, TOTP_ENTITIES).onApplicationShutdown()).resolves.toBeUndefined();
  });

  it('describes a missing data source in the words that it is given', async () => {
    const opening = new StoreConnection(undefined, TOTP_ENTITIES, () => 'TotpModule: say what to add.').open();
    await expect(opening).rejects.toThrow(new TotpConfigurationError('TotpModule: say what to add.'));
  });

  it('says which databases there are when the data source is of another kind', async () => {
    const application = await new DataSource({ ...memory }).initialize();
    Object.assign(application.options, { type: 'sqljs' });
    await expect(new StoreConnection(application, TOTP_ENTITIES).open()).rejects.toThrow(
      /a data source of type "sqljs" is not supported\. Write one of better-sqlite3, postgres, .*, or provide a TotpAccountStore of your own\./,
    );
    await application.destroy();
  });

  it('says what to add when the data source does not know the entities', async () => {
    const application = await new DataSource({ ...memory, entities: TOTP_ENTITIES.slice(1) }).initialize();
    const connection = new StoreConnection(application, TOTP_ENTITIES);
    await expect(connection.open()).rejects.toThrow('entities: [...TOTP_ENTITIES, …] }), or autoLoadEntities: true.');
    await connection.onApplicationShutdown();
    await application.destroy();
  });
});
