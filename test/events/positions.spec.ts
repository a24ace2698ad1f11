/** Events of a user are delivered in the order of the changes that they report, however each of them was stored. */
import { randomUUID } from 'node:crypto';
import { type AnyTotpEvent, TotpOutbox, TotpStorageError, TypeOrmTotpOutbox } from 'nestjs-totp';
import { type DataSource, type EntityManager } from 'typeorm';
import type { AccountEvent } from '../../src/accounts/decision.js';
import { toEvent } from '../../src/events/catalogue.js';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { driverError, FaultyConnection } from '../faults/faulty-connection.js';
import { connect, useTables } from '../storage/tables.js';
import { account, NOW } from '../support/accounts.js';
import { databases } from '../support/databases.js';
import { Gate, named, OutboxHarness, RecordingDestination } from './outbox-harness.js';

function eventsOf(userId: string, ...names: readonly string[]): AnyTotpEvent[] {
  const origin = { occurredAt: NOW, userId, tenantId: 'public' };
  return names.map((name) => {
    const event: AccountEvent =
      name === 'removed'
        ? { name: 'totp.user.removed', devicesRemoved: 1 }
        : { name: 'totp.device.renamed', deviceId: randomUUID(), from: 'phone', to: name };
    return toEvent(event, origin);
  });
}

/** An application's outbox that adds each event by itself. */
class OneByOne extends TotpOutbox {
  constructor(private readonly inner: TypeOrmTotpOutbox) {
    super();
  }

  override async add(manager: EntityManager, events: readonly AnyTotpEvent[]): Promise<void> {
    for (const event of events) await this.inner.add(manager, [event]);
  }
}

