/** When the database fails: a fault, never an answer about the code, and nothing in it that was to be kept. */
import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { jest } from '@jest/globals';
import { TotpSecretError, TotpStorageError } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { DataSource } from 'typeorm';
import { StoreConnection } from '../../src/storage/sql/connection.js';
import { driverError, FaultyConnection, isNotSent, losesItsReply, type Meet } from '../faults/faulty-connection.js';
import { useApplication } from '../support/client.js';
import { databases } from '../support/databases.js';
import { account, device } from '../support/accounts.js';
import { useTables } from './tables.js';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const WRONG = '000000';

/** What a call throws. */
async function faultOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.each(databases)('a read on $name', ({ open }) => {
  const tables = useTables(open);

  it('is repeated when the database refuses it because of writes at the same time, but not for ever', async () => {
    const { store, completions, own } = tables();
    const faulty = new FaultyConnection(own);
    const isRefused: Meet = ({ sql }) => Promise.reject(driverError(sql, '40001', 'could not serialize access'));
    expect(await store.commit('ann', null, account([]))).toBe(true);
    await completions.put('a session', 'ann', 1, 2);
    const reads: readonly [() => Promise<unknown>, unknown][] = [
      [() => store.load('ann'), expect.objectContaining({ account: account([]) })],
      [() => store.loadMany(['ann']), new Map([['ann', account([])]])],
      [() => completions.find('a session', 1), 1],
    ];
    for (const [read, found] of reads) {
      faulty.meetFault(1, 3, isRefused);
      expect(await read()).toEqual(found);
      expect(faulty.statements).toHaveLength(4);
      faulty.meetFault(1, Infinity, isRefused);
      await expect(read()).rejects.toThrow(TotpStorageError);
      faulty.meetNoFault();
    }
  });
});

describe.each(databases)('a fault of the store on $name', ({ name, open }) => {
  const tables = useTables(open);
  const user = account([device({ name: 'a-name', sealedSecret: 'a-sealed-secret' })]);

  /** Makes the database refuse new rows, in words that hold the row where it has such. */
  async function refuseNewRows(): Promise<void> {
    await tables().dataSource.query(
      name === 'SQLite'
        ? "CREATE TRIGGER no_rows BEFORE INSERT ON totp_accounts BEGIN SELECT RAISE(ABORT, 'no rows'); END"
        : 'ALTER TABLE totp_accounts ADD CONSTRAINT no_rows CHECK (failures > 0)',
    );
  }

  it('S4: tells what the driver said, and neither the statement’s values nor the row', async () => {
    await refuseNewRows();
    const fault = await faultOf(tables().store.commit('a-user-id', null, user));
    expect(fault).toBeInstanceOf(TotpStorageError);
    expect(fault).toMatchObject({
      code: 'TOTP_STORAGE',
      message: expect.stringMatching(/no.rows.*Treat the call as not done/s),
      cause: { code: expect.any(String) },
    });
    const everything = inspect(fault, { depth: Infinity, showHidden: true });
    expect(everything).not.toMatch(/a-sealed-secret|a-name|a-user-id/);
  });

  it('is not a conflict: the caller does not try again for ever', async () => {
    await tables().dataSource.query('DROP TABLE totp_accounts');
    const { store, completions } = tables();
    const calls = [
      () => store.load('ann'),
      () => store.loadMany(['ann']),
      () => store.commit('ann', null, user),
      () => store.commit('ann', randomUUID(), user),
      () => store.commit('ann', randomUUID(), 'erased'),
    ];
    for (const call of calls) {
      expect(await faultOf(call())).toMatchObject({
        code: 'TOTP_STORAGE',
        message: expect.stringContaining('run TOTP_MIGRATIONS'),
        cause: { code: expect.stringMatching(/^SQLITE_ERROR$|^42P01$|^ER_NO_SUCH_TABLE$/) },
      });
    }
    await tables().dataSource.query('DROP TABLE totp_session_completions');
    expect(await faultOf(completions.find('session', 1))).toBeInstanceOf(TotpStorageError);
    expect(await faultOf(completions.put('session', 'ann', 1, 2))).toBeInstanceOf(TotpStorageError);
  });
});

