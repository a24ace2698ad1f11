/** Opens the connection that the module's statements run on. */
import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ENTITIES_MISSING, TotpConfigurationError } from '../../shared/errors.js';
import { watchPool } from './pool.js';
import { requireReliableServer } from './server-settings.js';

/** The supported types of data source: those whose conflict errors the module recognises. */
const SUPPORTED: readonly string[] = [
  'better-sqlite3',
  'postgres',
  'aurora-postgres',
  'cockroachdb',
  'mysql',
  'mariadb',
  'aurora-mysql',
];

/** Supported types on which the module is not tested. */
const UNTESTED: readonly string[] = ['aurora-postgres', 'cockroachdb', 'aurora-mysql'];

/**
 * Opens a connection whose statements never become part of a transaction of the application: rolling back a business
 * transaction must not restore attempts, or make a used code valid again.
 *
 * PostgreSQL and MySQL have a pool, so the application's own data source is used. TypeORM opens an SQLite file only once for
 * all statements, including transactions, so the module opens it a second time. An in-memory database cannot be opened twice:
 * statements wait until no transaction is open.
 */
export class StoreConnection implements OnApplicationShutdown {
  private opened: Promise<DataSource> | undefined;

  /**
   * @param application the application's data source; undefined when it has none, or none of that name
   * @param entities of the module, which the data source must know
   * @param describeMissing returns the error message for a missing data source
   */
  constructor(
    private readonly application: DataSource | undefined,
    private readonly entities: readonly (new () => object)[],
    private readonly describeMissing: () => string = () => 'TotpModule: the data source is missing. Pass one.',
  ) {}

  /**
   * @throws TotpConfigurationError when there is no data source, it is of another kind or lacks the module's entities, or a setting of its
   *   server would break a promise of the module
   */
  open(): Promise<DataSource> {
    if (this.application === undefined) return Promise.reject(new TotpConfigurationError(this.describeMissing()));
    this.opened ??= openChecked(this.application, this.entities).catch((error: unknown) => {
      this.opened = undefined;
      throw error;
    });
    return this.opened;
  }

  async onApplicationShutdown(): Promise<void> {
    const dataSource = await this.opened?.catch(() => undefined);
    if (dataSource !== this.application && dataSource?.isInitialized) await dataSource.destroy();
  }
}

async function openChecked(...of: Parameters<typeof openFor>): Promise<DataSource> {
  const dataSource = await openFor(...of);
  const { type } = dataSource.options;
  if (UNTESTED.includes(type)) {
    new Logger('TotpModule').warn(
      `TotpModule: data sources of type "${type}" are not tested with this module. Test your own sign-ins under load before you rely on it.`,
    );
  }
  try {
    await requireReliableServer(dataSource);
  } catch (error) {
    if (dataSource !== of[0]) await dataSource.destroy();
    throw error;
  }
  return dataSource;
}

async function openFor(application: DataSource, entities: readonly (new () => object)[]): Promise<DataSource> {
  if (!entities.every((entity) => application.hasMetadata(entity))) {
    throw new TotpConfigurationError(ENTITIES_MISSING);
  }
  const { options } = application;
  if (!SUPPORTED.includes(options.type)) {
    throw new TotpConfigurationError(
      `TotpModule: a data source of type "${options.type}" is not supported. Write one of ${SUPPORTED.join(', ')}, or provide ` +
        'a TotpAccountStore of your own.',
    );
  }
  if (options.type !== 'better-sqlite3' || isInMemory(options.database)) {
    watchPool(application);
    return application;
  }
  return new DataSource({
    ...options,
    entities: [...entities],
    subscribers: [],
    migrations: [],
    migrationsRun: false,
    synchronize: false,
    dropSchema: false,
    enableWAL: false, // the file already is in that mode
    // The driver would block the whole process while it waits for a lock that the process itself may hold: `run` waits instead.
    timeout: 0,
  }).initialize();
}

/** SQLite also keeps a database without a name in memory. */
function isInMemory(database: string): boolean {
  return database === '' || database.includes(':memory:');
}
