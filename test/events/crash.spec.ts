/**
 * Four processes under load are killed with SIGKILL, and every event that was committed arrives at a real RabbitMQ and a real NATS: at
 * least once, none before its commit, in the order of each user.
 *
 * On each server four are killed, or 50 times as many (200) with `TOTP_TEST_REPETITIONS=50`; then prints the results.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { TotpCloudEvent } from 'nestjs-totp';
import type { DataSource } from 'typeorm';
import { type Call, Fleet, FLEET_SIZE } from '../processes/fleet.js';
import { connect } from '../storage/tables.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import {
  type Address,
  describeWithBrokers,
  newAddress,
  type Subscriber,
  subscribeToNats,
  subscribeToRabbit,
} from './brokers.js';

const REPETITIONS = Number(process.env.TOTP_TEST_REPETITIONS ?? 1);
const KILLS = 4 * REPETITIONS;
const USERS = 6;
const DEVICES = 8;
const servers = databases.filter(({ name }) => name !== 'SQLite');

/** The events that were committed, in the order of each user: a trigger notes them in their transaction. */
const ledger = {
  PostgreSQL: [
    'CREATE TABLE ledger (n bigserial PRIMARY KEY, entry varchar(80) NOT NULL)',
    'CREATE FUNCTION note() RETURNS trigger AS $$ BEGIN INSERT INTO ledger (entry) VALUES (NEW.id); RETURN NEW; END $$ LANGUAGE plpgsql',
    'CREATE TRIGGER note AFTER INSERT ON totp_outbox FOR EACH ROW EXECUTE FUNCTION note()',
  ],
  MariaDB: [
    'CREATE TABLE ledger (n bigint AUTO_INCREMENT PRIMARY KEY, entry varchar(80) NOT NULL)',
    'CREATE TRIGGER note AFTER INSERT ON totp_outbox FOR EACH ROW INSERT INTO ledger (entry) VALUES (NEW.id)',
  ],
};

interface Arrival {
  readonly id: string;
  readonly userId: string;
}

/** What arrived at one broker, and whether it was committed by then. */
class Arrivals {
  readonly all: Arrival[] = [];
  private readonly checks: Promise<boolean>[] = [];
  private readonly ids = new Set<string>();

  constructor(
    readonly broker: string,
    private readonly isCommitted: (entry: string) => Promise<boolean>,
    private readonly onArrival: () => void,
  ) {}

  readonly note = ({ id, data }: TotpCloudEvent): void => {
    this.all.push({ id, userId: data.userId });
    this.ids.add(id);
    this.checks.push(this.isCommitted(`${id}:${this.broker}`));
    this.onArrival();
  };

  get count(): number {
    return this.ids.size;
  }

  /** How it compares with what was committed, in its order. */
  async compare(committed: readonly string[]) {
    const place = new Map(committed.map((id, n) => [id, n]));
    const newest = new Map<string, number>();
    const seen = new Set<string>();
    const outOfOrder = new Set<string>();
    for (const { id, userId } of this.all) {
      // Redelivered events arrive late, so the first delivery counts.
      if (seen.has(id)) continue;
      seen.add(id);
      const n = place.get(id) ?? -1;
      if (n < (newest.get(userId) ?? -1)) outOfOrder.add(userId);
      newest.set(userId, n);
    }
    const early = (await Promise.all(this.checks)).filter((isCommitted) => !isCommitted);
    return {
      committed: committed.length,
      lost: committed.filter((id) => !this.ids.has(id)).length,
      'never committed': [...this.ids].filter((id) => !place.has(id)).length,
      'before commit': early.length,
      'users out of order': outOfOrder.size,
      duplicates: this.all.length - this.ids.size,
    };
  }
}

function ignore(): void {
  // Only one of the two counts down.
}

