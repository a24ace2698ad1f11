/** Events are kept in the transaction of their change: both are there, or neither is. */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { Inject, Injectable, Logger, Module, type Type } from '@nestjs/common';
import {
  type AnyTotpEvent,
  OnTotpEvent,
  TotpAccountStore,
  type TotpDeviceVerifiedEvent,
  TotpEventDestination,
  TotpOutbox,
  TotpOutboxAdmin,
  TotpOutboxRelay,
  TotpStorageError,
  type TotpUserLockedEvent,
  TypeOrmTotpOutbox,
} from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { DataSource, type EntityManager } from 'typeorm';
import { StoreConnection } from '../../src/storage/sql/connection.js';
import { FaultyConnection, isNotSent, losesItsReply } from '../faults/faulty-connection.js';
import { Person, useApplication } from '../support/client.js';
import { databases } from '../support/databases.js';
import { endRetryWaits } from '../support/outbox.js';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const WRONG = '000000';
const events = { outbox: true };

/** What commits a change of one account with its events, by database. */
const COMMITS = {
  SQLite: ['BEGIN', 'UPDATE', 'INSERT', 'COMMIT'],
  MySQL: ['BEGIN', 'UPDATE', 'INSERT', 'COMMIT'],
  MariaDB: ['COMPOUND'],
  PostgreSQL: ['WITH'],
};

/** A destination that nothing is brought to, since no relay runs. */
class Nowhere extends TotpEventDestination {
  readonly name = 'nowhere';

