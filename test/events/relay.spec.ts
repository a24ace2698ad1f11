/** Delivery of events from the outbox: one at a time, in each user's order, again after faults, and by any process. */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  TotpConfigurationError,
  TotpOutboxAdmin,
  TotpOutboxRelay,
  type TotpRetryIf,
  TotpUndeliverableEventError,
  TypeOrmTotpOutbox,
} from 'nestjs-totp';
import { readHistory } from '../../src/outbox/attempt-history.js';
import { waitAfter } from '../../src/outbox/deliveries.js';
import { OutboxDispatcher } from '../../src/outbox/dispatcher.js';
import { outboxStatements } from '../../src/outbox/outbox-statements.js';
import { epochMs } from '../../src/storage/sql/epoch-ms.js';
import { rowId } from '../../src/storage/sql/row-id.js';
import { useTables } from '../storage/tables.js';
import { intercept } from '../support/intercept.js';
import { databases } from '../support/databases.js';
import {
  Gate,
  LEASE,
  named,
  OutboxHarness,
  RecordingDestination,
  SETTINGS,
  TestMonotonicClock,
} from './outbox-harness.js';

afterEach(() => {
  jest.restoreAllMocks();
});

/** Two users whose events are in different partitions. */
function usersOfTwoPartitions(): [string, string] {
  const user = randomUUID();
  let other = randomUUID();
  while (rowId(other).startsWith(rowId(user).charAt(0))) other = randomUUID();
  return [user, other];
}

