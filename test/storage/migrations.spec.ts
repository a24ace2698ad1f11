import { randomUUID } from 'node:crypto';
import { DefaultNamingStrategy, type DataSource } from 'typeorm';
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
  return tables.map(({ name, columns, indices, uniques, checks }) => ({
    name: name.split('.').at(-1),
    columns: columns.map(({ name, type, length, isNullable, isPrimary, default: fallback }) => {
      return { name, type, length, isNullable, isPrimary, fallback };
    }),
    indices: indices.map(({ name, columnNames, isUnique }) => ({ name, columnNames, isUnique })),
    others: [...uniques, ...checks].length,
  }));
}

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
    expect(await hasTables(dataSource)).toEqual([true, true]);
    await dataSource.undoLastMigration();
    expect(await hasTables(dataSource)).toEqual([false, false]);
    expect(await dataSource.runMigrations()).toHaveLength(1);
    expect(await dataSource.runMigrations()).toEqual([]);
    expect(await hasTables(dataSource)).toEqual([true, true]);
    expect(await store.commit(randomUUID(), null, account([device()]))).toBe(true);
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
    expect(synchronized).toHaveLength(2);
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