  override deliver(): Promise<void> {
    return Promise.reject(new Error('no relay runs'));
  }
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe.each(databases)('with an outbox on $name', ({ name, open }) => {
  const commits = COMMITS[name];
  /** The number of the last statement that a check sends: the first one reads the account. */
  const last = commits.length + 1;
  const application = useApplication({
    open,
    options: { events, eventDestinations: [Nowhere] },
    customise: (builder) => builder.overrideProvider(TotpOutboxRelay).useValue(new TotpOutboxRelay(undefined)),
  });
  let faulty: FaultyConnection;
  beforeAll(async () => {
    faulty = new FaultyConnection(await application().app.get(StoreConnection).open());
  });
  afterEach(() => {
    faulty.meetNoFault();
  });

  const right = (userId: string) => ({ userId, totp: totpCode(SECRET, application().clock.now()) });
  const wrong = (userId: string) => ({ userId, totp: WRONG });
  const phone = (userId: string) => ({ userId, deviceName: 'phone', secretKey: SECRET });

  /** The user's events in the outbox, in their order. */
  async function kept(userId: string): Promise<AnyTotpEvent[]> {
    const rows: { event: string }[] = await application()
      .app.get(DataSource)
      .query('SELECT event FROM totp_outbox ORDER BY position');
    return rows.map(({ event }) => JSON.parse(event) as AnyTotpEvent).filter((event) => event.userId === userId);
  }

  async function enrolled(failures = 0): Promise<string> {
    const userId = randomUUID();
    await application().totp.importDevice(phone(userId));
    for (let n = 0; n < failures; n++) await application().totp.verifyTOTP(wrong(userId));
    return userId;
  }

  async function sentBy(call: () => Promise<object>): Promise<string> {
    const { statements } = application();
    statements.length = 0;
    await call();
    return statements.map((sql) => (sql.includes('NOT ATOMIC') ? 'COMPOUND' : sql.trim().split(' ', 1)[0])).join(' ');
  }

  it('keeps what happens to devices and locks, as listeners in the process receive it', async () => {
    const { totp, events: heard, clock } = application();
    const userId = await enrolled(5);
    clock.advance(900);
    await totp.verifyTOTP(right(userId));
    await totp.updateDevice({
      userId,
      existingDeviceName: 'phone',
      newDeviceName: 'tablet',
      onBehalfOf: 'application',
    });
    await totp.removeDevice({ userId, deviceName: 'tablet', onBehalfOf: 'application' });
    const names = (await kept(userId)).map(({ name }) => name);
    expect(names).toEqual([
      'totp.device.created',
      'totp.user.locked',
      'totp.user.unlocked',
      'totp.device.renamed',
      'totp.device.removed',
    ]);
    const durable = heard.events.filter((event) => event.userId === userId && !event.name.startsWith('totp.code.'));
    expect(await kept(userId)).toEqual(durable.map((event) => JSON.parse(JSON.stringify(event)) as object));
  });

  it('costs an accepted and a rejected code nothing, and what it keeps one statement or one transaction', async () => {
    const { totp } = application();
    const [one, other, locking] = [await enrolled(), await enrolled(), await enrolled(4)];
    expect(await sentBy(() => totp.verifyTOTP(right(one)))).toBe('SELECT UPDATE');
    expect(await sentBy(() => totp.verifyTOTP(right(one)))).toBe('SELECT');
    expect(await sentBy(() => totp.verifyTOTP(wrong(other)))).toBe('SELECT UPDATE');
    expect(await sentBy(() => totp.verifyTOTP(wrong(locking)))).toBe(`SELECT ${commits.join(' ')}`);
    expect(await sentBy(() => totp.verifyTOTP(wrong(locking)))).toBe('SELECT');
    const creating = commits.join(' ').replace('UPDATE', 'INSERT');
    expect(await sentBy(() => totp.importDevice(phone(randomUUID())))).toBe(`SELECT ${creating}`);
  });

  it('imports many devices, and keeps as many events, in one transaction', async () => {
    const userIds = Array.from({ length: 700 }, () => randomUUID());
    const statement = await sentBy(() => application().totp.importDevices({ devices: userIds.map(phone) }));
    expect(statement).toMatch(/BEGIN (INSERT ){700}SELECT UPDATE INSERT INSERT COMMIT$/);
    expect(await kept(userIds[699] ?? '')).toHaveLength(1);
  });

  it('L8: changes nothing, and keeps nothing, when the commit fails', async () => {
    const { totp, events: heard } = application();
    const userId = await enrolled(4);
    heard.clear();
    faulty.meetFault(last, last, isNotSent);
    await expect(totp.verifyTOTP(wrong(userId))).rejects.toThrow(TotpStorageError);
    faulty.meetNoFault();
    expect(await totp.getStatus({ userId })).toMatchObject({ failures: 4, lock: null });
    expect((await kept(userId)).map(({ name }) => name)).toEqual(['totp.device.created']);
    expect(heard.events).toEqual([]);
  });

  it('L8: answers when the reply to the commit alone is lost', async () => {
    const { totp, events: heard } = application();
    const userId = await enrolled(4);
    const committed = jest.spyOn(application().app.get(TotpOutbox), 'committed');
    faulty.meetFault(last, last, losesItsReply);
    expect(await totp.verifyTOTP(wrong(userId))).toMatchObject({ currentNumberOfFailedAttempts: 5 });
    expect((await kept(userId)).map(({ name }) => name)).toEqual(['totp.device.created', 'totp.user.locked']);
    expect(heard.named('totp.user.locked').filter((event) => event.userId === userId)).toHaveLength(1);
    expect(committed).toHaveBeenCalledTimes(1);
  });

  it.each(commits.map((_, n) => n + 2))(
    'L8: changes nothing, and keeps nothing, when statement %i fails',
    async (n) => {
      const { totp } = application();
      const userId = await enrolled(4);
      faulty.meetFault(n, n, isNotSent);
      await expect(totp.verifyTOTP(wrong(userId))).rejects.toThrow(TotpStorageError);
      faulty.meetNoFault();
      expect(await totp.getStatus({ userId })).toMatchObject({ failures: 4, lock: null });
      expect(await kept(userId)).toHaveLength(1);
      expect(await totp.verifyTOTP(wrong(userId))).toMatchObject({ currentNumberOfFailedAttempts: 5 });
    },
  );

  it('makes new events when another process was first', async () => {
    const { totp, app, events: heard } = application();
    const userId = await enrolled(4);
    const store = app.get(TotpAccountStore);
    const handed: AnyTotpEvent[] = [];
    const commit = store.commit.bind(store);
    jest.spyOn(store, 'commit').mockImplementation(async (...change) => {
      handed.push(...(change[3] ?? []));
      return handed.length === 1 ? false : commit(...change);
    });
    await totp.verifyTOTP(wrong(userId));
    expect(handed).toHaveLength(2);
    expect(handed[0]?.id).not.toBe(handed[1]?.id);
    const locks = (await kept(userId)).filter(({ name }) => name === 'totp.user.locked');
    expect(locks.map(({ id }) => id)).toEqual([handed[1]?.id]);
    expect(heard.events.at(-1)?.id).toBe(handed[1]?.id);
  });

  it('keeps the one event of many calls that lock a user at once', async () => {
    const userId = await enrolled();
    await Promise.all(Array.from({ length: 30 }, () => application().totp.verifyTOTP(wrong(userId))));
    expect((await kept(userId)).map(({ name }) => name)).toEqual(['totp.device.created', 'totp.user.locked']);
  });

  it('S4: keeps no secret', async () => {
    const person = new Person(application());
    const authenticator = await person.enrol();
    const rows = JSON.stringify(await application().app.get(DataSource).query('SELECT * FROM totp_outbox'));
    expect(rows).toContain(person.userId);
    expect(rows).not.toContain(authenticator.secret);
  });
});

describe.each(databases)('with an outbox for codes too, on $name', ({ open }) => {
  const application = useApplication({
    open,
    options: { events: { outbox: true, codeEvents: true }, eventDestinations: [Nowhere] },
    customise: (builder) => builder.overrideProvider(TotpOutboxRelay).useValue(new TotpOutboxRelay(undefined)),
  });

  it('keeps every event, in order, those that change nothing too', async () => {
    const { totp, app, clock, events: heard } = application();
    const userId = randomUUID();
    await totp.importDevice({ userId, deviceName: 'phone', secretKey: SECRET });
    const totpNow = totpCode(SECRET, clock.now());
    await totp.verifyTOTP({ userId, totp: WRONG });
    await totp.verifyTOTP({ userId, totp: totpNow });
    await totp.verifyTOTP({ userId, totp: totpNow });
    const rows: { event: string }[] = await app
      .get(DataSource)
      .query('SELECT event FROM totp_outbox ORDER BY position');
    const names = rows.map(({ event }) => (JSON.parse(event) as AnyTotpEvent).name);
    expect(names).toEqual(['totp.device.created', 'totp.code.rejected', 'totp.code.accepted', 'totp.code.replayed']);
    expect(heard.events.map(({ name }) => name)).toEqual(names);
  });
});

/** An outbox that an application has already. */
@Injectable()
class OwnOutbox extends TotpOutbox {
  static fails = false;
  static committed = 0;
  /** What it does with the transaction, and does not tell. */
  static spoil: ((manager: EntityManager) => Promise<unknown>) | undefined;
  static whenCommitted: (() => void) | undefined;

