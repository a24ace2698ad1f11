/** Handing events on from the outbox: once at a time, in each user's order, again after faults, and by whoever is there. */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { TotpArgumentError, TotpConfigurationError, TotpOutboxRelay } from 'nestjs-totp';
import { waitAfter } from '../../src/outbox/dispatcher.js';
import { rowId } from '../../src/storage/sql/row-id.js';
import { useTables } from '../storage/tables.js';
import { intercept } from '../support/intercept.js';
import { databases } from '../support/databases.js';
import { Gate, LEASE, Letterbox, named, PostalService, SETTINGS, TestStopwatch } from './postal-service.js';

afterEach(() => {
  jest.restoreAllMocks();
});

/** Two users whose events go different ways. */
function usersOfTwoLanes(): [string, string] {
  const user = randomUUID();
  let other = randomUUID();
  while (rowId(other).startsWith(rowId(user).charAt(0))) other = randomUUID();
  return [user, other];
}

describe.each(databases)('the outbox on $name', ({ name, open }) => {
  const tables = useTables(open);
  const isMySql = name === 'MariaDB' || name === 'MySQL';
  let post: PostalService;
  let letterbox: Letterbox;
  let errors: jest.SpiedFunction<Logger['error']>;
  let warnings: jest.SpiedFunction<Logger['warn']>;

  beforeEach(() => {
    post = new PostalService(tables());
    letterbox = new Letterbox();
    errors = jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    warnings = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  });
  afterEach(async () => {
    await post.close();
    await tables().dataSource.query('DELETE FROM totp_outbox');
    await tables().dataSource.query('DELETE FROM totp_outbox_claims');
  });

  const backlog = async () => {
    const [letters] = await post.outbox.backlog();
    return { waiting: letters?.waiting ?? 0, parked: letters?.parked, oldestAt: letters?.oldestAt };
  };
  const empty = { waiting: 0, parked: 0, oldestAt: undefined };

  it('hands on what happened, as it happened, and forgets it', async () => {
    const userId = `ann ä📱\u2028'"\\`;
    await post.post(userId, 'ä📱', 'x'.repeat(256));
    expect(await backlog()).toEqual({ waiting: 2, parked: 0, oldestAt: post.clock.now() });
    await post.courier(letterbox).wake();
    expect(named(letterbox.taken, userId)).toEqual(['ä📱', 'x'.repeat(256)]);
    expect(letterbox.taken[0]?.constructor.name).toBe('TotpDeviceRenamedEvent');
    expect(await backlog()).toEqual(empty);
    expect(errors).not.toHaveBeenCalled();
  });

  it('is kept in ASCII, so that any character set will do', async () => {
    await post.post('ä📱', 'ü');
    const rows: { event: string }[] = await tables().dataSource.query('SELECT event FROM totp_outbox');
    expect(rows[0]?.event).toMatch(/^[\x20-\x7e]*$/);
  });

  it('keeps the order of each user under four couriers, and hands no event on twice at a time', async () => {
    const users = Array.from({ length: 20 }, () => randomUUID());
    const couriers = Array.from({ length: 4 }, () => post.courier(letterbox));
    const changes = Array.from({ length: 5 }, (_, n) => `name ${n}`);
    await Promise.all(
      users.map(async (userId) => {
        for (const change of changes) {
          await post.post(userId, `${change}a`, `${change}b`);
          for (const courier of couriers) void courier.wake();
        }
      }),
    );
    while ((await backlog()).waiting !== 0) await Promise.all(couriers.map((courier) => courier.wake()));
    for (const userId of users) {
      expect(named(letterbox.taken, userId)).toEqual(changes.flatMap((change) => [`${change}a`, `${change}b`]));
    }
    expect(letterbox.wasOpenTwice).toBe(false);
    expect(errors).not.toHaveBeenCalled();
  });

  it('keeps the order of changes that are committed at the same time', async () => {
    const userId = randomUUID();
    const names = Array.from({ length: 12 }, (_, n) => String(n));
    const committed: string[] = [];
    await Promise.all(
      names.map(async (name) => {
        await post.post(userId, name);
        committed.push(name);
      }),
    );
    await post.courier(letterbox).wake();
    expect(named(letterbox.taken)).toHaveLength(names.length);
    expect(named(letterbox.taken).toSorted()).toEqual(names.toSorted());
  });

  it('goes on with a user whose earlier events are gone already', async () => {
    const userId = randomUUID();
    const courier = post.courier(letterbox);
    for (const name of ['a', 'b', 'c']) {
      await post.post(userId, name);
      await courier.wake();
    }
    expect(named(letterbox.taken)).toEqual(['a', 'b', 'c']);
  });

  it('leaves connections to sign-ins, however many lanes are due', async () => {
    await Promise.all(Array.from({ length: 100 }, () => post.post(randomUUID(), 'a')));
    let running = 0;
    const counts: number[] = [];
    intercept(tables().own, (statement) => {
      counts.push(++running);
      return statement.send().finally(() => running--);
    });
    await post.courier(letterbox).wake();
    expect(letterbox.taken).toHaveLength(100);
    // An SQLite file has one connection, on which they take turns anyway.
    expect(Math.max(...counts)).toBe(name === 'SQLite' ? 1 : 4);
  });

  it('finds what comes next in a time that grows as the events of a user do, and not with their square', async () => {
    const shortest = async (events: number) => {
      await post.post('ann', ...Array.from({ length: events }, (_, n) => String(n)));
      await tables().dataSource.query(`ANALYZE ${isMySql ? 'TABLE ' : ''}totp_outbox`);
      const [due] = await post.outbox.dueLanes('letterbox', post.clock.now());
      const times: number[] = [];
      for (let n = 0; n < 5; n++) {
        const start = performance.now();
        const entries = await post.outbox.heads(due?.lane ?? '', post.clock.now(), 50);
        times.push(performance.now() - start);
        expect(entries.map(({ event }) => event && named([event]))).toEqual([['0']]);
      }
      return Math.min(...times);
    };
    const few = await shortest(1_000);
    const many = await shortest(9_000);
    // Ten times as many wait then.
    expect(many / few).toBeLessThan(40);
  });

  describe('while a courier has a claim', () => {
    const userId = randomUUID();
    let gate: Gate;
    let first: Promise<void>;
    let firstWatch: TestStopwatch;

    beforeEach(async () => {
      await post.post(userId, 'a', 'b');
      gate = new Gate();
      const slow = new Letterbox();
      slow.meet = () => gate.pass();
      firstWatch = new TestStopwatch();
      first = post.courier(slow, firstWatch).wake();
      await gate.reached;
    });
    afterEach(async () => {
      gate.open();
      await first;
    });

    it('no other hands on what it has, until the mark of the claim has stayed the same for a lease', async () => {
      const stopwatch = new TestStopwatch();
      const second = post.courier(letterbox, stopwatch);
      await second.wake();
      stopwatch.advance(LEASE);
      await second.wake();
      expect(letterbox.taken).toEqual([]);
      stopwatch.advance(1);
      await second.wake();
      expect(named(letterbox.taken)).toEqual(['a', 'b']);
    });

    it('whose clock is ahead does not take it sooner', async () => {
      const second = post.courier(letterbox);
      post.clock.advance(86_400);
      await second.wake();
      await second.wake();
      expect(letterbox.taken).toEqual([]);
    });

    it('and loses it meanwhile, it notices, forgets nothing, and hands on nothing more', async () => {
      const stopwatch = new TestStopwatch();
      const second = post.courier(letterbox, stopwatch);
      const halted = new Gate();
      letterbox.meet = () => halted.pass();
      await second.wake();
      stopwatch.advance(LEASE + 1);
      const takingOver = second.wake();
      await halted.reached;
      gate.open();
      await first;
      expect((await backlog()).waiting).toBe(2);
      expect(warnings).toHaveBeenCalledWith(
        expect.stringMatching(/was lost to another process: 1 of them may arrive twice/),
      );
      halted.open();
      await takingOver;
      expect(named(letterbox.taken)).toEqual(['a', 'b']);
      expect(await backlog()).toEqual(empty);
    });

    it('another one looks again soon, since what comes in last may be seen by none', async () => {
      const stopwatch = new TestStopwatch();
      await post.courier(letterbox, stopwatch).wake();
      expect(stopwatch.waits).toEqual([100]);
    });
  });

  it('renews a claim before it begins a batch that might outlast it', async () => {
    const userId = randomUUID();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await post.post(userId, ...names);
    const [slowWatch, otherWatch] = [new TestStopwatch(), new TestStopwatch()];
    const other = new Letterbox();
    const second = post.courier(other, otherWatch);
    letterbox.meet = async () => {
      await second.wake();
      slowWatch.advance(SETTINGS.deliveryTimeout - 1);
      otherWatch.advance(SETTINGS.deliveryTimeout - 1);
    };
    await post.courier(letterbox, slowWatch).wake();
    expect(slowWatch.elapsed()).toBeGreaterThan(LEASE);
    expect(named(letterbox.taken)).toEqual(names);
    expect(other.taken).toEqual([]);
  });

  it('hands on nothing that it read for so long that another may have the claim by now', async () => {
    await post.post(randomUUID(), 'a');
    const [slowWatch, otherWatch] = [new TestStopwatch(), new TestStopwatch()];
    const other = new Letterbox();
    const second = post.courier(other, otherWatch);
    const halted = new Gate();
    other.meet = () => halted.pass();
    const heads = post.outbox.heads.bind(post.outbox);
    let takingOver: Promise<void> | undefined;
    jest.spyOn(post.outbox, 'heads').mockImplementationOnce(async (...lane) => {
      const entries = await heads(...lane);
      await second.wake();
      slowWatch.advance(LEASE + 1);
      otherWatch.advance(LEASE + 1);
      takingOver = second.wake();
      await halted.reached;
      return entries;
    });
    await post.courier(letterbox, slowWatch).wake();
    expect(letterbox.taken).toEqual([]);
    halted.open();
    await takingOver;
    expect(named(other.taken)).toEqual(['a']);
  });

  it('begins no batch when it took too long to renew the claim', async () => {
    await post.post(randomUUID(), 'a');
    const stopwatch = new TestStopwatch();
    const heads = post.outbox.heads.bind(post.outbox);
    jest.spyOn(post.outbox, 'heads').mockImplementationOnce((...lane) => {
      stopwatch.advance(LEASE / 2);
      return heads(...lane);
    });
    const claim = post.outbox.claim.bind(post.outbox);
    jest.spyOn(post.outbox, 'claim').mockImplementation(async (own, seen) => {
      const isWritten = await claim(own, seen);
      if (seen !== undefined) stopwatch.advance(LEASE);
      return isWritten;
    });
    const released = jest.spyOn(post.outbox, 'release');
    letterbox.meet = () => {
      expect(released).toHaveBeenCalledTimes(1);
      return Promise.resolve();
    };
    await post.courier(letterbox, stopwatch).wake();
    expect(named(letterbox.taken)).toEqual(['a']);
  });

  it('lets the rest of the process have its turn between two batches', async () => {
    await Promise.all(Array.from({ length: 10 }, (_, n) => post.post('ann', `name ${n}`)));
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await post.courier(letterbox).wake();
    isOver = true;
    expect(letterbox.taken).toHaveLength(10);
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  it('only one of those takes over who see that a claim was left behind', async () => {
    await post.post(randomUUID(), 'a');
    await post.post(randomUUID(), 'b');
    const { dataSource } = tables();
    await dataSource.query(
      "INSERT INTO totp_outbox_claims (lane, mark) SELECT DISTINCT lane, 'of a process that is dead' FROM totp_outbox",
    );
    const stopwatches = Array.from({ length: 4 }, () => new TestStopwatch());
    const couriers = stopwatches.map((stopwatch) => post.courier(letterbox, stopwatch));
    await Promise.all(couriers.map((courier) => courier.wake()));
    for (const stopwatch of stopwatches) stopwatch.advance(LEASE + 1);
    await Promise.all(couriers.map((courier) => courier.wake()));
    expect(named(letterbox.taken).toSorted()).toEqual(['a', 'b']);
    expect(letterbox.wasOpenTwice).toBe(false);
  });

  describe('when a delivery fails', () => {
    const fail = () => Promise.reject(new Error('amqp://user:password@broker is down'));

    it('waits longer and longer, and holds back what comes later of that user alone', async () => {
      const [user, other] = [randomUUID(), randomUUID()];
      await post.post(user, 'a', 'b');
      await post.post(other, 'c');
      const tries: number[] = [];
      letterbox.meet = ({ userId }) => {
        if (userId !== user) return Promise.resolve();
        tries.push(post.clock.now());
        return fail();
      };
      const courier = post.courier(letterbox);
      const start = post.clock.now();
      for (let second = 0; second < 16; second++) {
        await courier.wake();
        post.clock.advance(1);
      }
      expect(tries.map((time) => (time - start) / 1_000)).toEqual([0, 1, 3, 7, 15]);
      expect(named(letterbox.taken)).toEqual(['c']);
    });

    it('is bounded in its waits', () => {
      expect([1, 2, 3, 9, 10, 1_000].map(waitAfter)).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
    });

    it('comes again when the destination is back, in order', async () => {
      const user = randomUUID();
      await post.post(user, 'a', 'b', 'c');
      letterbox.meet = fail;
      const courier = post.courier(letterbox);
      await courier.wake();
      letterbox.meet = () => Promise.resolve();
      post.clock.advance(0.999);
      await courier.wake();
      expect(letterbox.taken).toEqual([]);
      post.clock.advance(0.001);
      await courier.wake();
      expect(named(letterbox.taken)).toEqual(['a', 'b', 'c']);
    });

    it('which never answers, it is given up on after a while', async () => {
      await post.post(randomUUID(), 'a');
      const gate = new Gate();
      letterbox.meet = () => gate.pass();
      const stopwatch = new TestStopwatch();
      const round = post.courier(letterbox, stopwatch).wake();
      await gate.reached;
      stopwatch.advance(SETTINGS.deliveryTimeout);
      await round;
      const rows: { attempts: number; reason: string }[] = await tables().dataSource.query(
        'SELECT attempts, reason FROM totp_outbox',
      );
      expect(rows).toEqual([{ attempts: 1, reason: '"no answer within 10000 ms"' }]);
      gate.open();
    });

    it('which never answers, it holds up neither other lanes nor what comes to them meanwhile, and is told to end', async () => {
      const [user, other] = usersOfTwoLanes();
      await post.post(user, 'a');
      const gate = new Gate();
      letterbox.meet = ({ userId }) => (userId === user ? gate.pass() : Promise.resolve());
      const stopwatch = new TestStopwatch();
      const courier = post.courier(letterbox, stopwatch);
      const round = courier.wake();
      await gate.reached;
      await post.post(other, 'b');
      courier.nudge();
      while ((await backlog()).waiting > 1) await new Promise(setImmediate);
      expect(named(letterbox.taken)).toEqual(['b']);
      expect(letterbox.signals.map(({ aborted }) => aborted)).toEqual([false, false]);
      stopwatch.advance(SETTINGS.deliveryTimeout);
      await round;
      expect(letterbox.signals.map(({ aborted }) => aborted)).toEqual([true, false]);
      gate.open();
    });

    it('looks again at a lane to which more came when it was as good as empty', async () => {
      await post.post('ann', 'a');
      const courier = post.courier(letterbox);
      const release = post.outbox.release.bind(post.outbox);
      jest.spyOn(post.outbox, 'release').mockImplementationOnce(async (claim) => {
        await post.post('ann', 'b');
        courier.nudge();
        await release(claim);
      });
      await courier.wake();
      expect(named(letterbox.taken)).toEqual(['a', 'b']);
    });

    it.each<[unknown, string]>([
      [Object.create(null), '[Object: null prototype] {}'],
      [Object.assign(new Error(), { message: 42 }), '42'],
      [{ status: 'error', message: 'Internal server error' }, 'Internal server error'],
      [undefined, 'undefined'],
      ['down', 'down'],
      [new Error('no way to amqp://user:p@ss@broker/vhost'), 'no way to amqp://broker/vhost'],
      [new Error('x'.repeat(501)), 'x'.repeat(500)],
    ])('with %j, it is put back with a reason', async (thrown, reason) => {
      await post.post(randomUUID(), 'a');
      letterbox.meet = () => {
        throw thrown;
      };
      await post.courier(letterbox).wake();
      const [row]: { attempts: number; reason: string }[] = await tables().dataSource.query(
        'SELECT attempts, reason FROM totp_outbox',
      );
      expect([row?.attempts, JSON.parse(row?.reason ?? '')]).toEqual([1, reason]);
      expect(errors).not.toHaveBeenCalled();
    });

    it('a warning tells why, once until a delivery succeeds', async () => {
      const courier = post.courier(letterbox);
      const wait = async (meet: Letterbox['meet']) => {
        letterbox.meet = meet;
        await courier.wake();
        post.clock.advance(300);
      };
      await post.post('ann', 'a');
      await wait(fail);
      await wait(fail);
      await wait(() => Promise.resolve());
      await post.post('ann', 'b');
      await wait(fail);
      expect(warnings.mock.calls).toEqual(
        Array(2).fill([
          expect.stringMatching(
            /^The event .*:letterbox was not delivered, and comes again: amqp:\/\/broker is down\. /,
          ),
        ]),
      );
    });

    it('leaves the destination alone until the next poll when nothing gets through', async () => {
      await Promise.all(Array.from({ length: 60 }, (_, n) => post.post(`user ${n}`, 'a')));
      let tries = 0;
      letterbox.meet = () => {
        tries++;
        return fail();
      };
      await post.courier(letterbox).wake();
      expect(tries).toBe(60); // of 16 lanes, none of which has more than a batch
      expect((await backlog()).waiting).toBe(60);
    });

    it('does not keep another destination waiting', async () => {
      post = new PostalService(tables(), ['letterbox', 'other']);
      const other = new Letterbox('other');
      letterbox.meet = fail;
      await post.post(randomUUID(), 'a', 'b');
      await Promise.all([post.courier(letterbox).wake(), post.courier(other).wake()]);
      expect(named(other.taken)).toEqual(['a', 'b']);
      expect(letterbox.taken).toEqual([]);
      expect((await backlog()).waiting).toBe(2);
    });

    describe('too often', () => {
      const user = randomUUID();
      let relay: TotpOutboxRelay;

      beforeEach(async () => {
        const { outbox: queue, clock } = post;
        const stopwatch = new TestStopwatch();
        relay = new TotpOutboxRelay({ queue, destinations: [letterbox], settings: SETTINGS, clock, stopwatch });
        await post.post(user, 'a', 'b');
        letterbox.meet = (event) => (named([event])[0] === 'a' ? fail() : Promise.resolve());
        for (let n = 0; n < 5; n++) {
          await relay.wake();
          post.clock.advance(16);
        }
        await relay.wake();
      });
      afterEach(() => relay.beforeApplicationShutdown());

      it('is parked, is told of without a password, and lets later events of the user go on', async () => {
        expect(named(letterbox.taken)).toEqual(['b']);
        expect(await backlog()).toEqual({ waiting: 0, parked: 1, oldestAt: undefined });
        expect(errors.mock.calls).toEqual([
          [
            expect.stringMatching(
              /^The event .*:letterbox is parked after 5 tries: amqp:\/\/broker is down\. TotpOutboxRelay\.retry/,
            ),
          ],
        ]);
        const parked = await relay.parked();
        expect(parked).toEqual([
          {
            id: expect.any(String),
            destination: 'letterbox',
            event: expect.anything(),
            attempts: 5,
            reason: 'amqp://broker is down',
          },
        ]);
        expect(parked[0]?.event).toMatchObject({ userId: user, to: 'a' });
      });

      it('comes again when asked for, with all its tries', async () => {
        letterbox.meet = () => Promise.resolve();
        const [parked] = await relay.parked();
        expect(await relay.retry(['an id of none'])).toBe(0);
        expect(await relay.retry([])).toBe(0);
        expect(await relay.retry([parked?.id ?? ''])).toBe(1);
        await relay.wake();
        expect(named(letterbox.taken)).toEqual(['b', 'a']);
        expect(await relay.backlog()).toMatchObject([empty]);
      });

      it('comes again with all others that are parked', async () => {
        expect(await relay.retry()).toBe(1);
        await relay.wake();
        expect(await relay.backlog()).toMatchObject([{ waiting: 1, parked: 0 }]);
      });

      it('is listed in pages of up to 1,000', () => {
        expect(() => relay.parked(1_001)).toThrow(TotpArgumentError);
        expect(() => relay.parked(0)).toThrow(TotpArgumentError);
      });
    });

    it('because its row is damaged, it is parked like any other', async () => {
      await post.post(randomUUID(), 'a');
      await tables().dataSource.query("UPDATE totp_outbox SET event = '{}'");
      await post.courier(letterbox).wake();
      expect(letterbox.taken).toEqual([]);
      expect((await backlog()).waiting).toBe(1);
    });
  });

  it('is polled for what other processes left behind', async () => {
    const stopwatch = new TestStopwatch();
    const courier = post.courier(letterbox, stopwatch);
    await courier.wake();
    await post.post(randomUUID(), 'a');
    expect(stopwatch.waits).toEqual([SETTINGS.pollInterval]);
    stopwatch.advance(SETTINGS.pollInterval);
    await courier.wake();
    expect(named(letterbox.taken)).toEqual(['a']);
    expect(stopwatch.waits).toEqual([SETTINGS.pollInterval]);
  });

  it('goes on after a fault of the database', async () => {
    const stopwatch = new TestStopwatch();
    const courier = post.courier(letterbox, stopwatch);
    await post.post(randomUUID(), 'a');
    jest.spyOn(post.outbox, 'dueLanes').mockRejectedValueOnce(new Error('down'));
    jest.spyOn(post.outbox, 'heads').mockRejectedValueOnce(new Error('down'));
    await courier.wake();
    await courier.wake();
    expect(errors).toHaveBeenCalledTimes(2);
    await courier.wake();
    expect(named(letterbox.taken)).toEqual(['a']);
  });

  it('ends with the deliveries that are under way, and lets go of what it has', async () => {
    const user = randomUUID();
    await post.post(user, 'a', 'b');
    const gate = new Gate();
    letterbox.meet = () => gate.pass();
    const stopwatch = new TestStopwatch();
    const courier = post.courier(letterbox, stopwatch);
    void courier.wake();
    await gate.reached;
    const stopped = courier.stop();
    gate.open();
    await stopped;
    expect(named(letterbox.taken)).toEqual(['a']);
    expect((await backlog()).waiting).toBe(1);
    expect(await tables().dataSource.query('SELECT lane FROM totp_outbox_claims')).toEqual([]);
    expect(stopwatch.waits).toEqual([]);
    await courier.wake();
    expect(named(letterbox.taken)).toEqual(['a']);
  });

  it('does not wait for a delivery that never ends, when it is to end', async () => {
    await post.post(randomUUID(), 'a');
    const gate = new Gate();
    letterbox.meet = () => gate.pass();
    const stopwatch = new TestStopwatch();
    const courier = post.courier(letterbox, stopwatch);
    void courier.wake();
    await gate.reached;
    const stopped = courier.stop();
    stopwatch.advance(SETTINGS.deliveryTimeout);
    await stopped;
    gate.open();
  });
});

it('a relay without the outbox of the module says what to write', async () => {
  const relay = new TotpOutboxRelay(undefined);
  await relay.wake();
  expect(() => relay.parked()).toThrow(TotpConfigurationError);
  await expect(relay.retry()).rejects.toThrow(/events: { outbox: true }/);
});
