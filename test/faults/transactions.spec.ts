/**
 * Delays each statement of a transaction beyond the client's time-out (check L8). The pool has only one connection, so the next caller
 * would get the one that was left in a transaction.
 */
import { randomUUID } from 'node:crypto';
import { TotpStorageError, TypeOrmTotpOutbox } from 'nestjs-totp';
import type { DataSource } from 'typeorm';
import { toEvent } from '../../src/events/catalogue.js';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { account, NOW } from '../support/accounts.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { connect } from '../storage/tables.js';
import { initialise, withTimeOuts } from './stalling-site.js';
import { type Fault, TcpProxy } from './tcp-proxy.js';

const servers = databases.filter(({ name }) => name !== 'SQLite');
/** Of a statement, in ms: long enough for a busy machine. */
const TIME_OUT = 400;
const milliseconds = 2 * TIME_OUT;
const [before, after] = [account([], { usedUntil: 1 }), account([], { usedUntil: 2 })];

describe.each(servers)('a transaction on $name', ({ open }) => {
  let database: OpenDatabase;
  let application: DataSource;
  let observer: DataSource;
  let proxy: TcpProxy;
  let end: () => Promise<void>;
  beforeAll(async () => {
    database = await open();
    observer = await connect(database);
    await observer.runMigrations();
    await observer.query('CREATE TABLE orders (id varchar(36) PRIMARY KEY)');
    proxy = await TcpProxy.to(database);
    const options = withTimeOuts(database, 'the client', proxy.port, 1, TIME_OUT);
    application = await initialise(options);
    end = async () => {
      await application.destroy();
      await proxy.close();
      await observer.destroy();
      await database.drop();
    };
  });
  afterAll(() => end());

  const stored = async (userId: string) =>
    (await new TypeOrmTotpAccountStore(observer).load(userId))?.account.usedUntil;

  /** Commits a change whose statement that contains `mark` meets a fault. */
  async function commitDespite(mark: string, fault: Fault) {
    await expectUsable();
    const userId = randomUUID();
    await new TypeOrmTotpAccountStore(observer).commit(userId, null, before);
    const revision = (await new TypeOrmTotpAccountStore(observer).load(userId))?.revision ?? null;
    proxy.plan = (statement) => (statement.includes(mark) ? fault : undefined);
    const store = new TypeOrmTotpAccountStore(application);
    const answer = await store.commitAll([{ userId, revision, account: after }]).catch((error: unknown) => error);
    proxy.plan = undefined;
    return { userId, answer };
  }

  /** The application's next row, on the only connection, is committed. */
  async function expectUsable(): Promise<void> {
    const id = randomUUID();
    // A busy machine may need longer than the time-out to open a connection.
    while (await application.query(`INSERT INTO orders (id) VALUES ('${id}')`).then(() => false, isTimeOut));
    expect(await observer.query(`SELECT id FROM orders WHERE id = '${id}'`)).toEqual([{ id }]);
  }

  it.each(['BEGIN', 'UPDATE'])(
    'L8: is a fault and leaves nothing behind when %s or its reply is late',
    async (statement) => {
      for (const delay of ['the statement', 'the reply'] as const) {
        const { userId, answer } = await commitDespite(statement, { delay, milliseconds });
        expect(answer).toBeInstanceOf(TotpStorageError);
        await expectUsable();
        expect(await stored(userId)).toBe(1);
      }
    },
  );

  it('L8: is committed when only the reply to COMMIT is late, as the row says on another connection', async () => {
    const { userId, answer } = await commitDespite('COMMIT', { delay: 'the reply', milliseconds });
    expect(answer).toBe(true);
    await expectUsable();
    expect(await stored(userId)).toBe(2);
  });

  it('L8: is a fault, or committed, but never a conflict when COMMIT arrives after its caller gave up', async () => {
    const { userId, answer } = await commitDespite('COMMIT', { delay: 'the statement', milliseconds: 3 * TIME_OUT });
    if (answer !== true) expect(answer).toBeInstanceOf(TotpStorageError);
    await expectUsable();
    while ((await stored(userId)) !== 2);
  });

  it('L8: that lost a race leaves nothing behind when ROLLBACK is late', async () => {
    await expectUsable();
    const userId = randomUUID();
    proxy.plan = (statement) => (statement.includes('ROLLBACK') ? { delay: 'the statement', milliseconds } : undefined);
    const change = { userId, revision: `${randomUUID()} `, account: after };
    expect(await new TypeOrmTotpAccountStore(application).commitAll([change])).toBe(false);
    proxy.plan = undefined;
    await expectUsable();
  });

  describe('of a change and its event', () => {
    const outboxOf = (dataSource: DataSource) =>
      new TypeOrmTotpOutbox({ open: () => Promise.resolve(dataSource) }, () => ['mail']);

    /** Commits a change with an event. What is sent with the event meets a fault. */
    async function commitEventDespite(fault: Fault) {
      await expectUsable();
      const userId = randomUUID();
      await new TypeOrmTotpAccountStore(observer).commit(userId, null, before);
      const revision = (await new TypeOrmTotpAccountStore(observer).load(userId))?.revision ?? null;
      const origin = { occurredAt: NOW, userId, tenantId: 'public' };
      const event = toEvent({ name: 'totp.device.verified', deviceId: randomUUID(), deviceName: 'phone' }, origin);
      // PostgreSQL is sent the parameters with the name of the statement, MariaDB without its text.
      const marks = [event.id, 'totp_outbox'];
      let faults = 0;
      proxy.plan = (statement) => {
        if (!marks.some((mark) => statement.includes(mark))) return undefined;
        faults++;
        return fault;
      };
      const store = new TypeOrmTotpAccountStore(application, outboxOf(application));
      const answer = await store.commit(userId, revision, after, [event]).catch((error: unknown) => error);
      proxy.plan = undefined;
      expect(faults).toBe(1);
      return {
        userId,
        answer,
        storedEvents: () => observer.query(`SELECT id FROM totp_outbox WHERE id = '${event.id}:mail'`),
      };
    }

    it.each<Fault>([{ delay: 'the reply', milliseconds }, { cut: 'before the reply' }, { cut: 'for the caller' }])(
      'L8: both are committed when only the reply is lost (%j), as the row says on another connection',
      async (fault) => {
        const { userId, answer, storedEvents } = await commitEventDespite(fault);
        expect(answer).toBe(true);
        await expectUsable();
        expect(await stored(userId)).toBe(2);
        expect(await storedEvents()).toHaveLength(1);
      },
    );

    it('L8: neither is written when the connection breaks before the statement', async () => {
      const { userId, answer, storedEvents } = await commitEventDespite({ cut: 'before the statement' });
      expect(answer).toBeInstanceOf(TotpStorageError);
      await expectUsable();
      expect(await stored(userId)).toBe(1);
      expect(await storedEvents()).toEqual([]);
    });

    it('L8: both are written, or neither, when the statement arrives after its caller gave up', async () => {
      const fault = { delay: 'the statement', milliseconds: 3 * TIME_OUT } as const;
      const { userId, answer, storedEvents } = await commitEventDespite(fault);
      if (answer !== true) expect(answer).toBeInstanceOf(TotpStorageError);
      await expectUsable();
      while ((await stored(userId)) !== 2);
      expect(await storedEvents()).toHaveLength(1);
    });
  });

  // MySQL's statements go through TypeORM's query runner when the client gives up, and straight to the pool otherwise.
  it.each([
    { users: 1, timeOuts: 'the client' },
    { users: 2, timeOuts: 'the client' },
    { users: 1, timeOuts: 'the server' },
  ] as const)(
    'L8: that the application leaves open in the pool takes no change of $users user(s) with it, when $timeOuts gives up',
    async ({ users, timeOuts }) => {
      const application = await initialise(withTimeOuts(database, timeOuts, proxy.port, 1, TIME_OUT));
      const runner = application.createQueryRunner();
      await runner.query('BEGIN');
      await runner.release();
      const store = new TypeOrmTotpAccountStore(application);
      const changes = Array.from({ length: users }, () => ({ userId: randomUUID(), revision: null, account: after }));
      const [first] = changes;
      if (first === undefined) throw new Error('There is no change.');
      const commit = users === 1 ? store.commit(first.userId, null, after) : store.commitAll(changes);
      const answer = await commit.catch((error: unknown) => error);
      if (answer !== true) expect(answer).toBeInstanceOf(TotpStorageError);
      await application.destroy();
      expect(await stored(first.userId)).toBe(answer === true ? 2 : undefined);
    },
  );
});

function isTimeOut(error: unknown): boolean {
  return /time-?out|timeout/i.test(String(error));
}
