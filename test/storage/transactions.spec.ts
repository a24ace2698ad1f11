/** What the application does in transactions of its own neither gives tries back nor makes used codes good again. */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { TotpStorageError } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { DataSource, type EntityManager } from 'typeorm';
import { startApplication, type TestApplication } from '../support/application.js';
import { useApplication } from '../support/client.js';
import { databases } from '../support/databases.js';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const WRONG = '000000';

/** Undoes a transaction, as any failure in an application does. */
class Undone extends Error {}

/** An application with a table of its own, and users who have a device. */
class Shop {
  constructor(readonly application: TestApplication) {}

  get dataSource(): DataSource {
    return this.application.app.get(DataSource);
  }

  async open(): Promise<void> {
    await this.dataSource.query('CREATE TABLE orders (id varchar(36) PRIMARY KEY)');
  }

  async newUser(): Promise<string> {
    const userId = randomUUID();
    await this.application.totp.importDevice({ userId, deviceName: 'phone', secretKey: SECRET });
    return userId;
  }

  order(manager: EntityManager): Promise<unknown> {
    return manager.query(`INSERT INTO orders (id) VALUES ('${randomUUID()}')`);
  }

  check(userId: string, totp = totpCode(SECRET, this.application.clock.now())) {
    return this.application.totp.verifyTOTP({ userId, totp });
  }

  async failures(userId: string): Promise<number> {
    return (await this.application.totp.getStatus({ userId })).failures;
  }

  /** A transaction that is undone at its end. */
  async undone(work: (manager: EntityManager) => Promise<unknown>): Promise<void> {
    const undone = this.dataSource.transaction(async (manager) => {
      await work(manager);
      throw new Undone();
    });
    await expect(undone).rejects.toThrow(Undone);
  }
}

/** Lets the patience run out at once with which a statement waits for a lock: each look at the clock is a second later. */
function withoutPatience(): void {
  let time = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => (time += 1_000));
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe.each(databases)('a transaction of the application on $name', ({ name, open }) => {
  const application = useApplication({ open });
  let shop: Shop;

  beforeAll(async () => {
    shop = new Shop(application());
    await shop.open();
  });

  it('that is undone gives no try back', async () => {
    const userId = await shop.newUser();
    for (let failure = 1; failure <= 5; failure++) {
      await shop.undone(async () => {
        expect(await shop.check(userId, WRONG)).toMatchObject({ currentNumberOfFailedAttempts: failure });
      });
    }
    expect(await shop.check(userId)).toMatchObject({ status: 'LIMIT_REACHED_ERROR' });
  });

  it('W2: that is undone does not make a used code good again', async () => {
    const userId = await shop.newUser();
    await shop.undone(async () => {
      expect(await shop.check(userId)).toEqual({ status: 'OK' });
    });
    expect(await shop.check(userId)).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
  });

  it('sees what was committed for it, and stays as it was', async () => {
    const userId = await shop.newUser();
    await shop.dataSource.transaction(async (manager) => {
      expect(await shop.check(userId, WRONG)).toMatchObject({ currentNumberOfFailedAttempts: 1 });
      await shop.order(manager);
    });
    expect(await shop.failures(userId)).toBe(1);
  });

  it('L8: that has written, and waits for the answer, gets one or a fault, and never a wrong one', async () => {
    const userId = await shop.newUser();
    withoutPatience();
    await shop.undone(async (manager) => {
      await shop.order(manager);
      // An SQLite file lets one write at a time, so nothing can be counted before the transaction ends.
      if (name === 'SQLite') await expect(shop.check(userId, WRONG)).rejects.toThrow(TotpStorageError);
      else expect(await shop.check(userId, WRONG)).toMatchObject({ currentNumberOfFailedAttempts: 1 });
    });
    expect(await shop.failures(userId)).toBe(name === 'SQLite' ? 0 : 1);
    expect(await shop.check(userId)).toEqual({ status: 'OK' });
  });

  it('that has written only delays an answer that it does not wait for', async () => {
    const userId = await shop.newUser();
    const answers = await shop.dataSource.transaction(async (manager) => {
      await shop.order(manager);
      const checks = [shop.check(userId, WRONG), shop.check(userId)];
      for (let n = 0; n < 20; n++) await shop.order(manager);
      return { checks };
    });
    const statuses = (await Promise.all(answers.checks)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual(['INVALID_TOTP_ERROR', 'OK']);
  });
});

describe('a database in memory, which has one connection for everybody,', () => {
  let shop: Shop;

  beforeAll(async () => {
    const database = {
      options: { type: 'better-sqlite3' as const, database: ':memory:' },
      drop: () => Promise.resolve(),
    };
    shop = new Shop(await startApplication({ database }));
    await shop.open();
  });

  afterAll(() => shop.application.close());

  it('is not written to in a transaction of the application, which gets a fault that says why', async () => {
    const userId = await shop.newUser();
    withoutPatience();
    await shop.undone(async (manager) => {
      await shop.order(manager);
      await expect(shop.check(userId, WRONG)).rejects.toThrow(
        /in-memory database is in a transaction.* call TotpService outside of transactions/,
      );
    });
    expect(await shop.failures(userId)).toBe(0);
    expect(await shop.check(userId)).toEqual({ status: 'OK' });
  });

  it('answers as soon as the transaction is over, whatever becomes of that', async () => {
    const userId = await shop.newUser();
    const checks: ReturnType<Shop['check']>[] = [];
    await shop.undone(async (manager) => {
      checks.push(shop.check(userId, WRONG));
      await shop.order(manager);
      checks.push(shop.check(userId, WRONG));
    });
    expect((await Promise.all(checks)).map((answer) => 'currentNumberOfFailedAttempts' in answer)).toEqual([
      true,
      true,
    ]);
    expect(await shop.failures(userId)).toBe(2);
  });

  it('keeps each answer out of transactions that begin and end meanwhile', async () => {
    const userId = await shop.newUser();
    const checks = Array.from({ length: 5 }, () => shop.check(userId, WRONG));
    for (let n = 0; n < 20; n++) await shop.undone((manager) => shop.order(manager));
    const counts = (await Promise.all(checks)).map((answer) => answer.status);
    expect(counts).toEqual(Array(5).fill('INVALID_TOTP_ERROR'));
    expect(await shop.failures(userId)).toBe(5);
  });
});