  override async add(manager: EntityManager, added: readonly AnyTotpEvent[]): Promise<void> {
    for (const { id, name } of added) {
      // As a repository's save does: it would begin a transaction of its own where there is none.
      await manager.transaction((nested) =>
        nested.query(`INSERT INTO own_outbox (id, topic) VALUES ('${id}', '${name}')`),
      );
    }
    if (OwnOutbox.fails) throw new Error('the outbox is full');
    await OwnOutbox.spoil?.(manager).catch(() => undefined);
  }

  override committed(): void {
    OwnOutbox.committed++;
    return OwnOutbox.whenCommitted?.();
  }
}

describe.each(databases)("with an application's own outbox on $name", ({ name, open }) => {
  const application = useApplication({
    open,
    options: { events, providers: [{ provide: TotpOutbox, useClass: OwnOutbox }] },
  });
  beforeAll(() =>
    application().app.get(DataSource).query('CREATE TABLE own_outbox (id varchar(36) PRIMARY KEY, topic varchar(99))'),
  );
  afterEach(() => {
    OwnOutbox.fails = false;
    OwnOutbox.spoil = undefined;
    OwnOutbox.whenCommitted = undefined;
  });

  const topics = async () => {
    const rows: { topic: string }[] = await application().app.get(DataSource).query('SELECT topic FROM own_outbox');
    return rows.map(({ topic }) => topic);
  };

  it('puts events there, in the transaction, and leaves the rest to it', async () => {
    const before = OwnOutbox.committed;
    await new Person(application()).enrol();
    expect((await topics()).toSorted()).toEqual(['totp.device.created', 'totp.device.verified']);
    expect(OwnOutbox.committed).toBe(before + 2);
    await expect(application().app.get(TotpOutboxAdmin).deadLetters()).rejects.toThrow(/provide no TotpOutbox/);
  });

  it('L8: answers 500, changes nothing and publishes nothing when it fails', async () => {
    const before = await topics();
    const person = new Person(application());
    application().events.clear();
    OwnOutbox.fails = true;
    expect((await person.post('/device', {})).status).toBe(500);
    OwnOutbox.fails = false;
    expect((await person.list()).body).toEqual({ status: 'OK', devices: [] });
    expect(await topics()).toEqual(before);
    expect(application().events.events).toEqual([]);
    await person.enrol();
  });

  it.each<[string, (manager: EntityManager) => Promise<unknown>]>([
    ['commits', (manager) => manager.query('COMMIT')],
    [
      'commits and begins another transaction',
      async (manager) => {
        await manager.query('COMMIT');
        await manager.query('BEGIN');
      },
    ],
  ])('L8: answers 500, and leaves no transaction open, when it %s itself', async (_, spoil) => {
    const person = new Person(application());
    OwnOutbox.spoil = spoil;
    expect((await person.post('/device', {})).status).toBe(500);
    OwnOutbox.spoil = undefined;
    const other = new Person(application());
    await other.enrol();
    expect((await other.list()).body).toMatchObject({ devices: [{ verified: true }] });
  });

  it('L8: commits what it writes in a nested transaction that it leaves open', async () => {
    const person = new Person(application());
    const before = (await topics()).length;
    OwnOutbox.spoil = (manager) => manager.queryRunner?.startTransaction() ?? Promise.resolve();
    expect((await person.post('/device', {})).status).toBe(200);
    expect((await person.list()).body).toMatchObject({ devices: [{ verified: false }] });
    expect(await topics()).toHaveLength(before + 1);
  });

  it.each(['ROLLBACK', 'SELECT nothing FROM nowhere'])(
    'L8: never answers with what is not written, when it hides that the transaction was lost (%s)',
    async (statement) => {
      const person = new Person(application());
      OwnOutbox.spoil = (manager) => manager.query(statement);
      application().events.clear();
      const { status } = await person.post('/device', {});
      // An error in a statement ends the transaction on PostgreSQL alone.
      const isLost = statement === 'ROLLBACK' || name === 'PostgreSQL';
      expect(status).toBe(isLost ? 500 : 200);
      expect((await person.list()).body).toMatchObject({ devices: isLost ? [] : [{ verified: false }] });
      expect(application().events.events).toHaveLength(isLost ? 0 : 1);
    },
  );

  it.each([
    ['throws', raise],
    ['rejects', async () => Promise.reject(new Error('no mood'))],
  ])('answers, and tells listeners, when it %s after the commit', async (_, whenCommitted) => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    const person = new Person(application());
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- TypeScript lets it pass, so somebody will write it
    OwnOutbox.whenCommitted = whenCommitted;
    application().events.clear();
    expect((await person.post('/device', {})).status).toBe(200);
    expect(application().events.events).toHaveLength(1);
    expect(logged).toHaveBeenCalledWith('TotpOutbox.committed failed', expect.stringContaining('no mood'));
  });
});

