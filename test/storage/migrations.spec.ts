/** The migrations create what the entities describe, and survive an interruption at any statement. */
import { randomUUID } from 'node:crypto';
import { TOTP_ENTITIES, TOTP_MIGRATIONS } from 'nestjs-totp';
import { DataSource, DefaultNamingStrategy } from 'typeorm';
import { account, device } from '../support/accounts.js';
import { isNotSent, losesItsReply, type Meet } from '../faults/faulty-connection.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { intercept } from '../support/intercept.js';
import { connect, erase, type Settings, useTables } from './tables.js';

type Mode = 'all' | 'none';

/** What becomes of a statement, counted from 1. */
interface Fault {
  readonly at: number;
  readonly meet: Meet;
}

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
    expect(await erase(store, userId)).toBe(true);

    await completions.put('session', 'ann', 1, 2);
    await completions.put('session', 'ann', 3, 4);
    expect(await completions.find('session', 3)).toBe(3);
  });
});

describe.each(databases)('the migrations on $name, of which a statement fails', ({ open }) => {
  let database: OpenDatabase;
  beforeAll(async () => (database = await open()));
  afterAll(() => database.drop());

  /** As a process does that starts, migrates and ends. @returns what it wrote */
  async function migrate(step: 'runMigrations' | 'undoLastMigration', mode: Mode, fault?: Fault): Promise<string[]> {
    // `debug` keeps the failures, which are intended, out of the test's log.
    const dataSource = await connect(database, { logger: 'debug' });
    const writes: string[] = [];
    intercept(dataSource, (statement) => {
      if (/^(SELECT|SHOW|PRAGMA)/i.test(statement.sql)) return statement.send();
      const isFaulty = writes.push(statement.sql) === fault?.at;
      return isFaulty ? fault.meet({ ...statement, isWrite: true }) : statement.send();
    });
    try {
      await dataSource[step]({ transaction: mode });
    } finally {
      await dataSource.destroy();
    }
    return writes;
  }

  /** The statements that the schema builder would run. */
  async function missing(): Promise<string[]> {
    const dataSource = await connect(database);
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    await dataSource.destroy();
    return upQueries.map(({ query }) => query);
  }

  it.each([
    ['before it is run', 'all', isNotSent],
    ['before it is run', 'none', isNotSent],
    ['after it was run', 'none', losesItsReply],
  ] as const)('complete when they are started again (it fails %s, transactions: %s)', async (_, mode, meet) => {
    // TypeORM creates its own table once.
    await migrate('runMigrations', mode);
    await migrate('undoLastMigration', mode);
    const up = await migrate('runMigrations', mode);
    const down = await migrate('undoLastMigration', mode);
    expect(Math.min(up.length, down.length)).toBeGreaterThan(TOTP_ENTITIES.length);
    for (const [index, sql] of up.entries()) {
      await expect(migrate('runMigrations', mode, { at: index + 1, meet })).rejects.toThrow('Connection terminated');
      await migrate('runMigrations', mode);
      expect({ sql, missing: await missing() }).toEqual({ sql, missing: [] });
      await migrate('undoLastMigration', mode);
    }
    for (const index of down.keys()) {
      await migrate('runMigrations', mode);
      await expect(migrate('undoLastMigration', mode, { at: index + 1, meet })).rejects.toThrow(
        'Connection terminated',
      );
      await migrate('undoLastMigration', mode);
      const dataSource = await connect(database);
      expect(await hasTables(dataSource)).toEqual(TOTP_ENTITIES.map(() => false));
      await dataSource.destroy();
    }
  });
});

describe.each(databases)('a database on $name that has tables already', ({ open }) => {
  let database: OpenDatabase;
  let dataSource: DataSource;
  beforeEach(async () => {
    database = await open();
    dataSource = await connect(database);
  });
  afterEach(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  it('is accepted by the migrations when synchronize has created them', async () => {
    await dataSource.synchronize();
    const synchronized = await tablesOf(dataSource);
    await dataSource.runMigrations();
    expect(await tablesOf(dataSource)).toEqual(synchronized);
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries).toEqual([]);
  });

  it.each([
    ['a table of another user', 'CREATE TABLE totp_session_completions (id int PRIMARY KEY)'],
    [
      'a table with another type of column',
      'CREATE TABLE totp_session_completions (id varchar(64) PRIMARY KEY, completed_at text NOT NULL, expires_at bigint NOT NULL)',
    ],
    [
      'a table with a column more',
      'CREATE TABLE totp_session_completions (id varchar(64) PRIMARY KEY, completed_at bigint NOT NULL, expires_at bigint NOT NULL, shop int NOT NULL)',
    ],
  ])('is refused with a sentence when one of them is %s, and migrated once that is gone', async (_, create) => {
    await dataSource.query(create);
    await expect(dataSource.runMigrations()).rejects.toThrow(
      expect.objectContaining({
        code: 'TOTP_CONFIGURATION',
        message: expect.stringMatching(
          /^TotpModule: the database already has a table ".*totp_session_completions" with other columns\. Rename or drop that table, or set entityPrefix/,
        ),
      }),
    );
    await dataSource.query('DROP TABLE totp_session_completions');
    await dataSource.runMigrations();
    expect(await hasTables(dataSource)).toEqual(TOTP_ENTITIES.map(() => true));
  });
});

it('migrations say what to add when the data source does not know the entities', async () => {
  const memory = { type: 'better-sqlite3', database: ':memory:' } as const;
  const dataSource = await new DataSource({ ...memory, migrations: TOTP_MIGRATIONS }).initialize();
  await expect(dataSource.runMigrations()).rejects.toThrow('entities: [...TOTP_ENTITIES, …]');
  await dataSource.destroy();
});
