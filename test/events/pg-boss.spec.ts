/** An outbox over pg-boss, as docs/events.md describes it: the jobs are added in the transaction of the change. */
import { Inject, Injectable } from '@nestjs/common';
import { type AnyTotpEvent, TotpOutbox } from 'nestjs-totp';
import PgBoss from 'pg-boss';
import type { EntityManager } from 'typeorm';
import { startApplication, type TestApplication } from '../support/application.js';
import { Person } from '../support/client.js';
import { databases, type OpenDatabase } from '../support/databases.js';

const QUEUE = 'totp';

@Injectable()
class PgBossOutbox extends TotpOutbox {
  static fails = false;

  constructor(@Inject(PgBoss) private readonly boss: PgBoss) {
    super();
  }

  override async add(manager: EntityManager, events: readonly AnyTotpEvent[]): Promise<void> {
    const db = {
      executeSql: async (text: string, values: unknown[]) => ({
        rows: await manager.query<unknown[]>(text, values),
      }),
    };
    for (const event of events) await this.boss.send(QUEUE, event, { id: event.id, db });
    if (PgBossOutbox.fails) throw new Error('a later statement of the transaction fails');
  }
}

describe.each(databases.filter(({ name }) => name === 'PostgreSQL'))('an outbox over pg-boss on $name', ({ open }) => {
  let database: OpenDatabase;
  let boss: PgBoss;
  let application: TestApplication;

  beforeAll(async () => {
    database = await open();
    if (database.options.type !== 'postgres') throw new Error('This is not PostgreSQL.');
    const { host = '', port = 0, username: user = '', password, database: name = '' } = database.options;
    const login = typeof password === 'string' ? { password } : {};
    boss = new PgBoss({ host, port, user, ...login, database: name, supervise: false, schedule: false });
    await boss.start();
    await boss.createQueue(QUEUE);
    const providers = [
      { provide: PgBoss, useValue: boss },
      { provide: TotpOutbox, useClass: PgBossOutbox },
    ];
    application = await startApplication({ database, options: { events: { outbox: true }, providers } });
  });
  afterEach(() => {
    PgBossOutbox.fails = false;
  });
  afterAll(async () => {
    await application.close();
    await boss.stop({ graceful: false });
    await database.drop();
  });

  const fetchJobs = () => boss.fetch<AnyTotpEvent>(QUEUE, { batchSize: 100 });

  it('adds a job for each event, under the id of the event', async () => {
    const person = new Person(application);
    await person.enrol();
    const jobs = await fetchJobs();
    for (const { id, data } of jobs) expect(data.id).toBe(id);
    // pg-boss promises no order.
    const added = jobs.map(({ data }) => data).toSorted((one, other) => one.name.localeCompare(other.name));
    expect(added.map(({ name }) => name)).toEqual(['totp.device.created', 'totp.device.verified']);
    expect(added).toEqual(JSON.parse(JSON.stringify(application.events.events)));
  });

  it('L8: adds none when the change is not made', async () => {
    const person = new Person(application);
    PgBossOutbox.fails = true;
    expect((await person.post('/device', {})).status).toBe(500);
    expect((await person.list()).body).toEqual({ status: 'OK', devices: [] });
    expect(await fetchJobs()).toEqual([]);
  });
});
