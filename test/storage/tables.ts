/** Databases with the module's tables, and the module's own stores over them. */
import { TOTP_ENTITIES, TOTP_MIGRATIONS, type TotpAccountStore } from 'nestjs-totp';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { StoreConnection } from '../../src/storage/sql/connection.js';
import { SessionCompletionStore } from '../../src/storage/session-completion-store.js';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import type { OpenDatabase, TestDatabase } from '../support/databases.js';

export type Settings = Partial<Pick<DataSourceOptions, 'entityPrefix' | 'logger' | 'namingStrategy'>> & {
  readonly schema?: string;
  readonly migrationsTableName?: string;
};

/** An application's data source that knows the module's entities and migrations, and has run nothing yet. */
export function connect(database: OpenDatabase, settings: Settings = {}): Promise<DataSource> {
  const { options } = database;
  return new DataSource({
    ...options,
    entities: TOTP_ENTITIES,
    migrations: TOTP_MIGRATIONS,
    ...settings,
  }).initialize();
}

export interface Tables {
  readonly database: OpenDatabase;
  /** The application's. */
  readonly dataSource: DataSource;
  /** The module's; on servers the same. */
  readonly own: DataSource;
  readonly store: TypeOrmTotpAccountStore;
  readonly completions: SessionCompletionStore;
}

/** One database with tables for all tests of a `describe`. */
export function useTables(open: TestDatabase['open'], settings: Settings = {}): () => Tables {
  let tables: Tables;
  let connection: StoreConnection;
  beforeAll(async () => {
    const database = await open();
    const dataSource = await connect(database, settings);
    if (settings.schema !== undefined) await dataSource.query(`CREATE SCHEMA "${settings.schema}"`);
    await dataSource.runMigrations();
    connection = new StoreConnection(dataSource, TOTP_ENTITIES);
    const own = await connection.open();
    const store = new TypeOrmTotpAccountStore(own);
    tables = { database, dataSource, own, store, completions: new SessionCompletionStore(connection) };
  });
  afterAll(async () => {
    await connection.onApplicationShutdown();
    await tables.dataSource.destroy();
    await tables.database.drop();
  });
  return () => tables;
}

/** Erases a user as the store has it now; whether there was no conflict. */
export async function erase(store: TotpAccountStore, userId: string): Promise<boolean> {
  const revision = (await store.load(userId))?.revision ?? null;
  return store.commit(userId, revision, 'erased');
}