function raise(): never {
  throw new Error('no mood');
}

/** An outbox of the application around the module's own. */
@Injectable()
class CountingOutbox extends TotpOutbox {
  count = 0;

  constructor(@Inject(TypeOrmTotpOutbox) private readonly outbox: TypeOrmTotpOutbox) {
    super();
  }

  override get queue() {
    return this.outbox.queue;
  }

  override async add(manager: EntityManager, added: readonly AnyTotpEvent[]): Promise<void> {
    await this.outbox.add(manager, added);
    this.count += added.length;
  }

  override committed(): void {
    this.outbox.committed();
  }
}

/** One that extends it, and hides an error. */
@Injectable()
class ExtendedOutbox extends TypeOrmTotpOutbox {
  count = 0;
  spoil: ((manager: EntityManager) => Promise<unknown>) | undefined;

  override async add(manager: EntityManager, added: readonly AnyTotpEvent[]): Promise<void> {
    await super.add(manager, added);
    this.count += added.length;
    await this.spoil?.(manager).catch(() => undefined);
  }
}

class Post extends TotpEventDestination {
  readonly name = 'post';
  static readonly delivered: AnyTotpEvent[] = [];

  override deliver(event: AnyTotpEvent): Promise<void> {
    Post.delivered.push(event);
    return Promise.resolve();
  }
}

