import { randomUUID } from 'node:crypto';
import { TOTP_ENTITIES, TOTP_MIGRATIONS } from 'nestjs-totp';
import { DataSource, DefaultNamingStrategy } from 'typeorm';
import { TotpAccountEntity } from '../../src/storage/account.entity.js';
import { account, device } from '../support/accounts.js';
import { databases } from '../support/databases.js';
import { connect, type Settings, useTables } from './tables.js';

class ShoutingNames extends DefaultNamingStrategy {
  override tableName(className: string, given?: string): string {
    return `APP_${super.tableName(className, given)}`;
  }

  override columnName(property: string, given: string, prefixes: string[]): string {
    return super.columnName(property, given, prefixes).toUpperCase();
  }
}

/** What an application may set that changes names. */
function settingsOn(database: string): { what: string; settings: Settings }[] {
  return [
    { what: 'as it is', settings: {} },
    { what: 'with a prefix', settings: { entityPrefix: 'app_' } },
    { what: 'with names of its own', settings: { namingStrategy: new ShoutingNames() } },
    ...(database === 'PostgreSQL' ? [{ what: 'in a schema', settings: { schema: 'Auth', entityPrefix: 'x_' } }] : []),
  ];
}

const everywhere = databases.flatMap(({ name, open }) =>
  settingsOn(name).map(({ what, settings }) => ({ name: `${name}, ${what}`, open, settings })),
);

/** The tables as the database itself describes them. */
async function tablesOf(dataSource: DataSource) {
  const runner = dataSource.createQueryRunner();
  const tables = await runner.getTables(dataSource.entityMetadatas.map(({ tablePath }) => tablePath));
  await runner.release();
  const sorted = tables.sort((one, other) => (one.name < other.name ? -1 : 1));
  return sorted.map(({ name, columns, indices, uniques, checks }) => ({
    name: name.split('.').at(-1),
    columns: columns.map(({ name, type, length, isNullable, isPrimary, default: fallback }) => {
      return { name, type, length, isNullable, isPrimary, fallback };
    }),
    indices: indices
      .map(({ name = '', columnNames, isUnique }) => ({ name, columnNames, isUnique }))
      .sort((one, other) => (one.name < other.name ? -1 : 1)),
    others: [...uniques, ...checks].length,
  }));
}

function quotedPath({ driver }: DataSource, path: string): string {
  return path
    .split('.')
    .map((part) => driver.escape(part))
    .join('.');
}

const tableOf = (dataSource: DataSource) => quotedPath(dataSource, dataSource.getMetadata(TotpAccountEntity).tablePath);

const keyIdsOf = (dataSource: DataSource) =>
  dataSource.driver.escape(
    dataSource.getMetadata(TotpAccountEntity).findColumnWithPropertyName('keyIds')?.databaseName ?? '',
  );

async function hasTables(dataSource: DataSource): Promise<boolean[]> {
  const runner = dataSource.createQueryRunner();
  const found = await Promise.all(dataSource.entityMetadatas.map(({ tablePath }) => runner.hasTable(tablePath)));
  await runner.release();
  return found;
}

describe.each(everywhere)('the migrations on $name', ({ open, settings }) => {
  const tables = useTables(open, settings);

  it('run, revert, and run again', async () => {
    const { dataSource, store } = tables();
    const all = TOTP_ENTITIES.map(() => true);
    expect(await hasTables(dataSource)).toEqual(all);
    for (const migration of TOTP_MIGRATIONS) {
      expect([migration.name, await hasTables(dataSource)]).toEqual([migration.name, expect.arrayContaining([true])]);
      await dataSource.undoLastMigration();
    }
    expect(await hasTables(dataSource)).toEqual(all.map(() => false));
    expect(await dataSource.runMigrations()).toHaveLength(TOTP_MIGRATIONS.length);
    expect(await dataSource.runMigrations()).toEqual([]);
    expect(await hasTables(dataSource)).toEqual(all);
    expect(await store.commit(randomUUID(), null, account([device()]))).toBe(true);
  });

  it('leave to the key rotation what is there already, and may be run again after they broke off', async () => {
    const { dataSource, store } = tables();
    const userId = randomUUID();
    await store.commit(userId, null, account([device({ sealedSecret: 'plain:c2VjcmV0' })]));
    for (let n = 1; n < TOTP_MIGRATIONS.length; n++) await dataSource.undoLastMigration();
    await dataSource.query(
      `ALTER TABLE ${tableOf(dataSource)} ADD ${keyIdsOf(dataSource)} varchar(255) NOT NULL DEFAULT ''`,
    );
    await dataSource.runMigrations();
    expect(await store.nextKeySet(undefined)).toBe('');
    const unknown = await store.listAccounts('', undefined, 10);
    expect(unknown.map((listing) => listing.userId)).toContain(userId);
    const { account: found, revision } = (await store.load(userId)) ?? {};
    expect(await store.commit(userId, revision ?? null, found ?? account([]))).toBe(true);
    expect(await store.countAccounts('plain')).toBe(1);
    await store.remove(userId);
  });

  it('leave nothing for the schema builder to change', async () => {
    const { upQueries } = await tables().dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('make the tables that synchronize makes', async () => {
    const database = await open();
    const dataSource = await connect(database, settings);
    if (settings.schema !== undefined) await dataSource.query(`CREATE SCHEMA "${settings.schema}"`);
    await dataSource.synchronize();
    const synchronized = await tablesOf(dataSource);
    await dataSource.destroy();
    await database.drop();
    expect(synchronized).toHaveLength(TOTP_ENTITIES.length);
    expect(await tablesOf(tables().dataSource)).toEqual(synchronized);
  });

  it('make tables that the stores work with', async () => {
    const { store, completions } = tables();
    const userId = randomUUID();
    const written = account([device()]);
    await store.commit(userId, null, written);
    const revision = (await store.load(userId))?.revision ?? null;
    expect(await store.commit(userId, revision, written)).toBe(true);
    expect(await store.loadMany([userId])).toEqual(new Map([[userId, written]]));
    expect(await store.remove(userId)).toBe(true);

    await completions.put('session', 1, 2);
    await completions.put('session', 3, 4);
    expect(await completions.find('session', 3)).toBe(3);
  });
});

it('migrations say what to add when the data source does not know the entities', async () => {
  const memory = { type: 'better-sqlite3', database: ':memory:' } as const;
  const dataSource = await new DataSource({ ...memory, migrations: TOTP_MIGRATIONS }).initialize();
  await expect(dataSource.runMigrations()).rejects.toThrow('entities: [...TOTP_ENTITIES, …]');
  await dataSource.destroy();
});
