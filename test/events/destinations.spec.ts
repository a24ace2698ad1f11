/** Destinations as an application names them, and what becomes of them when it ends. */
import { Inject, Injectable, type Type } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import {
  type AnyTotpEvent,
  EmitterTotpEventDestination,
  OnTotpEvent,
  TotpConfigurationError,
  TotpEventDestination,
  TotpOutboxRelay,
  TotpService,
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

it('a destination may need the service whose events it takes', async () => {
  @Injectable()
  class Asking extends Quiet {
    readonly name = 'asking';

    constructor(@Inject(TotpService) readonly totp: TotpService) {
      super();
    }
  }
  const database = await databases[0].open();
  const application = await startApplication({
    database,
    options: { events: { outbox: true }, eventDestinations: [Asking] },
  });
  expect(application.app.get(Asking).totp).toBe(application.totp);
  await new Person(application).enrol();
  const relay = application.app.get(TotpOutboxRelay);
  await relay.wake();
  expect(await relay.backlog()).toMatchObject([{ destination: 'asking', waiting: 0, parked: 0 }]);
  await application.close();
  await database.drop();
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

describe('the emitter as a destination', () => {
  const event = toEvent(
    { name: 'totp.user.unlocked', reason: 'manual' },
    { occurredAt: 0, userId: 'a', tenantId: 't' },
  );

  @Injectable()
  class Listener {
    heard = 0;

    @OnTotpEvent('totp.user.unlocked', { durable: true })
    hear(): void {
      this.heard++;
    }
  }

  @Injectable()
  class Deferred {
    readonly gate = new Gate();

    @OnTotpEvent('totp.user.unlocked', { durable: true, async: true, nextTick: true })
    async hear(): Promise<void> {
      await this.gate.pass();
      throw new Error('the mail server is down');
    }
  }

  async function compiled(listener: Type<object>) {
    const module = await Test.createTestingModule({
      imports: [EventEmitterModule.forRoot()],
      providers: [EmitterTotpEventDestination, listener],
    }).compile();
    module.useLogger(false);
    return module;
  }

  it('tells nobody of what was left behind before the listeners of a starting application are there', async () => {
    const module = await compiled(Listener);
    const delivered = module.get(EmitterTotpEventDestination).deliver(event);
    await new Promise(setImmediate);
    await module.init();
    await delivered;
    expect(module.get(Listener).heard).toBe(1);
    await module.close();
  });

  it('waits for a listener that was to be called later, and has its error', async () => {
    const module = await compiled(Deferred);
    await module.init();
    const delivered = module.get(EmitterTotpEventDestination).deliver(event);
    const { gate } = module.get(Deferred);
    await gate.reached;
    gate.open();
    await expect(delivered).rejects.toThrow('the mail server is down');
    await module.close();
  });

  it('says what is missing', async () => {
    await expect(new EmitterTotpEventDestination(undefined).deliver(event)).rejects.toThrow(
      /Add EventEmitterModule\.forRoot/,
    );
  });
});
