/** SuperTokens' devices straight from its database. */
import type { DataSource } from 'typeorm';
import { TotpArgumentError, TotpStorageError } from 'nestjs-totp';
import { type ForeignDevices, sorted } from './foreign-device.js';
import { DEFAULT_APP, readSuperTokensRow, rowOf, SUPERTOKENS_COLUMNS } from './supertokens.js';

export interface SuperTokensDatabaseOptions {
  /** SuperTokens' `postgresql_table_schema`, where it is not the connection's own. */
  readonly schema?: string;
  /** SuperTokens' `postgresql_table_names_prefix` or `mysql_table_names_prefix`: `acme` for `acme_totp_user_devices`. */
  readonly tablePrefix?: string;
  /** Whose devices: default `public`. */
  readonly appId?: string;
  /** Rows that one statement reads: 1–10,000, default 1,000. */
  readonly pageSize?: number;
}

/** The row that a page ended with. */
interface Cursor {
  readonly userId: string;
  readonly deviceName: string;
}

const MAX_PAGE_SIZE = 10_000;

/**
 * Reads the devices of one app, page by page, from SuperTokens' PostgreSQL or MySQL database. It reads only.
 *
 * SuperTokens keeps TOTP under its own user ids. Where the application gave a user another one (`createUserIdMapping`), the
 * device has that one, which is the one that the application knows.
 *
 * A device that is made while it runs may be missed: run it again once nobody signs in by SuperTokens any more.
 *
 * @param dataSource an initialised TypeORM data source of SuperTokens' database; it needs no entities
 * @example
 * for await (const { devices, refused } of readSuperTokensDatabase(source)) …
 * @throws TotpStorageError when the database does not answer or has no such tables
 */
export async function* readSuperTokensDatabase(
  dataSource: DataSource,
  options: SuperTokensDatabaseOptions = {},
): AsyncGenerator<ForeignDevices, void, undefined> {
  const { appId = DEFAULT_APP, pageSize = 1_000 } = options;
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > MAX_PAGE_SIZE) {
    throw new TotpArgumentError(`pageSize must be a whole number from 1 to ${String(MAX_PAGE_SIZE)}`);
  }
  let count = 0;
  let last: Cursor | undefined;
  for (;;) {
    const rows = await readPage(dataSource, options, appId, pageSize, last);
    const page = rows.map((row) => rowOf(row, `row ${String(++count)}`));
    if (page.length > 0) yield sorted(page.map((row) => readSuperTokensRow(row, appId)));

    const end = page.at(-1);
    if (end === undefined || page.length < pageSize) return;
    last = { userId: end.cell('own_user_id') ?? '', deviceName: end.cell('device_name') ?? '' };
  }
}

/** The rows that follow on `last` in the order of the primary key, so that no row is read twice or left out. */
async function readPage(
  dataSource: DataSource,
  { schema, tablePrefix }: SuperTokensDatabaseOptions,
  appId: string,
  pageSize: number,
  last: Cursor | undefined,
): Promise<readonly object[]> {
  const table = (name: string) =>
    [schema ?? [], tablePrefix === undefined ? name : `${tablePrefix}_${name}`]
      .flat()
      .map((part) => dataSource.driver.escape(part))
      .join('.');
  const parameters: string[] = [];
  const parameter = (value: string) => {
    parameters.push(value);
    return dataSource.driver.createParameter(`p${String(parameters.length)}`, parameters.length - 1);
  };
  const columns = SUPERTOKENS_COLUMNS.filter((name) => name !== 'user_id').map((name) => `d.${name}`);
  const conditions = [`d.app_id = ${parameter(appId)}`];
  if (last !== undefined) {
    const { userId, deviceName } = last;
    conditions.push(
      `d.user_id >= ${parameter(userId)}`,
      `(d.user_id > ${parameter(userId)} OR d.device_name > ${parameter(deviceName)})`,
    );
  }
  const sql =
    `SELECT d.user_id AS own_user_id, COALESCE(m.external_user_id, d.user_id) AS user_id, ${columns.join(', ')} ` +
    `FROM ${table('totp_user_devices')} d LEFT JOIN ${table('userid_mapping')} m ` +
    'ON m.app_id = d.app_id AND m.supertokens_user_id = d.user_id ' +
    `WHERE ${conditions.join(' AND ')} ORDER BY d.user_id, d.device_name LIMIT ${String(pageSize)}`;
  try {
    return await dataSource.query<object[]>(sql, parameters);
  } catch (cause) {
    throw new TotpStorageError(
      `SuperTokens' devices could not be read from ${table('totp_user_devices')} and ${table('userid_mapping')}: check ` +
        'the connection, the schema and the prefix of the tables.',
      { cause },
    );
  }
}