describeWithBrokers.each(servers)('of four processes on $name', ({ name, open }) => {
  let database: OpenDatabase;
  let observer: DataSource;
  let address: Address;
  let fleet: Fleet;
  let subscribers: readonly Subscriber[];
  let arrivals: readonly [Arrivals, Arrivals];
  let countDowns = { answer: ignore, arrival: ignore };

  beforeAll(async () => {
    database = await open();
    observer = await connect(database);
    await observer.runMigrations();
    for (const statement of ledger[name as keyof typeof ledger]) await observer.query(statement);
    address = newAddress();
    const isCommitted = async (entry: string) => {
      const found: unknown[] = await observer.query(`SELECT n FROM ledger WHERE entry = '${entry}'`);
      return found.length === 1;
    };
    const onArrival = () => {
      countDowns.arrival();
    };
    arrivals = [new Arrivals('rabbitmq', isCommitted, onArrival), new Arrivals('nats', isCommitted, onArrival)];
    const [rabbit, nats] = arrivals;
    subscribers = await Promise.all([subscribeToRabbit(address, rabbit.note), subscribeToNats(address, nats.note)]);
    fleet = await Fleet.launch(database, { outbox: { ...address, deliveryTimeout: 1 } });
  });
  afterAll(async () => {
    await fleet.land();
    await Promise.all(subscribers.map((subscriber) => subscriber.close()));
    await observer.destroy();
    await database.drop();
  });

  /** Calls about a few users, of each of whom every process has some at the same time; each call makes one event. */
  function load(): Call[] {
    const users = Array.from({ length: USERS }, () => randomUUID());
    const devices = Array.from({ length: DEVICES }, (_, n) => `device ${n}`);
    // Each user's calls go to all processes, since these are dealt out in turn.
    return users.flatMap((userId) =>
      devices.map((deviceName): Call => ({
        name: 'createDevice',
        input: { userId, deviceName, onBehalfOf: 'application' },
      })),
    );
  }

  /** Kills a process after some of its answers, or when some events have arrived at a broker. */
  async function killOne(victim: number): Promise<void> {
    let left = randomInt(1, 1 + (USERS * DEVICES) / FLEET_SIZE);
    let die = ignore;
    const dead = new Promise<void>((resolve) => (die = resolve));
    const countDown = () => {
      left--;
      if (left !== 0) return;
      fleet.kill(victim);
      die();
    };
    await fleet.fireUntilKilled(Date.now(), load(), {
      // Not before, as events of the last round may still arrive.
      onFire: () => {
        countDowns =
          randomInt(2) === 0 ? { answer: countDown, arrival: ignore } : { answer: ignore, arrival: countDown };
      },
      onAnswer: (_, process) => {
        if (process === victim) countDowns.answer();
      },
    });
    await dead;
    await fleet.relaunch();
  }

  const waiting = async () => {
    const [row]: { n: unknown }[] = await observer.query('SELECT COUNT(*) AS n FROM totp_outbox');
    return Number(row?.n);
  };

  it(
    `${KILLS} are killed, and no event is lost, early or out of order`,
    async () => {
      for (let n = 0; n < KILLS; n++) await killOne(n % FLEET_SIZE);
      while ((await waiting()) > 0) await pause(50);
      const entries: { entry: string }[] = await observer.query('SELECT entry FROM ledger ORDER BY n');
      for (const received of arrivals) {
        const ids = entries.flatMap(({ entry }) => {
          const [id = '', broker] = entry.split(':');
          return broker === received.broker ? id : [];
        });
        while (received.count < ids.length) await pause(50);
        const { duplicates, ...outcome } = await received.compare(ids);
        const figures = [name, received.broker, `${KILLS} kills`, JSON.stringify({ ...outcome, duplicates })];
        if (REPETITIONS > 1) process.stdout.write(`${figures.join(' | ')}\n`);
        expect(outcome).toEqual({
          committed: ids.length,
          lost: 0,
          'never committed': 0,
          'before commit': 0,
          'users out of order': 0,
        });
        expect(ids.length).toBeGreaterThan(KILLS);
      }
    },
    300_000 + 20_000 * KILLS,
  );
});
