/** Start-up checks: settings of a server or data source that would break a promise of the module. */
import { Logger } from '@nestjs/common';
import type { DataSource, QueryRunner } from 'typeorm';
import { TotpConfigurationError } from '../../shared/errors.js';
import { isMysql } from './confidential.js';

/** Servers on which the tests have not run yet, by what their version contains. Some speak the protocol of another server. */
const UNTESTED_SERVERS: readonly (readonly [RegExp, string])[] = [
  [/CockroachDB/, 'CockroachDB'],
  [/-YB-/, 'YugabyteDB'],
  [/-TiDB-/, 'TiDB'],
  [/^(?!.*MariaDB)[0-9]/, 'MySQL'],
];

/**
 * Checks the settings of one connection. Other connections may have other settings, so each write checks that it was committed.
 *
 * @throws TotpConfigurationError when a setting would break a promise. Does not throw when the database cannot be reached: the
 *   application handles that
 */
export async function requireReliableServer(dataSource: DataSource): Promise<void> {
  try {
    const runner = dataSource.createQueryRunner('master');
    try {
      await checkConnection(dataSource, runner);
    } finally {
      await runner.release();
    }
  } catch (error) {
    if (error instanceof TotpConfigurationError) throw error;
  }
}

async function checkConnection({ options }: DataSource, runner: QueryRunner): Promise<void> {
  switch (options.type) {
    case 'better-sqlite3':
      return checkSqlite(options.readonly === true, runner);
    case 'postgres':
      return checkPostgres(runner);
    case 'mysql':
    case 'mariadb':
      return checkMysql(runner);
    default:
  }
}

async function checkSqlite(isReadOnly: boolean, runner: QueryRunner): Promise<void> {
  const { query_only: queryOnly } = firstOf(await runner.query('PRAGMA query_only'));
  if (isReadOnly || Number(queryOnly) !== 0) {
    throw new TotpConfigurationError(
      'TotpModule: the data source opens the SQLite file read-only. Remove `readonly: true` and PRAGMA query_only from its options.',
    );
  }
  const { libsql } = firstOf(
    await runner.query("SELECT COUNT(*) AS libsql FROM pragma_function_list WHERE name LIKE 'libsql%'"),
  );
  if (Number(libsql) > 0) {
    new Logger('TotpModule').warn(
      'TotpModule: the driver is libSQL, which keeps a file locked after another connection held it. Use better-sqlite3, unless nothing ' +
        'else writes to the file.',
    );
  }
}

function warnOfUntestedServer(version: unknown): void {
  const [, name] = UNTESTED_SERVERS.find(([pattern]) => pattern.test(String(version))) ?? [];
  if (name === undefined) return;
  new Logger('TotpModule').warn(
    `TotpModule: the server is ${name}, on which the module's tests have not run yet. Test your own sign-ins under load before you rely on it.`,
  );
}

async function checkPostgres(runner: QueryRunner): Promise<void> {
  // By itself, because other servers may lack the functions below.
  const { version } = firstOf(await runner.query('SELECT version() AS version'));
  warnOfUntestedServer(version);
  const { isStandby, isReadOnly } = firstOf(
    await runner.query(`
      SELECT pg_is_in_recovery() AS "isStandby",
             current_setting('transaction_read_only') = 'on' AS "isReadOnly"
    `),
  );
  if (isStandby === true) {
    throw new TotpConfigurationError(
      'TotpModule: the data source is connected to a hot standby, where nothing can be written. Connect it to the primary ' +
        'server (with several hosts: target_session_attrs=read-write).',
    );
  }
  if (isReadOnly === true) {
    throw new TotpConfigurationError(
      "TotpModule: the data source's connections are read-only. Set default_transaction_read_only = off for its role and database.",
    );
  }
}

async function checkMysql(runner: QueryRunner): Promise<void> {
  const connection: unknown = await runner.connect();
  if (typeof connection === 'object' && connection !== null && !isMysql(connection)) {
    throw new TotpConfigurationError(
      'TotpModule: the driver "mysql" has no server-side prepared statements. Install "mysql2" and write connectorPackage: ' +
        '"mysql2" in the options of the data source.',
    );
  }
  const settings = await variablesOf(runner);
  warnOfUntestedServer(settings.get('version'));
  const isOn = (name: string) => settings.get(name) === 'ON';
  if (settings.get('autocommit') === 'OFF') {
    throw new TotpConfigurationError(
      "TotpModule: the data source's connections have autocommit off, so accepted codes and failures would never be committed. " +
        'Set autocommit = 1 in the server configuration, and remove SET autocommit = 0 from init_connect.',
    );
  }
  if (['transaction_isolation', 'tx_isolation'].some((name) => settings.get(name) === 'READ-UNCOMMITTED')) {
    throw new TotpConfigurationError(
      "TotpModule: the data source's connections read what other transactions have not committed, and may roll back. Set " +
        'transaction_isolation (MariaDB before 11.1: tx_isolation) to READ-COMMITTED or higher.',
    );
  }
  if (['read_only', 'super_read_only'].some(isOn)) {
    throw new TotpConfigurationError(
      'TotpModule: the data source is connected to a read-only server, most likely a replica. Connect it to the primary server, or ' +
        'set read_only = 0.',
    );
  }
  if (['transaction_read_only', 'tx_read_only'].some(isOn)) {
    throw new TotpConfigurationError(
      "TotpModule: the data source's connections are read-only. Set transaction_read_only = 0 (MariaDB before 11.1: tx_read_only = 0).",
    );
  }
  // Bit 1: reads wait until the node has applied what the others have committed.
  if (isOn('wsrep_on') && (Number(settings.get('wsrep_sync_wait')) & 1) === 0) {
    new Logger('TotpModule').warn(
      'TotpModule: this Galera node may read an account that another node has already changed. Set wsrep_sync_wait = 1, or send the ' +
        'requests of each user to one node.',
    );
  }
}

/** The session's settings. MySQL and MariaDB use different names, so a SELECT of one name may fail. */
async function variablesOf(runner: QueryRunner): Promise<ReadonlyMap<string, string>> {
  const rows: unknown = await runner.query(`
    SHOW VARIABLES
    WHERE Variable_name IN (
      'autocommit', 'read_only', 'super_read_only', 'transaction_isolation', 'transaction_read_only', 'tx_isolation', 'tx_read_only',
      'version', 'wsrep_on', 'wsrep_sync_wait')
  `);
  const entries = Array.isArray(rows) ? rows.map(nameAndValue) : [];
  return new Map(entries);
}

function nameAndValue(row: unknown): [name: string, value: string] {
  const { Variable_name: name, Value: value }: { Variable_name?: unknown; Value?: unknown } = row ?? {};
  return [String(name), String(value)];
}

function firstOf(rows: unknown): Partial<Record<string, unknown>> {
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
  return typeof row === 'object' && row !== null ? { ...row } : {};
}
