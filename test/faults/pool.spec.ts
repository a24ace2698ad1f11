/**
 * The pool is exhausted: calls wait or fail as its settings say, and are answered once there are connections again (L8).
 *
 * SQLite has no pool. What a transaction does there that keeps everybody waiting: `test/storage/transactions.spec.ts`.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { TotpStorageError } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { DataSource } from 'typeorm';
import { rowId } from '../../src/storage/sql/row-id.js';
import type { TestApplication } from '../support/application.js';
import { answered, invalidTotp, Person, refused, useApplication } from '../support/client.js';
import { databases, type OpenDatabase, type TestDatabase } from '../support/databases.js';
import { SECRET, WRONG_CODE } from './operations.js';

const SIZE = 2;
const OK = answered({ status: 'OK' });
const serverError = refused(500, { statusCode: 500, message: 'Internal server error' });
const servers = databases.filter(({ name }) => name !== 'SQLite');

/** What becomes of callers for whom there is no connection. */
type Patience = 'waits' | 'refuses';

/** Makes databases whose pool is small, and lets callers wait for a connection or refuses them. */
function withPool(open: TestDatabase['open'], patience: Patience): () => Promise<OpenDatabase> {
  return async () => {
    const { options, drop } = await open();
    switch (options.type) {
      case 'postgres':
        return { drop, options: { ...options, poolSize: SIZE } };
      case 'mysql':
      case 'mariadb': {
        const extra = { waitForConnections: patience === 'waits' };
        return { drop, options: { ...options, extra, poolSize: SIZE } };
      }
      case 'better-sqlite3':
        throw new Error('SQLite has no pool.');
    }
  };
}

/** PostgreSQL's pool refuses after a time. A busy machine may need it to open a connection, so it holds only while there are none. */
function limitWait({ driver }: DataSource, milliseconds: number): void {
  const { master } = driver as { readonly master?: { readonly options: { connectionTimeoutMillis: number } } };
  if (master !== undefined) master.options.connectionTimeoutMillis = milliseconds;
}

/** Takes all connections of the application's pool into transactions. */
async function exhaust({ app }: TestApplication, patience: Patience) {
  const dataSource = app.get(DataSource);
  const runners = Array.from({ length: SIZE }, () => dataSource.createQueryRunner());
  await Promise.all(runners.map((runner) => runner.startTransaction()));
  if (patience === 'refuses') limitWait(dataSource, 100);
  return {
    roundTrip: () => runners[0]?.query('SELECT 1'),
    giveBack: async () => {
      limitWait(dataSource, 0);
      await Promise.all(
        runners.map(async (runner) => {
          await runner.rollbackTransaction();
          await runner.release();
        }),
      );
    },
  };
}

/** A user with a device. */
async function newUser({ totp }: TestApplication): Promise<string> {
  const userId = randomUUID();
  await totp.importDevice({ userId, deviceName: 'phone', secretKey: SECRET });
  return userId;
}

const check = ({ totp, clock }: TestApplication, userId: string, code = totpCode(SECRET, clock.now())) =>
  totp.verifyTOTP({ userId, totp: code });

describe.each(servers)('a pool on $name that lets callers wait', ({ open }) => {
  const application = useApplication({ open: withPool(open, 'waits') });

  it('W3, L1, L8: has every call of an onslaught answered exactly, once it is not exhausted any more', async () => {
    const [ann, bob] = [await newUser(application()), await newUser(application())];
    const pool = await exhaust(application(), 'waits');
    const statuses: string[] = [];
    const calls = Array.from({ length: 40 }, async (_, n) => {
      const { status } = await (n % 2 === 0 ? check(application(), ann) : check(application(), bob, WRONG_CODE));
      statuses.push(status);
    });
    await pool.roundTrip();
    expect(statuses).toEqual([]);
    await pool.giveBack();
    await Promise.all(calls);
    const count = (status: string) => statuses.filter((other) => other === status).length;
    expect(count('OK')).toBe(1);
    expect(count('INVALID_TOTP_ERROR')).toBe(19 + 5);
    expect(count('LIMIT_REACHED_ERROR')).toBe(15);
  });

  it('L8: is not used up by the calls of one user, when another connection holds that user’s row', async () => {
    const [ann, bob] = [await newUser(application()), await newUser(application())];
    const elsewhere = await new DataSource(application().app.get(DataSource).options).initialize();
    const holder = elsewhere.createQueryRunner();
    await holder.startTransaction();
    await holder.query(`SELECT id FROM totp_accounts WHERE id = '${rowId(ann)}' FOR UPDATE`);
    const calls = Array.from({ length: 40 }, () => check(application(), ann, WRONG_CODE));
    try {
      const late = pause(60_000, 'late', { ref: false });
      expect(await Promise.race([check(application(), bob), late])).toEqual({ status: 'OK' });
    } finally {
      await holder.rollbackTransaction();
      await Promise.all(calls);
      await holder.release();
      await elsewhere.destroy();
    }
    expect(await check(application(), ann)).toMatchObject({ status: 'LIMIT_REACHED_ERROR' });
  });
});

describe.each(servers)('a pool on $name that refuses callers', ({ open }) => {
  const application = useApplication({ open: withPool(open, 'refuses') });

  it('L8: makes a 5xx of every request while it is exhausted, and nothing of it is left afterwards', async () => {
    const person = new Person(application());
    const phone = await person.enrol('phone');
    application().clock.advance(30);
    application().events.clear();

    const pool = await exhaust(application(), 'refuses');
    const answers = [
      await person.post('/device', { deviceName: 'tablet' }),
      await person.list(),
      await person.post('/device/rename', { existingDeviceName: 'phone', newDeviceName: 'tablet' }),
      await person.verify('phone', phone.code()),
      await person.signIn(phone.code()),
      await person.signIn(person.wrongCode()),
      await person.post('/device/remove', { deviceName: 'phone' }),
    ];
    for (const answer of answers) expect(answer).toEqual(serverError);
    await expect(check(application(), person.userId, phone.code())).rejects.toThrow(TotpStorageError);
    expect(application().events.events).toEqual([]);

    await pool.giveBack();
    expect((await person.list()).body).toMatchObject({ devices: [{ name: 'phone' }] });
    expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(1));
    expect(await person.signIn(phone.code())).toEqual(OK);
    expect(await person.signIn(phone.code())).toEqual(invalidTotp(0));
  });

  it('L8: has its connections back from statements that fail', async () => {
    const userId = await newUser(application());
    const database = application().app.get(DataSource);
    await database.query('ALTER TABLE totp_accounts RENAME TO away');
    for (let n = 0; n < 2 * SIZE; n++)
      await expect(check(application(), userId)).rejects.toThrow(/run TOTP_MIGRATIONS/);
    await database.query('ALTER TABLE away RENAME TO totp_accounts');
    expect(await check(application(), userId)).toEqual({ status: 'OK' });
  });
});