describe.each(databases)('on $name', ({ name, open }) => {
  const tables = useTables(open);
  let outbox: TypeOrmTotpOutbox;
  let plain: TypeOrmTotpAccountStore;
  let wrapped: TypeOrmTotpAccountStore;
  let faulty: FaultyConnection;
  beforeAll(async () => {
    const { own, dataSource } = tables();
    await OutboxHarness.createDatabaseClock(dataSource);
    outbox = new TypeOrmTotpOutbox({ open: () => Promise.resolve(own) }, () => ['recording', 'other']);
    plain = new TypeOrmTotpAccountStore(own, outbox);
    wrapped = new TypeOrmTotpAccountStore(own, new OneByOne(outbox));
    faulty = new FaultyConnection(own);
  });
  afterEach(() => {
    faulty.meetNoFault();
  });

  async function change(store: TypeOrmTotpAccountStore, userId: string, ...names: readonly string[]): Promise<void> {
    const revision = (await store.load(userId))?.revision ?? null;
    const erased = names.includes('removed');
    expect(await store.commit(userId, revision, erased ? 'erased' : account([]), eventsOf(userId, ...names))).toBe(
      true,
    );
  }

  /** What is delivered of a user, in the order of delivery. */
  async function delivered(userId: string): Promise<string[]> {
    const destination = new RecordingDestination();
    await new OutboxHarness(tables()).dispatcher(destination).runOnce();
    return named(destination.taken, userId);
  }

  it('each of several events of a change follows those before it', async () => {
    const userId = randomUUID();
    for (const names of [['1', '2', '3'], ['4'], ['5', '6']]) await change(plain, userId, ...names);
    expect(await delivered(userId)).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it('a change may have more events than one statement takes', async () => {
    const userId = randomUUID();
    const many = Array.from({ length: 400 }, (_, n) => String(n));
    await change(plain, userId, 'before');
    await change(plain, userId, ...many);
    await change(plain, userId, 'after');
    expect(await delivered(userId)).toEqual(['before', ...many, 'after']);
  });

  it('changes without events in between leave the order as it is', async () => {
    const userId = randomUUID();
    for (const names of [['1'], [], ['2', '3'], [], [], ['4']]) await change(plain, userId, ...names);
    expect(await delivered(userId)).toEqual(['1', '2', '3', '4']);
  });

  it("events that an application's outbox adds one by one follow those that the module has added, and precede later ones", async () => {
    const userId = randomUUID();
    await change(plain, userId, '1', '2');
    await change(wrapped, userId, '3', '4');
    await change(plain, userId, '5');
    await change(wrapped, userId, '6');
    expect(await delivered(userId)).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it('events of a batch follow those before it, and precede later ones', async () => {
    const [ann, bob] = [randomUUID(), randomUUID()];
    await change(plain, ann, '1', '2');
    const changes = await Promise.all(
      [ann, bob].map(async (userId) => {
        return { userId, revision: (await plain.load(userId))?.revision ?? null, account: account([]) };
      }),
    );
    expect(
      await plain.commitAll(changes, [...eventsOf(ann, '3'), ...eventsOf(bob, '1', '2'), ...eventsOf(ann, '4')]),
    ).toBe(true);
    await change(plain, ann, '5');
    await change(plain, bob, '3');
    const destination = new RecordingDestination();
    await new OutboxHarness(tables()).dispatcher(destination).runOnce();
    expect(named(destination.taken, ann)).toEqual(['1', '2', '3', '4', '5']);
    expect(named(destination.taken, bob)).toEqual(['1', '2', '3']);
  });

  it('a user who is removed and created again, twice, while nothing is delivered', async () => {
    const userId = randomUUID();
    const names = ['1', '2', 'removed', '3', '4', 'removed', '5', '6'];
    for (const one of names) await change(one === '3' ? wrapped : plain, userId, one);
    const removed = names.map((one) => (one === 'removed' ? 'totp.user.removed' : one));
    expect(await delivered(userId)).toEqual(removed);
  });

  it('a user who is created again while the removal is being committed', async () => {
    const userId = randomUUID();
    await change(plain, userId, '1');
    const loaded = await plain.load(userId);
    const gate = new Gate();
    faulty.meetFault(1, Infinity, async ({ sql, send }) => {
      if (sql.trim() === 'COMMIT') await gate.pass();
      return send();
    });
    const removal = plain.commit(userId, loaded?.revision ?? null, 'erased', eventsOf(userId, 'removed'));
    await gate.reached;
    const creation = plain.commit(userId, null, account([]), eventsOf(userId, '2', '3'));
    // The database is asked to create the user before the removal ends; SQLite makes it wait for its only connection.
    const isAsked = () => faulty.statements.some((sql) => sql.includes('INSERT') && sql.includes('extras'));
    while (name !== 'SQLite' && !isAsked()) await new Promise(setImmediate);
    gate.open();
    expect(await Promise.all([removal, creation])).toEqual([true, true]);
    await change(plain, userId, '4');
    expect(await delivered(userId)).toEqual(['1', 'totp.user.removed', '2', '3', '4']);
  });
});

describe.each(databases.filter(({ name }) => name === 'MariaDB' || name === 'MySQL'))('on $name', ({ open }) => {
  const tables = useTables(open);

  it('a server that does not know compound statements is asked for one once, and then for transactions', async () => {
    const { own } = tables();
    const outbox = new TypeOrmTotpOutbox({ open: () => Promise.resolve(own) }, () => ['recording']);
    const store = new TypeOrmTotpAccountStore(own, outbox);
    const faulty = new FaultyConnection(own);
    faulty.meetFault(1, Infinity, ({ sql, send }) => {
      return sql.includes('NOT ATOMIC') ? Promise.reject(driverError(sql, 'ER_PARSE_ERROR', 'syntax')) : send();
    });
    const userId = randomUUID();
    expect(await store.commit(userId, null, account([]), eventsOf(userId, '1', '2'))).toBe(true);
    const revision = (await store.load(userId))?.revision ?? null;
    expect(await store.commit(userId, revision, account([]), eventsOf(userId, '3'))).toBe(true);
    expect(await store.commit(userId, revision, account([]), eventsOf(userId, '4'))).toBe(false);
    expect(faulty.statements.filter((sql) => sql.includes('NOT ATOMIC'))).toHaveLength(1);
    const rows: { position: string }[] = await own.query('SELECT position FROM totp_outbox ORDER BY position');
    expect(rows.map(({ position }) => Number(position))).toEqual([1, 2, 3]);
    faulty.meetNoFault();
  });
});

describe.each(databases.filter(({ name }) => name !== 'SQLite'))('a change with events on $name', ({ name, open }) => {
  const tables = useTables(open);

  it('whose statement is cancelled in its midst changes nothing, stores nothing, and leaves no transaction behind', async () => {
    const { database, own } = tables();
    const outbox = new TypeOrmTotpOutbox({ open: () => Promise.resolve(own) }, () => ['recording']);
    const store = new TypeOrmTotpAccountStore(own, outbox);
    const userId = randomUUID();
    await store.commit(userId, null, account([]));
    const before = await store.load(userId);
    const holder = await connect(database);
    const blocking = holder.createQueryRunner();
    // Blocks the second half: the account is written, and its events are not.
    if (name === 'PostgreSQL') await blocking.query('BEGIN; LOCK TABLE totp_outbox IN EXCLUSIVE MODE');
    else await blocking.query('LOCK TABLES totp_outbox WRITE');
    const commit = store.commit(userId, before?.revision ?? null, account([], { usedUntil: 7 }), eventsOf(userId, '1'));
    const answer = commit.catch((error: unknown) => error);
    await cancel(holder, name);
    expect(await answer).toBeInstanceOf(TotpStorageError);
    await blocking.query(name === 'PostgreSQL' ? 'ROLLBACK' : 'UNLOCK TABLES');
    await blocking.release();
    for (let n = 0; n < 20; n++) expect(await store.load(userId)).toEqual(before);
    expect(await own.query('SELECT id FROM totp_outbox')).toEqual([]);
    expect(await store.commit(userId, before?.revision ?? null, account([]), eventsOf(userId, '2'))).toBe(true);
    expect(await holder.query('SELECT position FROM totp_outbox')).toHaveLength(1);
    await holder.destroy();
  });
});

/** Cancels the statement that writes to the outbox, once it is under way. */
async function cancel(holder: DataSource, name: string): Promise<void> {
  for (;;) {
    const running: { id: number | string }[] = await holder.query(
      name === 'PostgreSQL'
        ? "SELECT pid AS id FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INTO \"totp_outbox\"%'"
        : "SELECT id FROM information_schema.processlist WHERE info LIKE 'INSERT INTO `totp_outbox`%'",
    );
    const [first] = running;
    if (first === undefined) continue;
    await holder.query(name === 'PostgreSQL' ? `SELECT pg_cancel_backend(${first.id})` : `KILL QUERY ${first.id}`);
    return;
  }
}
