import { DataSource } from 'typeorm';
import { type ForeignDevices, readSuperTokensDatabase, type SuperTokensDatabaseOptions } from 'nestjs-totp-cli';
import { toBase32 } from '../../src/otp/secret.js';
import { TotpArgumentError, TotpStorageError } from '../../src/shared/errors.js';
import { databases, type OpenDatabase } from '../support/databases.js';

const SECRET = Buffer.from('for tests only: ann.');

/** The two tables, with the columns and keys of SuperTokens' PostgreSQL and MySQL plugins. */
function tables(prefix = ''): string[] {
  return [
    `CREATE TABLE ${prefix}totp_user_devices (app_id VARCHAR(64) DEFAULT 'public', user_id VARCHAR(128) NOT NULL,
      device_name VARCHAR(256) NOT NULL, secret_key VARCHAR(256) NOT NULL, period INTEGER NOT NULL, skew INTEGER NOT NULL,
      verified BOOLEAN NOT NULL, created_at BIGINT, PRIMARY KEY (app_id, user_id, device_name))`,
    `CREATE TABLE ${prefix}userid_mapping (app_id VARCHAR(64) DEFAULT 'public', supertokens_user_id CHAR(36) NOT NULL,
      external_user_id VARCHAR(128) NOT NULL, PRIMARY KEY (app_id, supertokens_user_id, external_user_id))`,
  ];
}

interface DeviceRow {
  app?: string;
  user: string;
  name?: string;
  secret?: string;
  period?: number;
  verified?: boolean;
}

function insert({
  app = 'public',
  user,
  name = 'TOTP Device 0',
  secret = toBase32(SECRET),
  period = 30,
  verified = true,
}: DeviceRow) {
  const texts = [app, user, name, secret].map((text) => `'${text.replaceAll("'", "''")}'`).join(', ');
  return `INSERT INTO totp_user_devices VALUES (${texts}, ${period}, 1, ${String(verified)}, 1700000000000)`;
}

describe.each(databases)("SuperTokens' database on $name", ({ name, open }) => {
  let database: OpenDatabase;
  let dataSource: DataSource;

  beforeEach(async () => {
    database = await open();
    dataSource = await new DataSource({ ...database.options, entities: [] }).initialize();
  });

  afterEach(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  async function run(statements: string[]): Promise<void> {
    for (const statement of statements) await dataSource.query(statement);
  }

  async function pages(options?: SuperTokensDatabaseOptions): Promise<ForeignDevices[]> {
    const read: ForeignDevices[] = [];
    for await (const page of readSuperTokensDatabase(dataSource, options)) read.push(page);
    return read;
  }

  it('is read device by device', async () => {
    await run([...tables(), insert({ user: 'ann', name: "Ann's 📱" })]);
    expect(await pages()).toEqual([
      {
        devices: [
          {
            source: 'row 1',
            userId: 'ann',
            account: undefined,
            issuer: undefined,
            deviceName: "Ann's 📱",
            secret: new Uint8Array(SECRET),
            algorithm: 'SHA1',
            digits: 6,
            period: 30,
            skew: 1,
          },
        ],
        refused: [],
      },
    ]);
  });

  it('is read whole and without repetition, whatever the size of a page', async () => {
    const rows = ['ann', 'bob', "o'neil", 'ünal'].flatMap((user) => ['0', '1', '2'].map((name) => ({ user, name })));
    await run([...tables(), ...rows.map(insert)]);
    const expected = rows.map(({ user, name }) => `${user}/${name}`);
    for (const pageSize of [1, 2, 5, 11, 12, 13, 10_000]) {
      const read = await pages({ pageSize });
      const devices = read.flatMap((page) => page.devices);
      expect(devices.map(({ userId, deviceName }) => `${userId}/${deviceName}`).sort()).toEqual(expected);
      expect(devices.map(({ source }) => source)).toEqual(rows.map((_, index) => `row ${index + 1}`));
      expect(Math.max(...read.map((page) => page.devices.length))).toBeLessThanOrEqual(pageSize);
    }
  });

  it('gives a user the id that the application gave them', async () => {
    await run([
      ...tables(),
      insert({ user: '0c0ffee0-0000-4000-8000-0000000000a1' }),
      insert({ user: '0c0ffee0-0000-4000-8000-0000000000b2' }),
      ...['public', 'other'].map(
        (app) =>
          `INSERT INTO userid_mapping VALUES ('${app}', '0c0ffee0-0000-4000-8000-0000000000a1', 'ann of ${app}')`,
      ),
    ]);
    const read = await pages({ pageSize: 1 });
    expect(read.flatMap(({ devices }) => devices.map(({ userId }) => userId))).toEqual([
      'ann of public',
      '0c0ffee0-0000-4000-8000-0000000000b2',
    ]);
  });

  it('is read of one app alone', async () => {
    await run([...tables(), insert({ user: 'ann' }), insert({ user: 'bob', app: 'other' })]);
    expect(await pages()).toMatchObject([{ devices: [{ userId: 'ann' }], refused: [] }]);
    expect(await pages({ appId: 'other' })).toMatchObject([{ devices: [{ userId: 'bob' }], refused: [] }]);
    expect(await pages({ appId: "none' OR '1'='1" })).toEqual([]);
  });

  it('refuses devices that were never verified, and those out of range', async () => {
    await run([
      ...tables(),
      insert({ user: 'ann', verified: false }),
      insert({ user: 'bob', secret: 'JBSWY3DPEHPK3PXP' }),
      insert({ user: 'cem', period: 1 }),
      insert({ user: 'dana' }),
    ]);
    expect(await pages()).toMatchObject([
      {
        devices: [{ userId: 'dana' }],
        refused: [
          { source: 'row 1', reason: expect.stringContaining('never verified') },
          { source: 'row 2', reason: expect.stringContaining('10 bytes') },
          { source: 'row 3', reason: expect.stringContaining('period') },
        ],
      },
    ]);
  });

  it('is read under a prefix', async () => {
    await run([...tables('acme_'), insert({ user: 'ann' }).replace('INTO ', 'INTO acme_')]);
    expect(await pages({ tablePrefix: 'acme' })).toMatchObject([{ devices: [{ userId: 'ann' }] }]);
  });

  it('is an error that names the tables when they are not there', async () => {
    await expect(pages({ tablePrefix: 'acme' })).rejects.toThrow(TotpStorageError);
    await expect(pages({ tablePrefix: 'acme' })).rejects.toThrow(/acme_totp_user_devices.*check the connection/);
  });

  it.each([0, 1.5, 10_001, NaN])('is not read in pages of %d rows', async (pageSize) => {
    await expect(pages({ pageSize })).rejects.toThrow(TotpArgumentError);
  });

  if (name === 'PostgreSQL') {
    it('is read in another schema', async () => {
      await run([
        'CREATE SCHEMA "Super"',
        ...tables('"Super".'),
        insert({ user: 'ann' }).replace('INTO ', 'INTO "Super".'),
      ]);
      expect(await pages({ schema: 'Super' })).toMatchObject([{ devices: [{ userId: 'ann' }] }]);
    });
  }
});
