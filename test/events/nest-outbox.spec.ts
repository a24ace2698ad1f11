/**
 * An outbox over Nest's own `@nestjs/outbox`, as docs/events.md describes it. That package is not in the registry yet: `Outbox` is a stub of
 * its published types, which writes to a table of its own.
 */
import { Inject, Injectable } from '@nestjs/common';
import { type AnyTotpEvent, TotpOutbox } from 'nestjs-totp';
import { DataSource, type EntityManager } from 'typeorm';
import { startApplication, type TestApplication } from '../support/application.js';
import { Person } from '../support/client.js';
import { databases, type OpenDatabase } from '../support/databases.js';

interface NewOutboxMessage<Payload> {
  readonly id?: string;
  readonly topic: string;
  readonly key?: string | null;
  readonly payload: Payload;
}

/** Of a transaction of TypeORM. */
class Outbox {
  readonly notified: number[] = [];
  fails = false;

  async add<Payload>(transaction: EntityManager, messages: readonly NewOutboxMessage<Payload>[]): Promise<void> {
    for (const { id = '', topic, key = null, payload } of messages) {
      const values = [id, topic, key, JSON.stringify(payload)].map((value) => `'${value ?? ''}'`);
      await transaction.query(
        `INSERT INTO nest_outbox (id, topic, message_key, payload) VALUES (${values.join(', ')})`,
      );
    }
    if (this.fails) throw new Error('a later statement of the transaction fails');
  }

  notify(): void {
    this.notified.push(Date.now());
  }
}

@Injectable()
class ApplicationOutbox extends TotpOutbox {
  constructor(@Inject(Outbox) private readonly outbox: Outbox) {
    super();
  }

  override async add(manager: EntityManager, events: readonly AnyTotpEvent[]): Promise<void> {
    await this.outbox.add(
      manager,
      events.map((event) => ({ id: event.id, topic: event.name, key: event.userId, payload: event })),
    );
  }

  override committed(): void {
    this.outbox.notify();
  }
}

describe.each(databases)('an outbox over @nestjs/outbox on $name', ({ open }) => {
  let database: OpenDatabase;
  let application: TestApplication;
  let observer: DataSource;
  let outbox: Outbox;

  beforeEach(async () => {
    database = await open();
    observer = await new DataSource(database.options).initialize();
    await observer.query(
      'CREATE TABLE nest_outbox (id varchar(64) PRIMARY KEY, topic varchar(64), message_key varchar(64), payload text)',
    );
    outbox = new Outbox();
    const providers = [
      { provide: Outbox, useValue: outbox },
      { provide: TotpOutbox, useClass: ApplicationOutbox },
    ];
    application = await startApplication({ database, options: { events: { outbox: true }, providers } });
  });
  afterEach(async () => {
    await application.close();
    await observer.destroy();
    await database.drop();
  });

  const messages = async () => {
    const rows: { id: string; topic: string; message_key: string; payload: string }[] =
      await observer.query('SELECT * FROM nest_outbox');
    return rows.map(({ id, topic, message_key: key, payload }) => ({ id, topic, key, payload: JSON.parse(payload) }));
  };

  it('adds a message for each event, under its id, name and user, and asks for a poll after the commit', async () => {
    await new Person(application).enrol();
    const expected = application.events.events.map((event) => ({
      id: event.id,
      topic: event.name,
      key: event.userId,
      payload: JSON.parse(JSON.stringify(event)),
    }));
    expect(expected.map(({ topic }) => topic)).toEqual(['totp.device.created', 'totp.device.verified']);
    expect((await messages()).toSorted((one, other) => one.topic.localeCompare(other.topic))).toEqual(expected);
    expect(outbox.notified).toHaveLength(2);
  });

  it('adds none when the change is not made', async () => {
    outbox.fails = true;
    const person = new Person(application);
    expect((await person.post('/device', {})).status).toBe(500);
    expect((await person.list()).body).toEqual({ status: 'OK', devices: [] });
    expect(await messages()).toEqual([]);
    expect(outbox.notified).toEqual([]);
  });
});