/** Lets the process wait as long as it wants to. */
async function advanceUntil<T>(clock: TestMonotonicClock, run: Promise<T>): Promise<T> {
  const over = Symbol('over');
  const ended = run.then(
    () => over,
    () => over,
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  while ((await Promise.race([ended, turn()])) !== over) {
    if (clock.waits.length > 0) clock.advance(100);
  }
  return run;
}

describe.each(databases)('the outbox on $name', ({ name, open }) => {
  const tables = useTables(open);
  const isMySql = name === 'MariaDB' || name === 'MySQL';
  let harness: OutboxHarness;
  let recording: RecordingDestination;
  let admin: TotpOutboxAdmin;
  let errors: jest.SpiedFunction<Logger['error']>;
  let warnings: jest.SpiedFunction<Logger['warn']>;

  beforeAll(() => OutboxHarness.createDatabaseClock(tables().dataSource));
  beforeEach(() => {
    harness = new OutboxHarness(tables());
    recording = new RecordingDestination();
    admin = new TotpOutboxAdmin({ queue: harness.outbox, destinations: () => ['recording'] });
    errors = jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    warnings = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  });
  afterEach(async () => {
    await harness.close();
    await tables().dataSource.query('DELETE FROM totp_outbox');
    await tables().dataSource.query('DELETE FROM totp_outbox_leases');
  });

  const backlog = async () => {
    const [letters] = await harness.outbox.backlog();
    return { waiting: letters?.waiting ?? 0, deadLettered: letters?.deadLettered, oldestAt: letters?.oldestAt };
  };
  const empty = { waiting: 0, deadLettered: 0, oldestAt: undefined };
  /** Of each entry: its failed attempts, and why they failed. */
  const attempts = async () => {
    const rows: { attempts: number; history: string }[] = await tables().dataSource.query(
      'SELECT attempts, history FROM totp_outbox',
    );
    return rows.map((row) => [row.attempts, readHistory(row.history).failures.map(({ reason }) => reason)]);
  };

  it('an event is delivered as it happened, and deleted', async () => {
    const userId = `ann ä📱\u2028'"\\`;
    await harness.rename(userId, 'ä📱', 'x'.repeat(256));
    expect(await backlog()).toEqual({ waiting: 2, deadLettered: 0, oldestAt: harness.clock.now() });
    await harness.dispatcher(recording).wake();
    expect(named(recording.taken, userId)).toEqual(['ä📱', 'x'.repeat(256)]);
    expect(recording.taken[0]?.constructor.name).toBe('TotpDeviceRenamedEvent');
    expect(await backlog()).toEqual(empty);
    expect(errors).not.toHaveBeenCalled();
  });

  it('events are stored in ASCII, so that any character set will do', async () => {
    await harness.rename('ä📱', 'ü');
    const rows: { event: string }[] = await tables().dataSource.query('SELECT event FROM totp_outbox');
    expect(rows[0]?.event).toMatch(/^[\x20-\x7e]*$/);
  });

  it('four dispatchers keep the order of each user, and never deliver an event twice at a time', async () => {
    const users = Array.from({ length: 20 }, () => randomUUID());
    const dispatchers = Array.from({ length: 4 }, () => harness.dispatcher(recording));
    const changes = Array.from({ length: 5 }, (_, n) => `name ${n}`);
    await Promise.all(
      users.map(async (userId) => {
        for (const change of changes) {
          await harness.rename(userId, `${change}a`, `${change}b`);
          for (const dispatcher of dispatchers) void dispatcher.wake();
        }
      }),
    );
    while ((await backlog()).waiting !== 0) await Promise.all(dispatchers.map((dispatcher) => dispatcher.wake()));
    for (const userId of users) {
      expect(named(recording.taken, userId)).toEqual(changes.flatMap((change) => [`${change}a`, `${change}b`]));
    }
    expect(recording.wasOpenTwice).toBe(false);
    expect(errors).not.toHaveBeenCalled();
  });

  it('every event of changes that are committed at the same time is delivered once', async () => {
    const userId = randomUUID();
    const names = Array.from({ length: 12 }, (_, n) => String(n));
    const committed: string[] = [];
    await Promise.all(
      names.map(async (name) => {
        await harness.rename(userId, name);
        committed.push(name);
      }),
    );
    await harness.dispatcher(recording).wake();
    expect(named(recording.taken)).toHaveLength(names.length);
    expect(named(recording.taken).toSorted()).toEqual(names.toSorted());
  });

  it('later events are delivered of a user whose earlier events are deleted', async () => {
    const userId = randomUUID();
    const dispatcher = harness.dispatcher(recording);
    for (const name of ['a', 'b', 'c']) {
      await harness.rename(userId, name);
      await dispatcher.wake();
    }
    expect(named(recording.taken)).toEqual(['a', 'b', 'c']);
  });

  describe('when clocks differ', () => {
    const HOUR = 3_600;

    it.each([
      ['an hour ahead', HOUR],
      ['five minutes ahead', 300],
      ['an hour behind', -HOUR],
    ])('an event of a machine whose clock was %s is delivered at once, and the later ones in order', async (_, off) => {
      const userId = randomUUID();
      harness.clock.advance(off);
      await harness.rename(userId, 'a');
      harness.clock.advance(-off);
      await harness.rename(userId, 'b');
      await harness.dispatcher(recording).wake();
      expect(named(recording.taken)).toEqual(['a', 'b']);
    });

    it('dispatchers on machines whose clocks differ share the retries: no try comes early, and none late', async () => {
      const userId = randomUUID();
      harness.clock.advance(HOUR);
      await harness.rename(userId, 'a');
      const tries: number[] = [];
      let time = 0;
      recording.meet = () => {
        tries.push(time);
        return Promise.reject(new Error('down'));
      };
      const dispatchers = [harness.dispatcher(recording), harness.dispatcher(recording)];
      for (; time < 8; time++) {
        const machine = jest.spyOn(Date, 'now').mockReturnValue(time % 2 === 0 ? 0 : 9_000_000_000_000);
        for (const dispatcher of dispatchers) await dispatcher.wake();
        machine.mockRestore();
        await harness.pass(1);
      }
      expect(tries).toEqual([0, 1, 3, 7]);
    });

    it.each([
      ['forward', HOUR],
      ['back', -HOUR],
    ])('a retry is not lost, nor delayed, when the clock of the database is set %s', async (_, off) => {
      const userId = randomUUID();
      await harness.rename(userId, 'a');
      recording.meet = () => Promise.reject(new Error('down'));
      const dispatcher = harness.dispatcher(recording);
      await dispatcher.wake();
      recording.meet = () => Promise.resolve();
      await harness.pass(off);
      await dispatcher.wake();
      expect(named(recording.taken)).toEqual(['a']);
    });

    it('a retry waits no longer than the longest wait when the clock of the database is set back by less', async () => {
      await harness.rename(randomUUID(), 'a');
      recording.meet = () => Promise.reject(new Error('down'));
      const dispatcher = harness.dispatcher(recording);
      await dispatcher.wake();
      recording.meet = () => Promise.resolve();
      await harness.pass(-299);
      await dispatcher.wake();
      expect(recording.taken).toEqual([]);
      await harness.pass(300);
      await dispatcher.wake();
      expect(named(recording.taken)).toEqual(['a']);
    });

    it('a dead letter that is requeued is delivered at once, whatever the clocks say', async () => {
      harness.clock.advance(HOUR);
      await harness.rename('ann', 'a');
      await tables().dataSource.query('UPDATE totp_outbox SET due_at = NULL, attempts = 5');
      const machine = jest.spyOn(Date, 'now').mockReturnValue((await harness.databaseNow()) + 120_000);
      expect(await harness.outbox.requeue({})).toBe(1);
      machine.mockRestore();
      await harness.dispatcher(recording).wake();
      expect(named(recording.taken)).toEqual(['a']);
    });

    it('waits are measured by the clock of the database server', async () => {
      const { own, dataSource } = tables();
      const outbox = new TypeOrmTotpOutbox({ open: () => Promise.resolve(own) }, () => ['recording']);
      const dispatcher = new OutboxDispatcher([recording], {
        queue: outbox,
        settings: SETTINGS,
        time: harness.clock,
        clock: new TestMonotonicClock(),
        chance: () => 0,
      });
      await harness.rename('ann', 'a');
      recording.meet = () => Promise.reject(new Error('down'));
      const before = Date.now();
      await dispatcher.wake();
      const [row]: { due_at: string | number }[] = await dataSource.query('SELECT due_at FROM totp_outbox');
      // The database runs on this machine; its clock may be read in steps of a millisecond.
      expect(Number(row?.due_at)).toBeGreaterThanOrEqual(before + 1_000 - 5);
      expect(Number(row?.due_at)).toBeLessThanOrEqual(Date.now() + 1_000 + 5);
      await dispatcher.stop();
    });
  });

  it('connections are left to sign-ins, however many partitions are due', async () => {
    await Promise.all(Array.from({ length: 100 }, () => harness.rename(randomUUID(), 'a')));
    let running = 0;
    const counts: number[] = [];
    intercept(tables().own, (statement) => {
      counts.push(++running);
      return statement.send().finally(() => running--);
    });
    await harness.dispatcher(recording).wake();
    expect(recording.taken).toHaveLength(100);
    // An SQLite file has one connection, on which they take turns anyway.
    expect(Math.max(...counts)).toBe(name === 'SQLite' ? 1 : 4);
  });

  it('the next entry of a user is found by an index, however many of their events wait', async () => {
    const { dataSource } = tables();
    await harness.rename('ann', ...Array.from({ length: 2_000 }, (_, n) => String(n)));
    const [due] = await harness.outbox.duePartitions(['recording']);
    const explain = name === 'SQLite' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN';
    const { heads } = outboxStatements(dataSource, epochMs(dataSource));
    const planned = async () => {
      const plan = await dataSource.query<Record<string, unknown>[]>(`${explain} ${heads(50)}`, [due?.partition]);
      return plan.map((row) => (isMySql ? JSON.stringify(row) : String(row.detail ?? row['QUERY PLAN'])));
    };
    // The look-up that is made for each waiting entry. If it read all of a user's entries, the time would grow with their square.
    const lookUp = {
      SQLite: /^SEARCH o USING (COVERING )?INDEX .*\(account=\?/,
      PostgreSQL: /Index (Only )?Scan using .* on totp_outbox o/,
      MySQL: /DEPENDENT SUBQUERY.*"key":"[^"]+"/,
    }[isMySql ? 'MySQL' : name];
    // The statistics of a queue are those of a time when it was empty, if there are any.
    expect(await planned()).toContainEqual(expect.stringMatching(lookUp));
    await dataSource.query(`ANALYZE ${isMySql ? 'TABLE ' : ''}totp_outbox`);
    expect(await planned()).toContainEqual(expect.stringMatching(lookUp));
  });

  describe('when many events of one user wait', () => {
    const userId = randomUUID();
    const names = Array.from({ length: 200 }, (_, n) => `name ${n}`);

    it('they are delivered in order, many for each time that the partition is read', async () => {
      await harness.rename(userId, ...names);
      const heads = jest.spyOn(harness.outbox, 'heads');
      await harness.dispatcher(recording).wake();
      expect(named(recording.taken)).toEqual(names);
      expect(recording.wasOpenTwice).toBe(false);
      expect(heads).toHaveBeenCalledTimes(200 / 50 + 1);
      expect(await backlog()).toEqual(empty);
    });

    it('those after one that fails wait for it', async () => {
      await harness.rename(userId, 'a', 'b', 'c', 'd');
      recording.meet = (event) => (named([event])[0] === 'c' ? Promise.reject(new Error('down')) : Promise.resolve());
      const dispatcher = harness.dispatcher(recording);
      await dispatcher.wake();
      expect(named(recording.taken)).toEqual(['a', 'b']);
      expect((await backlog()).waiting).toBe(2);
      recording.meet = () => Promise.resolve();
      await dispatcher.wake();
      expect(named(recording.taken)).toEqual(['a', 'b']);
      await harness.pass(1);
      await dispatcher.wake();
      expect(named(recording.taken)).toEqual(['a', 'b', 'c', 'd']);
    });

    it('one that failed before is not tried earlier because one before it was requeued', async () => {
      await harness.rename(userId, 'first', 'second');
      const failures: Record<string, Error> = {
        first: new TotpUndeliverableEventError('never'),
        second: new Error('down'),
      };
      recording.meet = (event) => {
        const failure = failures[String(named([event])[0])];
        return failure === undefined ? Promise.resolve() : Promise.reject(failure);
      };
      const dispatcher = harness.dispatcher(recording);
      await dispatcher.wake();
      recording.meet = () => Promise.resolve();
      await admin.requeue();
      await dispatcher.wake();
      expect(named(recording.taken)).toEqual(['first']);
      await harness.pass(1);
      await dispatcher.wake();
      expect(named(recording.taken)).toEqual(['first', 'second']);
    });

    it('other users of the partition do not wait for all of them', async () => {
      let other = randomUUID();
      while (!rowId(other).startsWith(rowId(userId).charAt(0))) other = randomUUID();
      await harness.rename(userId, ...names);
      const clock = new TestMonotonicClock();
      recording.meet = async (event) => {
        // A fiftieth of what one delivery may take.
        clock.advance(SETTINGS.deliveryTimeout / 500);
        if (named([event])[0] === 'name 0') await harness.rename(other, 'urgent');
      };
      await harness.dispatcher(recording, clock).wake();
      expect(named(recording.taken, userId)).toEqual(names);
      expect(named(recording.taken).indexOf('urgent')).toBeLessThan(10);
    });

    it('a process that lost its lease meanwhile says that they may be delivered twice, and stops', async () => {
      await harness.rename(userId, ...names);
      const clock = new TestMonotonicClock();
      const other = harness.dispatcher(new RecordingDestination(), new TestMonotonicClock());
      recording.meet = async (event) => {
        if (named([event])[0] !== 'name 3') return;
        await tables().dataSource.query('DELETE FROM totp_outbox_leases');
        await other.wake();
      };
      await harness.dispatcher(recording, clock).wake();
      expect(recording.taken).toHaveLength(50);
      expect(warnings).toHaveBeenCalledWith(expect.stringMatching(/events that may be delivered twice: 50$/));
    });
  });

  describe('while a dispatcher has a lease', () => {
    const userId = randomUUID();
    let gate: Gate;
    let first: Promise<void>;
    let firstClock: TestMonotonicClock;

    beforeEach(async () => {
      await harness.rename(userId, 'a', 'b');
      gate = new Gate();
      const slow = new RecordingDestination();
      slow.meet = () => gate.pass();
      firstClock = new TestMonotonicClock();
      first = harness.dispatcher(slow, firstClock).wake();
      await gate.reached;
    });
    afterEach(async () => {
      gate.open();
      await first;
    });

    it('no other delivers its entries until the token has not changed for the length of a lease', async () => {
      const clock = new TestMonotonicClock();
      const second = harness.dispatcher(recording, clock);
      await second.wake();
      clock.advance(LEASE);
      await second.wake();
      expect(recording.taken).toEqual([]);
      clock.advance(1);
      await second.wake();
      expect(named(recording.taken)).toEqual(['a', 'b']);
    });

    it('no other takes it sooner when the clock of the database is set forward', async () => {
      const second = harness.dispatcher(recording);
      await harness.pass(86_400);
      await second.wake();
      await second.wake();
      expect(recording.taken).toEqual([]);
    });

    it('and loses it, it notices, deletes nothing, and delivers nothing more', async () => {
      const clock = new TestMonotonicClock();
      const second = harness.dispatcher(recording, clock);
      const halted = new Gate();
      recording.meet = () => halted.pass();
      await second.wake();
      clock.advance(LEASE + 1);
      const takingOver = second.wake();
      await halted.reached;
      // It took too long for the next event of this user to follow in the same batch.
      firstClock.advance(SETTINGS.deliveryTimeout / 50);
      gate.open();
      await first;
      expect((await backlog()).waiting).toBe(2);
      expect(warnings).toHaveBeenCalledWith(
        expect.stringMatching(/Another process took over .*; events that may be delivered twice: 1/),
      );
      halted.open();
      await takingOver;
      expect(named(recording.taken)).toEqual(['a', 'b']);
      expect(await backlog()).toEqual(empty);
    });

    it('another one looks again soon, since the newest entries may not be seen by the holder', async () => {
      const clock = new TestMonotonicClock();
      await harness.dispatcher(recording, clock).wake();
      expect(clock.waits).toEqual([100]);
    });
  });

  it('a lease is renewed before a batch that might outlast it', async () => {
    const userId = randomUUID();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await harness.rename(userId, ...names);
    const [slowClock, otherClock] = [new TestMonotonicClock(), new TestMonotonicClock()];
    const other = new RecordingDestination();
    const second = harness.dispatcher(other, otherClock);
    recording.meet = async () => {
      await second.wake();
      slowClock.advance(SETTINGS.deliveryTimeout - 1);
      otherClock.advance(SETTINGS.deliveryTimeout - 1);
    };
    await harness.dispatcher(recording, slowClock).wake();
    expect(slowClock.elapsed()).toBeGreaterThan(LEASE);
    expect(named(recording.taken)).toEqual(names);
    expect(other.taken).toEqual([]);
  });

  it('nothing is delivered whose read took so long that another process may have the lease', async () => {
    await harness.rename(randomUUID(), 'a');
    const [slowClock, otherClock] = [new TestMonotonicClock(), new TestMonotonicClock()];
    const other = new RecordingDestination();
    const second = harness.dispatcher(other, otherClock);
    const halted = new Gate();
    other.meet = () => halted.pass();
    const heads = harness.outbox.heads.bind(harness.outbox);
    let takingOver: Promise<void> | undefined;
    jest.spyOn(harness.outbox, 'heads').mockImplementationOnce(async (...partition) => {
      const entries = await heads(...partition);
      await second.wake();
      slowClock.advance(LEASE + 1);
      otherClock.advance(LEASE + 1);
      takingOver = second.wake();
      await halted.reached;
      return entries;
    });
    await harness.dispatcher(recording, slowClock).wake();
    expect(recording.taken).toEqual([]);
    halted.open();
    await takingOver;
    expect(named(other.taken)).toEqual(['a']);
  });

  it('no batch begins when it took too long to renew the lease', async () => {
    await harness.rename(randomUUID(), 'a');
    const clock = new TestMonotonicClock();
    const heads = harness.outbox.heads.bind(harness.outbox);
    jest.spyOn(harness.outbox, 'heads').mockImplementationOnce((...partition) => {
      clock.advance(LEASE / 2);
      return heads(...partition);
    });
    const acquire = harness.outbox.acquire.bind(harness.outbox);
    jest.spyOn(harness.outbox, 'acquire').mockImplementation(async (own, seen) => {
      const isWritten = await acquire(own, seen);
      if (seen !== undefined) clock.advance(LEASE);
      return isWritten;
    });
    const released = jest.spyOn(harness.outbox, 'release');
    recording.meet = () => {
      expect(released).toHaveBeenCalledTimes(1);
      return Promise.resolve();
    };
    await harness.dispatcher(recording, clock).wake();
    expect(named(recording.taken)).toEqual(['a']);
  });

  it('the rest of the process runs between two batches', async () => {
    // A batch has at most 50 of one user.
    await harness.rename('ann', ...Array.from({ length: 500 }, (_, n) => `name ${n}`));
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await harness.dispatcher(recording).wake();
    isOver = true;
    expect(recording.taken).toHaveLength(500);
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  it('only one of the dispatchers that see an abandoned lease takes it over', async () => {
    await harness.rename(randomUUID(), 'a');
    await harness.rename(randomUUID(), 'b');
    const { dataSource } = tables();
    await dataSource.query(
      "INSERT INTO totp_outbox_leases (partition_key, token) SELECT DISTINCT partition_key, 'of a dead process' FROM totp_outbox",
    );
    const clocks = Array.from({ length: 4 }, () => new TestMonotonicClock());
    const dispatchers = clocks.map((clock) => harness.dispatcher(recording, clock));
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.wake()));
    for (const clock of clocks) clock.advance(LEASE + 1);
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.wake()));
    expect(named(recording.taken).toSorted()).toEqual(['a', 'b']);
    expect(recording.wasOpenTwice).toBe(false);
  });

  describe('when a delivery fails', () => {
    const fail = () => Promise.reject(new Error('amqp://user:password@broker is down'));

    it('the waits grow, and only later events of that user wait too', async () => {
      const [user, other] = [randomUUID(), randomUUID()];
      await harness.rename(user, 'a', 'b');
      await harness.rename(other, 'c');
      const tries: number[] = [];
      let time = 0;
      recording.meet = ({ userId }) => {
        if (userId !== user) return Promise.resolve();
        tries.push(time);
        return fail();
      };
      const dispatcher = harness.dispatcher(recording);
      for (; time < 16; time++) {
        await dispatcher.wake();
        await harness.pass(1);
      }
      // Then the event is a dead letter, and the next one has its first attempt.
      expect(tries).toEqual([0, 1, 3, 7, 15, 15]);
      expect(named(recording.taken)).toEqual(['c']);
    });

    it('the waits are bounded', () => {
      const waits = (chance: number) => [1, 2, 3, 9, 10, 1_000].map((attempts) => waitAfter(attempts, chance));
      expect(waits(0)).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
      expect(waits(1)).toEqual([750, 1_500, 3_000, 192_000, 225_000, 225_000]);
    });

    it('the events are delivered in order once the destination is back', async () => {
      const user = randomUUID();
      await harness.rename(user, 'a', 'b', 'c');
      recording.meet = fail;
      const dispatcher = harness.dispatcher(recording);
      await dispatcher.wake();
      recording.meet = () => Promise.resolve();
      await harness.pass(0.999);
      await dispatcher.wake();
      expect(recording.taken).toEqual([]);
      await harness.pass(0.001);
      await dispatcher.wake();
      expect(named(recording.taken)).toEqual(['a', 'b', 'c']);
    });

    it('a delivery that never answers times out', async () => {
      await harness.rename(randomUUID(), 'a');
      const gate = new Gate();
      recording.meet = () => gate.pass();
      const clock = new TestMonotonicClock();
      const round = harness.dispatcher(recording, clock).wake();
      await gate.reached;
      clock.advance(SETTINGS.deliveryTimeout);
      await round;
      expect(await attempts()).toEqual([[1, ['no reply within 10000 ms']]]);
      gate.open();
    });

    it('a delivery that never answers delays no other partition, and is aborted', async () => {
      const [user, other] = usersOfTwoPartitions();
      await harness.rename(user, 'a');
      const gate = new Gate();
      recording.meet = ({ userId }) => (userId === user ? gate.pass() : Promise.resolve());
      const clock = new TestMonotonicClock();
      const dispatcher = harness.dispatcher(recording, clock);
      const round = dispatcher.wake();
      await gate.reached;
      await harness.rename(other, 'b');
      dispatcher.nudge();
      clock.advance(50);
      while ((await backlog()).waiting > 1) await new Promise(setImmediate);
      expect(named(recording.taken)).toEqual(['b']);
      expect(recording.signals.map(({ aborted }) => aborted)).toEqual([false, false]);
      clock.advance(SETTINGS.deliveryTimeout);
      await round;
      expect(recording.signals.map(({ aborted }) => aborted)).toEqual([true, false]);
      gate.open();
    });

    it('a partition that gets an entry while its lease is released is looked at again', async () => {
      await harness.rename('ann', 'a');
      const dispatcher = harness.dispatcher(recording);
      const release = harness.outbox.release.bind(harness.outbox);
      jest.spyOn(harness.outbox, 'release').mockImplementationOnce(async (claim) => {
        await harness.rename('ann', 'b');
        dispatcher.nudge();
        await release(claim);
      });
      await dispatcher.wake();
      expect(named(recording.taken)).toEqual(['a', 'b']);
    });

    it.each<[unknown, string]>([
      [Object.create(null), '[Object: null prototype] {}'],
      [Object.assign(new Error(), { message: 42 }), '42'],
      [{ status: 'error', message: 'Internal server error' }, 'Internal server error'],
      [undefined, 'undefined'],
      ['down', 'down'],
      [new Error('no way to amqp://user:p@ss@broker/vhost'), 'no way to amqp://broker/vhost'],
      [new Error('no way to amqp://user:p/ss@broker/vhost'), 'no way to amqp://broker/vhost'],
      [new Error('POST https://hooks.example/a?token=secret#b failed'), 'POST https://hooks.example/a failed'],
      [new Error('x'.repeat(501)), 'x'.repeat(500)],
    ])('with %j, the entry is put back with a reason', async (thrown, reason) => {
      await harness.rename(randomUUID(), 'a');
      recording.meet = () => {
        throw thrown;
      };
      await harness.dispatcher(recording).wake();
      expect(await attempts()).toEqual([[1, [reason]]]);
      expect(errors).not.toHaveBeenCalled();
    });

    it('each failed attempt is kept with its time, also when the event is requeued', async () => {
      const relay = harness.relay(recording);
      await harness.rename(randomUUID(), 'a');
      const startedAt = harness.clock.now();
      for (const reason of ['down', 'still down']) {
        recording.meet = () => Promise.reject(new Error(reason));
        await relay.runOnce();
        harness.clock.advance(60);
        await harness.pass(60);
      }
      recording.meet = () => Promise.reject(new TotpUndeliverableEventError('unknown'));
      await relay.runOnce();
      const failures = [
        { at: startedAt, reason: 'down' },
        { at: startedAt + 60_000, reason: 'still down' },
        { at: startedAt + 120_000, reason: 'unknown' },
      ];
      expect((await admin.deadLetters()).deadLetters).toMatchObject([{ attempts: 3, history: { failures } }]);
      await admin.requeue();
      await relay.runOnce();
      expect((await admin.deadLetters()).deadLetters).toMatchObject([
        { attempts: 1, history: { failures: [...failures, { at: startedAt + 120_000, reason: 'unknown' }] } },
      ]);
    });

    it('the parts of the destination that took the event are known to the next attempt of any process', async () => {
      await harness.rename(randomUUID(), 'a');
      const known: string[][] = [];
      recording.meet = (_, completed) => {
        known.push([...completed]);
        completed.add(`part ${String(known.length)}`);
        return known.length < 3 ? Promise.reject(new Error('another part is down')) : Promise.resolve();
      };
      for (let n = 0; n < 3; n++) {
        await harness.dispatcher(recording).wake();
        await harness.pass(60);
      }
      expect(known).toEqual([[], ['part 1'], ['part 1', 'part 2']]);
      expect(await backlog()).toEqual(empty);
    });

    it('a part that took the event before the attempt timed out is known to the next one', async () => {
      await harness.rename(randomUUID(), 'a');
      const gate = new Gate();
      recording.meet = (_, completed) => {
        completed.add('fast');
        return gate.pass();
      };
      const clock = new TestMonotonicClock();
      const round = harness.dispatcher(recording, clock).wake();
      await gate.reached;
      clock.advance(SETTINGS.deliveryTimeout);
      await round;
      await harness.pass(60);
      let known: string[] = [];
      recording.meet = (_, completed) => Promise.resolve(void (known = [...completed]));
      await harness.dispatcher(recording).wake();
      expect(known).toEqual(['fast']);
      gate.open();
    });

    it('a warning says why, once until a delivery succeeds', async () => {
      const dispatcher = harness.dispatcher(recording);
      const wait = async (meet: RecordingDestination['meet']) => {
        recording.meet = meet;
        await dispatcher.wake();
        await harness.pass(300);
      };
      await harness.rename('ann', 'a');
      await wait(fail);
      await wait(fail);
      await wait(() => Promise.resolve());
      await harness.rename('ann', 'b');
      await wait(fail);
      expect(warnings.mock.calls).toEqual(
        Array(2).fill([
          expect.stringMatching(
            /^The event .*:recording could not be delivered and will be retried: amqp:\/\/broker is down\. /,
          ),
        ]),
      );
    });

    it('the destination is left alone until the next poll when nothing gets through', async () => {
      await Promise.all(Array.from({ length: 60 }, (_, n) => harness.rename(`user ${n}`, 'a')));
      let tries = 0;
      recording.meet = () => {
        tries++;
        return fail();
      };
      await harness.dispatcher(recording).wake();
      expect(tries).toBe(60); // none of the 16 partitions has more than a batch
      expect((await backlog()).waiting).toBe(60);
    });

    it('another destination does not wait', async () => {
      harness = new OutboxHarness(tables(), ['recording', 'other']);
      const other = new RecordingDestination('other');
      recording.meet = fail;
      await harness.rename(randomUUID(), 'a', 'b');
      await Promise.all([harness.dispatcher(recording).wake(), harness.dispatcher(other).wake()]);
      expect(named(other.taken)).toEqual(['a', 'b']);
      expect(recording.taken).toEqual([]);
      expect((await backlog()).waiting).toBe(2);
    });

    it('the event becomes a dead letter at once when it can never be delivered, and delays nobody', async () => {
      const relay = harness.relay(recording);
      recording.meet = (event) =>
        named([event])[0] === 'b'
          ? Promise.reject(new TotpUndeliverableEventError('the schema has no b'))
          : Promise.resolve();
      await harness.rename(randomUUID(), 'a', 'b', 'c');
      await harness.rename(randomUUID(), 'd');
      await relay.runOnce();
      expect(named(recording.taken).toSorted()).toEqual(['a', 'c', 'd']);
      expect((await admin.deadLetters()).deadLetters).toMatchObject([
        { attempts: 1, history: { failures: [{ reason: 'the schema has no b' }] } },
      ]);
      expect(errors.mock.calls).toEqual([[expect.stringContaining('is a dead letter after 1 attempt: the schema')]]);
      await relay.beforeApplicationShutdown();
    });

    describe('and retryIf decides', () => {
      const transient = new Error('down');
      const permanent = new RangeError('no such topic');
      let retryIf: jest.Mock<TotpRetryIf>;
      let dispatcher: OutboxDispatcher;

      beforeEach(async () => {
        retryIf = jest.fn((error) => !(error instanceof RangeError));
        dispatcher = harness.dispatcher(recording, undefined, { ...SETTINGS, retryIf });
        await harness.rename('ann', 'a');
      });

      const failWith = async (error: Error) => {
        recording.meet = () => Promise.reject(error);
        await dispatcher.wake();
        return backlog();
      };

      it('it learns of the error, the event, the destination and the attempts', async () => {
        await failWith(transient);
        await harness.pass(1);
        await failWith(transient);
        expect(retryIf.mock.calls).toEqual([
          [transient, { event: expect.objectContaining({ to: 'a' }), destination: 'recording', attempts: 1 }],
          [transient, { event: expect.objectContaining({ to: 'a' }), destination: 'recording', attempts: 2 }],
        ]);
      });

      it('the event becomes a dead letter at once when it says no, which is not logged as a retry', async () => {
        expect(await failWith(permanent)).toMatchObject({ waiting: 0, deadLettered: 1 });
        expect(warnings).not.toHaveBeenCalled();
        expect(errors.mock.calls).toEqual([
          [expect.stringContaining('is a dead letter after 1 attempt: no such topic')],
        ]);
      });

      it('the event is tried again as long as that may help one part of the destination', async () => {
        expect(await failWith(new AggregateError([permanent, transient]))).toMatchObject({ waiting: 1 });
        expect(await attempts()).toEqual([[1, ['no such topic; down']]]);
        await harness.pass(1);
        const both = new AggregateError([permanent, new TotpUndeliverableEventError('never')]);
        expect(await failWith(both)).toMatchObject({ waiting: 0, deadLettered: 1 });
      });

      it('is not asked about a delivery that timed out', async () => {
        const clock = new TestMonotonicClock();
        const never = harness.dispatcher(recording, clock, { ...SETTINGS, retryIf: () => false });
        const gate = new Gate();
        recording.meet = () => gate.pass();
        const round = never.wake();
        await gate.reached;
        clock.advance(SETTINGS.deliveryTimeout);
        await round;
        gate.open();
        expect(await backlog()).toMatchObject({ waiting: 1, deadLettered: 0 });
      });

      it('an AggregateError whose errors are missing, or contain itself, is an error like any other', async () => {
        const strange = new AggregateError([transient]);
        Reflect.set(strange, 'errors', undefined);
        await failWith(strange);
        await harness.pass(1);
        const circular = new AggregateError([transient], 'a circle');
        circular.errors.push(circular);
        await failWith(circular);
        expect(await attempts()).toEqual([[2, [expect.any(String), 'down; a circle']]]);
      });

      it.each([
        [
          'throws',
          () => {
            throw new Error('a defect');
          },
        ],
        ['returns something else', () => JSON.parse('null') as boolean],
      ])('the event is tried again, and an error logged, when it %s', async (_, defect) => {
        retryIf.mockImplementation(defect);
        expect(await failWith(permanent)).toMatchObject({ waiting: 1, deadLettered: 0 });
        expect(errors.mock.calls).toEqual([
          [expect.stringContaining('events.retryIf failed, so the event will be retried'), expect.anything()],
        ]);
      });
    });

    describe('more often than maxAttempts', () => {
      const user = randomUUID();
      let relay: TotpOutboxRelay;

      beforeEach(async () => {
        relay = harness.relay(recording);
        await harness.rename(user, 'a', 'b');
        recording.meet = (event) => (named([event])[0] === 'a' ? fail() : Promise.resolve());
        for (let n = 0; n < 5; n++) {
          await relay.runOnce();
          await harness.pass(16);
        }
        await relay.runOnce();
      });
      afterEach(() => relay.beforeApplicationShutdown());

      it('the event becomes a dead letter, is logged without a password, and later events of the user are delivered', async () => {
        expect(named(recording.taken)).toEqual(['b']);
        expect(await backlog()).toEqual({ waiting: 0, deadLettered: 1, oldestAt: undefined });
        expect(errors.mock.calls).toEqual([
          [
            expect.stringMatching(
              /^The event .*:recording is a dead letter after 5 attempts: amqp:\/\/broker is down\. TotpOutboxAdmin\.requeue/,
            ),
          ],
        ]);
        const { deadLetters: dead } = await admin.deadLetters();
        expect(dead).toEqual([
          {
            id: expect.any(String),
            destination: 'recording',
            event: expect.anything(),
            attempts: 5,
            history: {
              failures: Array(5).fill({ at: harness.clock.now(), reason: 'amqp://broker is down' }),
              completed: [],
            },
            occurredAt: harness.clock.now(),
          },
        ]);
        expect(dead[0]?.event).toMatchObject({ userId: user, to: 'a' });
      });

      it('a dead letter is delivered again when it is requeued, with all its tries', async () => {
        recording.meet = () => Promise.resolve();
        const [dead] = (await admin.deadLetters()).deadLetters;
        expect(await admin.requeue({ ids: ['an id of none'] })).toBe(0);
        expect(await admin.requeue({ ids: [] })).toBe(0);
        expect(await admin.requeue({ ids: [dead?.id ?? ''] })).toBe(1);
        await relay.runOnce();
        expect(named(recording.taken)).toEqual(['b', 'a']);
        expect(await relay.backlog()).toMatchObject([empty]);
      });

      it('all dead letters are requeued when no ids are given', async () => {
        expect(await admin.requeue()).toBe(1);
        await relay.runOnce();
        expect(await relay.backlog()).toMatchObject([{ waiting: 1, deadLettered: 0 }]);
      });
    });

    it('because its row is damaged, the entry is retried like any other', async () => {
      await harness.rename(randomUUID(), 'a');
      await tables().dataSource.query("UPDATE totp_outbox SET event = '{}'");
      await harness.dispatcher(recording).wake();
      expect(recording.taken).toEqual([]);
      expect((await backlog()).waiting).toBe(1);
    });
  });

  it('the outbox is polled for events that other processes left behind', async () => {
    const clock = new TestMonotonicClock();
    const dispatcher = harness.dispatcher(recording, clock);
    await dispatcher.wake();
    await harness.rename(randomUUID(), 'a');
    expect(clock.waits).toEqual([SETTINGS.pollInterval]);
    clock.advance(SETTINGS.pollInterval);
    while (recording.taken.length === 0) await new Promise(setImmediate);
    expect(named(recording.taken)).toEqual(['a']);
    expect(clock.waits).toEqual([SETTINGS.pollInterval]);
  });

  it('one statement of a poll looks for the events of all destinations', async () => {
    const names = ['recording', 'other', 'third'];
    harness = new OutboxHarness(tables(), names);
    const all = names.map((each) => new RecordingDestination(each));
    const relay = harness.relay(...all);
    let statements = 0;
    intercept(tables().own, (statement) => {
      statements++;
      return statement.send();
    });
    await relay.runOnce();
    expect(statements).toBe(1);
    await harness.rename(randomUUID(), 'a');
    expect(await relay.runOnce()).toEqual({ delivered: 3, failed: 0 });
    expect(all.map(({ taken }) => named(taken))).toEqual([['a'], ['a'], ['a']]);
  });

  it('a commit is looked for at once, and those that follow it together', async () => {
    const clock = new TestMonotonicClock();
    const dispatcher = harness.dispatcher(recording, clock);
    const rounds = jest.spyOn(harness.outbox, 'duePartitions');
    clock.advance(SETTINGS.pollInterval);
    for (const name of ['a', 'b', 'c']) {
      await harness.rename(randomUUID(), name);
      dispatcher.nudge();
    }
    expect(rounds).toHaveBeenCalledTimes(1);
    while ((await backlog()).waiting > 2) await new Promise(setImmediate);
    expect(clock.waits).toContainEqual(50);
    clock.advance(50);
    await dispatcher.wake();
    expect(named(recording.taken)).toEqual(expect.arrayContaining(['a', 'b', 'c']));
  });

  it('a retry of this process does not wait for the next poll', async () => {
    const clock = new TestMonotonicClock();
    const dispatcher = harness.dispatcher(recording, clock);
    await harness.rename(randomUUID(), 'a');
    recording.meet = () => Promise.reject(new Error('down'));
    await dispatcher.wake();
    expect(clock.waits).toContain(1_000);
    await harness.pass(1);
    clock.advance(1_000);
    await dispatcher.wake();
    expect(clock.waits).toContain(2_000);
    recording.meet = () => Promise.resolve();
    await harness.pass(2);
    clock.advance(2_000);
    while (recording.taken.length === 0) await new Promise(setImmediate);
    expect(named(recording.taken)).toEqual(['a']);
  });

  it('the retries of an outage share their polls', async () => {
    const clock = new TestMonotonicClock();
    const dispatcher = harness.dispatcher(recording, clock);
    recording.meet = () => Promise.reject(new Error('down'));
    for (const name of ['a', 'b', 'c']) {
      await harness.rename(randomUUID(), name);
      await dispatcher.wake();
      clock.advance(100);
    }
    // One a second: of the first, which failed at 0 s, and of the others.
    expect(clock.waits.filter((wait) => wait === 700 || wait === 1_700)).toEqual([700, 1_700]);
    await dispatcher.stop();
    expect(clock.waits).toEqual([]);
  });

  it('the dispatcher continues after a fault of the database', async () => {
    const clock = new TestMonotonicClock();
    const dispatcher = harness.dispatcher(recording, clock);
    await harness.rename(randomUUID(), 'a');
    jest.spyOn(harness.outbox, 'duePartitions').mockRejectedValueOnce(new Error('down'));
    jest.spyOn(harness.outbox, 'heads').mockRejectedValueOnce(new Error('down'));
    await dispatcher.wake();
    await dispatcher.wake();
    expect(errors).toHaveBeenCalledTimes(2);
    await dispatcher.wake();
    expect(named(recording.taken)).toEqual(['a']);
  });

  it('a lease that was released while it was read is not taken for one of another process', async () => {
    await harness.rename('ann', 'a');
    const clock = new TestMonotonicClock();
    const dispatcher = harness.dispatcher(recording, clock);
    const [delivery, released] = [new Gate(), new Gate()];
    recording.meet = () => delivery.pass();
    const release = harness.outbox.release.bind(harness.outbox);
    jest.spyOn(harness.outbox, 'release').mockImplementationOnce(async (lease) => {
      await release(lease);
      released.open();
    });
    const round = dispatcher.wake();
    await delivery.reached;
    const duePartitions = harness.outbox.duePartitions.bind(harness.outbox);
    jest.spyOn(harness.outbox, 'duePartitions').mockImplementationOnce(async (destinations) => {
      const due = await duePartitions(destinations);
      expect(due).toEqual([{ partition: expect.any(String), token: expect.any(String) }]);
      delivery.open();
      await released.passed;
      await new Promise(setImmediate);
      return due;
    });
    await dispatcher.wake();
    await round;
    // The recheck of a lease of another process.
    expect(clock.waits).not.toContain(100);
  });

  it('polling keeps a process alive that does nothing else', async () => {
    const clock = new TestMonotonicClock();
    const after = jest.spyOn(clock, 'after');
    await harness.dispatcher(recording, clock).wake();
    expect(after).toHaveBeenCalledWith(SETTINGS.pollInterval, expect.any(Function), true);
  });

  describe('on request', () => {
    const ON_REQUEST = { ...SETTINGS, isPolling: false };

    it('a relay that does not poll delivers nothing by itself, and everything when it is run', async () => {
      const clock = new TestMonotonicClock();
      const relay = harness.relayWith(clock, recording);
      relay.onApplicationBootstrap();
      await harness.rename('ann', 'a', 'b');
      await relay.beforeApplicationShutdown();
      expect(recording.taken).toEqual([]);
      const next = harness.relayWith(clock, recording);
      expect(await next.runOnce()).toEqual({ delivered: 2, failed: 0 });
      expect(named(recording.taken)).toEqual(['a', 'b']);
      expect(await next.runOnce()).toEqual({ delivered: 0, failed: 0 });
      expect(clock.waits).toEqual([]);
    });

    it('a run counts failed attempts, and leaves their retries to later runs', async () => {
      const relay = harness.relay(recording);
      await harness.rename('ann', 'a');
      recording.meet = () => Promise.reject(new Error('down'));
      expect(await relay.runOnce()).toEqual({ delivered: 0, failed: 1 });
      recording.meet = () => Promise.resolve();
      expect(await relay.runOnce()).toEqual({ delivered: 0, failed: 0 });
      await harness.pass(1);
      expect(await relay.runOnce()).toEqual({ delivered: 1, failed: 0 });
    });

    it('a run also delivers the events that its deliveries cause', async () => {
      const relay = harness.relay(recording);
      recording.meet = async (event) => {
        if (named([event])[0] === 'a') await harness.rename('ann', 'b');
      };
      await harness.rename('ann', 'a');
      expect(await relay.runOnce()).toEqual({ delivered: 2, failed: 0 });
      expect(named(recording.taken)).toEqual(['a', 'b']);
    });

    it('a run fails when the database cannot be read, after it has logged why', async () => {
      jest.spyOn(harness.outbox, 'duePartitions').mockRejectedValueOnce(new Error('the database is down'));
      await expect(harness.relay(recording).runOnce()).rejects.toThrow('the database is down');
      expect(errors).toHaveBeenCalledTimes(1);
    });

    it('a run takes over from a process that died while another destination is slow', async () => {
      harness = new OutboxHarness(tables(), ['recording', 'slow']);
      await harness.rename('ann', 'a');
      await tables().dataSource.query(
        "INSERT INTO totp_outbox_leases (partition_key, token) SELECT partition_key, 'of a dead process' FROM totp_outbox WHERE partition_key LIKE 'recording%'",
      );
      const clock = new TestMonotonicClock();
      const slow = new RecordingDestination('slow');
      const gate = new Gate();
      slow.meet = () => gate.pass();
      const relay = new TotpOutboxRelay({
        queue: harness.outbox,
        destinations: [recording, slow],
        settings: { ...ON_REQUEST, deliveryTimeout: SETTINGS.deliveryTimeout },
        time: harness.clock,
        // Its deliveries never time out.
        clock: {
          elapsed: () => clock.elapsed(),
          after: (ms, action) => clock.after(ms === SETTINGS.deliveryTimeout ? 1e9 : ms, action),
        },
      });
      const run = relay.runOnce();
      await gate.reached;
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      while (recording.taken.length === 0 && clock.elapsed() < 2 * LEASE) {
        clock.advance(100);
        for (let n = 0; n < 20; n++) await turn();
      }
      expect(named(recording.taken)).toEqual(['a']);
      expect(slow.taken).toEqual([]);
      gate.open();
      await advanceUntil(clock, run);
    });

    it('a run takes over from a process that died, although no earlier run has seen its lease', async () => {
      await harness.rename('ann', 'a');
      await tables().dataSource.query(
        "INSERT INTO totp_outbox_leases (partition_key, token) SELECT DISTINCT partition_key, 'of a dead process' FROM totp_outbox",
      );
      const clock = new TestMonotonicClock();
      const run = harness.dispatcher(recording, clock, ON_REQUEST).runOnce();
      expect(await advanceUntil(clock, run)).toEqual({ delivered: 1, failed: 0 });
      expect(clock.elapsed()).toBeGreaterThan(LEASE);
    });

    it('a run does not wait for a process that is still delivering when an abandoned lease would have expired', async () => {
      await harness.rename('ann', 'a');
      const gate = new Gate();
      const slow = new RecordingDestination();
      slow.meet = () => gate.pass();
      const first = harness.dispatcher(slow).wake();
      await gate.reached;
      const acquire = jest.spyOn(harness.outbox, 'acquire').mockResolvedValue(false);
      const clock = new TestMonotonicClock();
      const run = harness.dispatcher(recording, clock, ON_REQUEST).runOnce();
      expect(await advanceUntil(clock, run)).toEqual({ delivered: 0, failed: 0 });
      expect(clock.elapsed()).toBeLessThan(LEASE + 1_000);
      acquire.mockRestore();
      gate.open();
      await first;
      expect(recording.taken).toEqual([]);
    });
  });

  it('a dispatcher that is stopped finishes its deliveries, and releases its leases', async () => {
    const user = randomUUID();
    await harness.rename(user, 'a', 'b');
    const gate = new Gate();
    recording.meet = () => gate.pass();
    const clock = new TestMonotonicClock();
    const dispatcher = harness.dispatcher(recording, clock);
    void dispatcher.wake();
    await gate.reached;
    const stopped = dispatcher.stop();
    gate.open();
    await stopped;
    expect(named(recording.taken)).toEqual(['a']);
    expect((await backlog()).waiting).toBe(1);
    expect(await tables().dataSource.query('SELECT partition_key FROM totp_outbox_leases')).toEqual([]);
    expect(clock.waits).toEqual([]);
    await dispatcher.wake();
    expect(named(recording.taken)).toEqual(['a']);
  });

  it('a dispatcher that is stopped does not wait for a delivery that never ends', async () => {
    await harness.rename(randomUUID(), 'a');
    const gate = new Gate();
    recording.meet = () => gate.pass();
    const clock = new TestMonotonicClock();
    const dispatcher = harness.dispatcher(recording, clock);
    void dispatcher.wake();
    await gate.reached;
    const stopped = dispatcher.stop();
    clock.advance(SETTINGS.deliveryTimeout);
    await stopped;
    gate.open();
  });
});

it('a relay without the outbox of the module says what to write', async () => {
  const relay = new TotpOutboxRelay(undefined);
  await relay.runOnce();
  expect(() => relay.backlog()).toThrow(TotpConfigurationError);
  expect(() => relay.backlog()).toThrow(/events: { outbox: true }/);
});
