/** Destinations as an application names them, and what becomes of them when it ends. */
import type { Type } from '@nestjs/common';
import {
  type AnyTotpEvent,
  EmitterTotpEventDestination,
  TotpConfigurationError,
  TotpEventDestination,
} from 'nestjs-totp';
import { DataSource } from 'typeorm';
import { toEvent } from '../../src/events/catalogue.js';
import { startApplication } from '../support/application.js';
import { Person } from '../support/client.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { Gate } from './postal-service.js';

abstract class Quiet extends TotpEventDestination {
  override deliver(): Promise<void> {
    return Promise.resolve();
  }
}

class Mail extends Quiet {
  readonly name = 'mail';
}

class OtherMail extends Quiet {
  readonly name = 'mail';
}

class Shouting extends Quiet {
  readonly name = 'MAIL';
}

class TooLong extends Quiet {
  readonly name = 'x'.repeat(33);
}

class Slow extends TotpEventDestination {
  readonly name = 'slow';
  static gate = new Gate();
  static readonly taken: AnyTotpEvent[] = [];

  override async deliver(event: AnyTotpEvent): Promise<void> {
    await Slow.gate.pass();
    Slow.taken.push(event);
  }
}

describe.each(databases)('on $name', ({ open }) => {
  let database: OpenDatabase;
  beforeEach(async () => {
    database = await open();
  });
  afterEach(() => database.drop());

  it('an application that is closed finishes the deliveries that are under way, before its connections end', async () => {
    const application = await startApplication({
      database,
      options: { events: { outbox: true }, eventDestinations: [Slow] },
    });
    Slow.gate = new Gate();
    Slow.taken.length = 0;
    await new Person(application).enrol();
    await Slow.gate.reached;
    let isClosed = false;
    const closed = application.close().then(() => (isClosed = true));
    await new Promise(setImmediate);
    expect(isClosed).toBe(false);
    Slow.gate.open();
    await closed;
    expect(Slow.taken.map(({ name }) => name)).toEqual(['totp.device.created']);

    const observer = await new DataSource(database.options).initialize();
    const rows: { event: string }[] = await observer.query('SELECT event FROM totp_outbox');
    expect(rows.map(({ event }) => (JSON.parse(event) as AnyTotpEvent).name)).toEqual(['totp.device.verified']);
    expect(await observer.query('SELECT lane FROM totp_outbox_claims')).toEqual([]);
    await observer.destroy();
  });
});

describe('the names of destinations', () => {
  const wrong: [string, Type<TotpEventDestination>[], RegExp][] = [
    ['two of one name', [Mail, OtherMail], /is named "mail". Give each a name of its own/],
    ['a name in capitals', [Shouting], /is named "MAIL"/],
    ['a name that is too long', [TooLong], /is named "x{33}"/],
    ['none', [], /eventDestinations is empty/],
  ];

  it.each(wrong)('are refused at start-up: %s', async (_, eventDestinations, says) => {
    const database = await databases[0].open();
    const start = startApplication({ database, options: { events: { outbox: true }, eventDestinations } });
    await expect(start).rejects.toThrow(says);
    await expect(start).rejects.toThrow(TotpConfigurationError);
    await database.drop();
  });
});

it('the emitter as a destination says what is missing', async () => {
  const event = toEvent(
    { name: 'totp.user.unlocked', reason: 'manual' },
    { occurredAt: 0, userId: 'a', tenantId: 't' },
  );
  await expect(new EmitterTotpEventDestination(undefined).deliver(event)).rejects.toThrow(
    /Add EventEmitterModule\.forRoot/,
  );
});