describe.each(databases)('a reply that gets lost on $name', ({ open }) => {
  const tables = useTables(open);
  const [before, after] = [account([]), account([device()])];
  let connection: FaultyConnection;
  beforeAll(() => (connection = new FaultyConnection(tables().own)));
  afterEach(() => {
    connection.meetNoFault();
  });

  /** Loses the reply to the next statement, or to the n-th, which the database has run or not. */
  function loseReply(isRun: boolean, n = 1): void {
    connection.meetFault(n, n, isRun ? losesItsReply : isNotSent);
  }

  it('after a commit does not undo it: it is known by the mark in the row', async () => {
    const { store } = tables();
    loseReply(true);
    expect(await store.commit('new', null, before)).toBe(true);
    const revision = (await store.load('new'))?.revision ?? null;
    loseReply(true);
    expect(await store.commit('new', revision, after)).toBe(true);
    expect((await store.load('new'))?.account).toEqual(after);
  });

  it('before a commit is a fault, and nothing is written', async () => {
    const { store } = tables();
    loseReply(false);
    await expect(store.commit('never', null, before)).rejects.toThrow('Connection terminated');
    expect(await store.load('never')).toBeNull();
    await store.commit('never', null, before);
    const revision = (await store.load('never'))?.revision ?? null;
    loseReply(false);
    await expect(store.commit('never', revision, after)).rejects.toThrow('Connection terminated');
    expect(await store.load('never')).toEqual({ account: before, revision });
  });

  it('after a batch does not undo it either', async () => {
    const { store } = tables();
    loseReply(true, 3); // BEGIN, INSERT, COMMIT
    expect(await store.commitAll([{ userId: 'in a batch', revision: null, account: after }])).toBe(true);
    expect((await store.load('in a batch'))?.account).toEqual(after);
  });

  it.each(['BEGIN', 'INSERT', 'COMMIT'])(
    'before %s of a batch is a fault, and the next batch is written',
    async (at) => {
      const { store } = tables();
      const batch = [{ userId: `batch with ${at}`, revision: null, account: before }];
      loseReply(false, ['BEGIN', 'INSERT', 'COMMIT'].indexOf(at) + 1);
      await expect(store.commitAll(batch)).rejects.toThrow('Connection terminated');
      expect(await store.load(`batch with ${at}`)).toBeNull();
      expect(await store.commitAll(batch)).toBe(true);
    },
  );
});

describe.each(databases.slice(0, 1))('an SQLite file that another connection holds', ({ open }) => {
  const tables = useTables(open);
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each(['SQLITE_BUSY', 'SQLITE_BUSY_RECOVERY', 'SQLITE_BUSY_SNAPSHOT'])('is waited for (%s)', async (code) => {
    const { own, store } = tables();
    const busy = Object.assign(new Error('database is locked'), { code });
    jest.spyOn(own.createQueryRunner(), 'query').mockRejectedValueOnce(busy);
    expect(await store.load('nobody')).toBeNull();
  });
});

describe.each(databases)('L8: on $name', ({ open }) => {
  const application = useApplication({ open });
  const code = (steps = 0) => totpCode(SECRET, application().clock.now() + steps * 30_000);
  const check = (userId: string, totp: string) => application().totp.verifyTOTP({ userId, totp });

  /** A user with a device and one failure. */
  async function newUser(): Promise<string> {
    const userId = randomUUID();
    await application().totp.importDevice({ userId, secretKey: SECRET });
    await check(userId, WRONG);
    application().events.clear();
    return userId;
  }

  async function expectOneFailure(userId: string): Promise<void> {
    expect(application().events.events).toEqual([]);
    expect(await check(userId, WRONG)).toMatchObject({ currentNumberOfFailedAttempts: 2 });
    expect(await check(userId, code())).toEqual({ status: 'OK' });
  }

  it.each([
    ['devices that are cut short', TotpStorageError, "devices = '[{'"],
    ['devices that are none', TotpStorageError, "devices = '[7]'"],
    ['a count that cannot be', TotpStorageError, 'failures = -1'],
    ['a secret that does not open', TotpSecretError, "devices = REPLACE(devices, 'test:', 'other:')"],
  ])('a row with %s is a fault to every code, and costs no try', async (_, fault, damage) => {
    const userId = await newUser();
    const database = application().app.get(DataSource);
    const where = `WHERE user_id = '"${userId}"'`;
    const [whole] = await database.query<{ devices: string }[]>(`SELECT devices FROM totp_accounts ${where}`);
    await database.query(`UPDATE totp_accounts SET ${damage} ${where}`);
    for (const entered of [code(), WRONG, code(1)]) await expect(check(userId, entered)).rejects.toThrow(fault);
    await database.query(`UPDATE totp_accounts SET devices = '${whole?.devices ?? ''}', failures = 1 ${where}`);
    await expectOneFailure(userId);
  });

  it('a connection that is gone is a fault to every code, and costs no try', async () => {
    const userId = await newUser();
    const connection = await application().app.get(StoreConnection).open();
    await connection.destroy();
    for (const entered of [code(), WRONG]) await expect(check(userId, entered)).rejects.toThrow(TotpStorageError);
    await connection.initialize();
    await expectOneFailure(userId);
  });
});
