/**
 * Every statement of every function fails, or is done while its reply is lost (check L8).
 *
 * On the way to a server, the network breaks. There is none to an SQLite file: there, the driver is made to fail.
 */
import { randomUUID } from 'node:crypto';
import { TotpStorageError } from 'nestjs-totp';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';
import type { QueryRunner } from 'typeorm';
import { rowId } from '../../src/storage/sql/row-id.js';
import { databases } from '../support/databases.js';
import { driverError } from './faulty-connection.js';
import { SECRET, WRONG_CODE } from './operations.js';
import { untilWaiting } from './held-tables.js';
import { everyStatementMeets, type Fault, useSite } from './site.js';

const isRead = (statement: string) => statement.startsWith('SELECT');
/** A change of an account, whose revision tells afterwards whether it was done. */
const isChange = (statement: string) => /^(INSERT|UPDATE)/.test(statement);

const isTransaction = (all: readonly string[]) => all.includes('BEGIN');
/** In a transaction, only its end makes anything last. */
const lasts = (statement: string, all: readonly string[]) =>
  isTransaction(all) ? statement === 'COMMIT' : !isRead(statement);

/** What the drivers say of a connection that broke. */
const LOST = /Connection terminated|Connection lost|ECONNRESET/;

/** What each database says when it undoes a statement in favour of another. */
const undone = {
  SQLite: ['SQLITE_BUSY', 'database is locked'],
  PostgreSQL: ['40P01', 'deadlock detected'],
  MariaDB: ['ER_LOCK_DEADLOCK', 'Deadlock found when trying to get lock'],
  MySQL: ['ER_LOCK_DEADLOCK', 'Deadlock found when trying to get lock'],
} as const;

describe.each(databases)('on $name', (database) => {
  const { name } = database;
  const { site, breaks } = useSite(database);
  const [code, message] = undone[name];

  const faults: readonly Fault[] = [
    {
      name: 'fails before it is sent',
      meet: breaks('before the statement'),
      says: LOST,
      leads: () => ({ isDone: false, isAnswered: false }),
    },
    {
      name: 'fails before it is sent, as does all that follows',
      meet: breaks('before the statement'),
      says: LOST,
      goesOn: true,
      leads: () => ({ isDone: false, isAnswered: false }),
    },
    {
      name: 'is done while its reply is lost',
      meet: breaks('before the reply'),
      says: LOST,
      leads: (statement, all) => ({ isDone: lasts(statement, all), isAnswered: isChange(statement) }),
    },
    {
      name: 'is done while its reply is lost, as is every later one',
      meet: breaks('before the reply'),
      says: LOST,
      goesOn: true,
      leads: (statement, all) => ({ isDone: lasts(statement, all), isAnswered: false }),
    },
    {
      name: 'is undone once in favour of another',
      meet: ({ sql }) => Promise.reject(driverError(sql, code, message)),
      says: new RegExp(message),
      // Nothing was done, so a read is sent again, and a change or a transaction is made again, as one that another was ahead of.
      leads: (_, all) => ({ isAnswered: true, isDone: !all.every(isRead) }),
    },
  ];
  for (const fault of faults) everyStatementMeets(fault, site);

  if (name === 'SQLite') return;

  describe('a write that lands when its caller has long been answered with a fault', () => {
    const rightCode = totpCode(SECRET, new TestTotpClock().now());
    let holder: QueryRunner;
    beforeEach(async () => {
      holder = site().observer.createQueryRunner();
      await holder.startTransaction();
    });
    afterEach(async () => {
      if (holder.isTransactionActive) await holder.rollbackTransaction();
      await holder.release();
      site().connection.meetNoFault();
    });

    /** Enters a code whose write waits for somebody else while its caller gives up; then once more, whose write waits behind it. */
    async function enterTwice(userId: string, totp: string): Promise<object> {
      const second = site().undisturbedService();
      await second.importDevice({ userId, deviceName: 'phone', secretKey: SECRET });
      const before = await site().stored(userId);
      await holder.query(`SELECT id FROM totp_accounts WHERE id = '${rowId(userId)}' FOR UPDATE`);

      site().events.clear();
      site().connection.meetFault(2, 2, breaks('for the caller'));
      await expect(site().totp.verifyTOTP({ userId, totp })).rejects.toThrow(TotpStorageError);
      await untilWaiting(1, name, site().observer);
      expect(await site().stored(userId)).toEqual(before);
      expect(site().events.events).toEqual([]);

      const answer = second.verifyTOTP({ userId, totp });
      await untilWaiting(2, name, site().observer);
      await holder.rollbackTransaction();
      return answer;
    }

    it('W2, L8: a right code is not accepted once more', async () => {
      const userId = randomUUID();
      const replayed = { status: 'INVALID_TOTP_ERROR', currentNumberOfFailedAttempts: 0, maxNumberOfFailedAttempts: 5 };
      expect(await enterTwice(userId, rightCode)).toEqual(replayed);
      expect(await site().totp.verifyTOTP({ userId, totp: rightCode })).toEqual(replayed);
    });

    it('L1, L8: a wrong code is counted', async () => {
      const userId = randomUUID();
      expect(await enterTwice(userId, WRONG_CODE)).toMatchObject({ currentNumberOfFailedAttempts: 2 });
      expect(await site().totp.verifyTOTP({ userId, totp: rightCode })).toEqual({ status: 'OK' });
    });
  });
});