describe.each(databases)("with an application's outbox around the module's own, on $name", ({ open }) => {
  const start = (useClass: Type<TotpOutbox>) =>
    useApplication({
      open,
      options: { events, eventDestinations: [Post], providers: [{ provide: TotpOutbox, useClass }] },
    });
  const delegating = start(CountingOutbox);
  const extending = start(ExtendedOutbox);
  const cases: [string, typeof delegating][] = [
    ['delegates to it', delegating],
    ['extends it', extending],
  ];

  it.each(cases)('the module delivers the events of an outbox that %s', async (_, application) => {
    const { app, totp } = application();
    const outbox = app.get<TotpOutbox & { count: number }>(TotpOutbox);
    const userId = randomUUID();
    await totp.importDevice({ userId, deviceName: 'phone', secretKey: SECRET });
    await app.get(TotpOutboxRelay).runOnce();
    expect(outbox.count).toBe(1);
    expect(Post.delivered.filter((event) => event.userId === userId)).toMatchObject([{ name: 'totp.device.created' }]);
    expect(await app.get(TotpOutboxRelay).backlog()).toMatchObject([{ destination: 'post', waiting: 0 }]);
  });

  it('L8: a change fails whose transaction was lost in a subclass that hides it', async () => {
    const { app, totp } = extending();
    const outbox = app.get<ExtendedOutbox>(TotpOutbox);
    outbox.spoil = (manager) => manager.query('ROLLBACK');
    const userId = randomUUID();
    const imported = totp.importDevice({ userId, deviceName: 'phone', secretKey: SECRET });
    await expect(imported).rejects.toThrow(TotpStorageError);
    outbox.spoil = undefined;
    expect(await totp.listDevices({ userId })).toMatchObject({ devices: [] });
  });
});

@Injectable()
class Listeners {
  readonly durable: AnyTotpEvent[] = [];
  readonly atOnce: AnyTotpEvent[] = [];
  failures = 1;

  @OnTotpEvent('totp.user.locked')
  hear(event: TotpUserLockedEvent): void {
    this.atOnce.push(event);
  }

  @OnTotpEvent('totp.user.locked', { durable: true })
  async mail(event: TotpUserLockedEvent): Promise<void> {
    await Promise.resolve();
    this.durable.push(event);
    if (this.failures-- > 0) throw new Error('the mail server is down');
  }

  @OnTotpEvent('totp.device.verified', { durable: true })
  async greet(event: TotpDeviceVerifiedEvent): Promise<void> {
    await Promise.resolve();
    this.durable.push(event);
  }
}

@Module({ providers: [Listeners] })
class ListenersModule {}

describe('@OnTotpEvent(name, { durable: true })', () => {
  const application = useApplication({ options: { events }, imports: [ListenersModule] });

  it('receives events from the outbox, and again when it throws', async () => {
    const { app } = application();
    const listeners = app.get(Listeners);
    const relay = app.get(TotpOutboxRelay);
    const person = new Person(application());
    await person.enrol();
    await relay.runOnce();
    expect(listeners.durable.map(({ name }) => name)).toEqual(['totp.device.verified']);
    await person.spendBudget();
    await relay.runOnce();
    expect(listeners.durable).toHaveLength(2);
    await endRetryWaits(app);
    await relay.runOnce();
    expect(listeners.durable).toHaveLength(3);
    expect(listeners.durable[1]).toEqual(listeners.durable[2]);
    expect(listeners.durable[2]?.constructor.name).toBe('TotpUserLockedEvent');
    expect(await relay.backlog()).toMatchObject([{ waiting: 0, deadLettered: 0 }]);
  });
});
