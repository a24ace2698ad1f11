/** The data sources that applications configure: the module finds its tables under the names that they have there. */
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { TOTP_ENTITIES, TOTP_MIGRATIONS, TotpModule, TotpSessionAdapter, TotpTokenSessionAdapter } from 'nestjs-totp';
import { DataSource } from 'typeorm';
import { HeaderSignIn, platforms } from '../support/application.js';
import { answered, type Reachable, Person } from '../support/client.js';
import { contextOf } from '../support/contexts.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { closeConsumers, emitter, startConsumer } from './consumer.js';

const options = { issuer: 'Acme', secrets: 'plain-text', guards: [HeaderSignIn] } as const;
const ours = { entities: TOTP_ENTITIES, migrations: TOTP_MIGRATIONS, migrationsRun: true };

/** Enrols somebody, spends a try and signs in: every statement of the module. */
async function useEverything(application: Reachable, path = '/totp'): Promise<void> {
  const person = new Person(application, { path });
  const phone = await person.enrol('phone');
  expect((await person.signIn(person.wrongCode())).body).toMatchObject({ currentNumberOfFailedAttempts: 1 });
  expect(await person.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
  expect((await person.post('/device/remove', { deviceName: 'phone' })).body).toMatchObject({ didDeviceExist: true });
}

describe.each(databases)('on $name', ({ open }) => {
  let database: OpenDatabase;
  beforeEach(async () => {
    database = await open();
  });
  afterEach(async () => {
    await closeConsumers();
    await database.drop();
  });

  it('the module is found by autoLoadEntities', async () => {
    const consumer = await startConsumer([
      TypeOrmModule.forRoot({
        ...database.options,
        autoLoadEntities: true,
        migrations: TOTP_MIGRATIONS,
        migrationsRun: true,
      }),
      emitter,
      TotpModule.forRoot(options),
    ]);
    await useEverything(consumer);
  });

  it('the module is found by autoLoadEntities when its options come later', async () => {
    const consumer = await startConsumer([
      TypeOrmModule.forRoot({ ...database.options, autoLoadEntities: true, synchronize: true }),
      emitter,
      TotpModule.forRootAsync({
        guards: [HeaderSignIn],
        useFactory: () => ({ issuer: 'Acme', secrets: 'plain-text' }),
      }),
    ]);
    await useEverything(consumer);
  });

  it('the module uses the data source that is named', async () => {
    const consumer = await startConsumer([
      TypeOrmModule.forRoot({ ...database.options, name: 'second', ...ours }),
      emitter,
      TotpModule.forRoot({ ...options, dataSource: 'second' }),
    ]);
    await useEverything(consumer);
    const { entityMetadatas } = consumer.app.get<DataSource>(getDataSourceToken('second'));
    expect(entityMetadatas.map(({ tableName }) => tableName).sort()).toEqual([
      'totp_accounts',
      'totp_outbox',
      'totp_outbox_leases',
      'totp_session_completions',
    ]);
  });

  it("the module's tables have the prefix of the application's, completions of tokens too", async () => {
    const consumer = await startConsumer([
      TypeOrmModule.forRoot({ ...database.options, entityPrefix: 'acme_', ...ours }),
      emitter,
      TotpModule.forRoot({
        ...options,
        providers: [{ provide: TotpSessionAdapter, useClass: TotpTokenSessionAdapter }],
      }),
    ]);
    const { app, totp } = consumer;
    const adapter = app.get(TotpSessionAdapter);
    const session = await adapter.resolve(contextOf({ user: { sub: 'ann', sid: 'a token' } }));
    await totp.createDevice({ userId: 'ann', onBehalfOf: 'application' });
    await session?.complete(1_000);
    await session?.complete(2_000);
    const count = async (table: string) => {
      const rows = await app.get(DataSource).query<{ n: string | number }[]>(`SELECT COUNT(*) AS n FROM ${table}`);
      return Number(rows[0]?.n);
    };
    expect(await count('acme_totp_accounts')).toBe(1);
    expect(await count('acme_totp_session_completions')).toBe(1);
    await expect(count('totp_accounts')).rejects.toThrow();
  });

  it('the module is registered twice, each time with a path and a data source of its own', async () => {
    const other = await open();
    const consumer = await startConsumer(
      [
        TypeOrmModule.forRoot({ ...database.options, ...ours }),
        TypeOrmModule.forRoot({ ...other.options, name: 'staff', ...ours }),
        emitter,
        TotpModule.forRoot({ ...options, global: false }),
        TotpModule.forRoot({ ...options, global: false, path: 'staff/totp', dataSource: 'staff' }),
      ],
      { platform: platforms[1] ?? 'Fastify' },
    );
    await useEverything(consumer);
    await useEverything(consumer, '/staff/totp');
    const customer = new Person(consumer);
    await customer.create('phone');
    const staff = new Person(consumer, { userId: customer.userId, path: '/staff/totp' });
    expect((await staff.list()).body).toEqual({ status: 'OK', devices: [] });
    await closeConsumers();
    await other.drop();
  });
});

it.each(databases.filter(({ name }) => name === 'PostgreSQL'))(
  "the module's tables are in the schema of the application on $name",
  async ({ open }) => {
    const database = await open();
    if (database.options.type !== 'postgres') throw new Error('Only PostgreSQL has schemas.');
    const bare = await new DataSource(database.options).initialize();
    await bare.query('CREATE SCHEMA acme');
    await bare.destroy();
    const consumer = await startConsumer([
      TypeOrmModule.forRoot({ ...database.options, schema: 'acme', ...ours }),
      emitter,
      TotpModule.forRoot(options),
    ]);
    await useEverything(consumer);
    const tables = await consumer.app
      .get(DataSource)
      .query<{ schema: string }[]>("SELECT schemaname AS schema FROM pg_tables WHERE tablename LIKE 'totp%'");
    expect(tables.map(({ schema }) => schema)).toEqual(TOTP_ENTITIES.map(() => 'acme'));
    await closeConsumers();
    await database.drop();
  },
);

it('the module serves no routes with controllers: false', async () => {
  const [sqlite] = databases;
  const database = await sqlite.open();
  for (const platform of platforms) {
    const consumer = await startConsumer(
      [
        TypeOrmModule.forRoot({ ...database.options, ...ours }),
        emitter,
        TotpModule.forRoot({ ...options, controllers: false }),
      ],
      { platform },
    );
    expect((await new Person(consumer).list()).status).toBe(404);
    expect(await consumer.totp.createDevice({ userId: platform, onBehalfOf: 'application' })).toMatchObject({
      status: 'OK',
    });
  }
  await closeConsumers();
  await database.drop();
});
