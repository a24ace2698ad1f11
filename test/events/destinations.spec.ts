/** Destinations as an application names them, and what becomes of them when it ends. */
import { jest } from '@jest/globals';
import { Inject, Injectable, Module, Scope, type Type } from '@nestjs/common';
import { DiscoveryModule, REQUEST } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  type AnyTotpEvent,
  HandlerTotpEventDestination,
  OnTotpEvent,
  TOTP_ENTITIES,
  TOTP_MIGRATIONS,
  TotpConfigurationError,
  TotpEventDestination,
  TotpModule,
  TotpOutboxRelay,
  TotpUndeliverableEventError,
  TotpService,
} from 'nestjs-totp';
import { DataSource } from 'typeorm';
import { toEvent } from '../../src/events/catalogue.js';
import { DurableHandlers } from '../../src/outbox/durable-handlers.js';
import { closeConsumers, startConsumer } from '../module/consumer.js';
import { HeaderSignIn, startApplication } from '../support/application.js';
import { Person } from '../support/client.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { Gate } from './outbox-harness.js';

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
    expect(await observer.query('SELECT partition_key FROM totp_outbox_leases')).toEqual([]);
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
  await relay.runOnce();
  expect(await relay.backlog()).toMatchObject([{ destination: 'asking', waiting: 0, deadLettered: 0 }]);
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

describe('durable handlers', () => {
  const event = toEvent(
    { name: 'totp.user.unlocked', reason: 'manual' },
    { occurredAt: 0, userId: 'a', tenantId: 't' },
  );

  @Injectable()
  class Handler {
    heard = 0;

    @OnTotpEvent('totp.user.unlocked', { durable: true })
    hear(): void {
      this.heard++;
    }

    @OnTotpEvent('totp.user.locked', { durable: true })
    hearAnother(): void {
      this.heard += 100;
    }
  }

  async function compiled(...providers: Type<object>[]) {
    const module = await Test.createTestingModule({
      imports: [DiscoveryModule, EventEmitterModule.forRoot()],
      providers: [HandlerTotpEventDestination, DurableHandlers, ...providers],
    }).compile();
    module.useLogger(false);
    return module;
  }

  it('are called with events that were left behind once the starting application is ready', async () => {
    const module = await compiled(Handler);
    const delivered = module.get(HandlerTotpEventDestination).deliver(event);
    await new Promise(setImmediate);
    expect(module.get(Handler).heard).toBe(0);
    await module.init();
    await delivered;
    expect(module.get(Handler).heard).toBe(1);
    await module.close();
  });

  it('that throw fail the delivery with all their errors, so that one that cannot take the event does not stop the others', async () => {
    @Injectable()
    class Strict {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      hear(): Promise<void> {
        return Promise.reject(new TotpUndeliverableEventError('the schema has no such event'));
      }
    }

    @Injectable()
    class Other {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      hear(): Promise<void> {
        return Promise.reject(new Error('the mail server is down'));
      }
    }

    const module = await compiled(Strict, Other);
    await module.init();
    await expect(module.get(HandlerTotpEventDestination).deliver(event)).rejects.toEqual(
      expect.objectContaining({
        errors: [new TotpUndeliverableEventError('the schema has no such event'), new Error('the mail server is down')],
      }),
    );
    await module.close();
  });

  it('are all waited for when one of them throws, and its error fails the delivery', async () => {
    const gate = new Gate();

    @Injectable()
    class Failing {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      hear(): Promise<void> {
        return Promise.reject(new Error('the mail server is down'));
      }
    }

    @Injectable()
    class Slow {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      hear(): Promise<void> {
        return gate.pass();
      }
    }

    const module = await compiled(Failing, Slow);
    await module.init();
    let isOver = false;
    const delivered = module
      .get(HandlerTotpEventDestination)
      .deliver(event)
      .finally(() => (isOver = true));
    await gate.reached;
    await new Promise(setImmediate);
    expect(isOver).toBe(false);
    gate.open();
    await expect(delivered).rejects.toThrow('the mail server is down');
    await module.close();
  });

  it('that have succeeded are not called again when another one has failed, in any process', async () => {
    let isDown = true;
    const heard: string[] = [];

    @Injectable()
    class Audit {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      write(): void {
        heard.push('audit');
      }
    }

    @Injectable()
    class Mailer {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      send(): void {
        heard.push('mail');
        if (isDown) throw new Error('the mail server is down');
      }
    }

    const completed = new Set<string>();
    const deliver = async () => {
      const module = await compiled(Audit, Mailer);
      await module.init();
      return module
        .get(HandlerTotpEventDestination)
        .deliver(event, undefined, completed)
        .finally(() => module.close());
    };
    await expect(deliver()).rejects.toThrow('the mail server is down');
    expect([...completed]).toEqual(['Audit.write']);
    isDown = false;
    await deliver();
    expect(heard).toEqual(['audit', 'mail', 'mail']);
  });

  it('of classes of one name are all called again, as their labels do not tell them apart', async () => {
    let calls = 0;
    const mailerThat = (outcome: () => Promise<void>) => {
      @Injectable()
      class Mailer {
        @OnTotpEvent('totp.user.unlocked', { durable: true })
        send(): Promise<void> {
          calls++;
          return outcome();
        }
      }
      return Mailer;
    };
    let isDown = true;
    const module = await compiled(
      mailerThat(() => Promise.resolve()),
      mailerThat(() => (isDown ? Promise.reject(new Error('down')) : Promise.resolve())),
    );
    await module.init();
    const handlers = module.get(HandlerTotpEventDestination);
    const completed = new Set<string>();
    await expect(handlers.deliver(event, undefined, completed)).rejects.toThrow('down');
    expect([...completed]).toEqual([]);
    isDown = false;
    await handlers.deliver(event, undefined, completed);
    expect([...completed]).toEqual([]);
    expect(calls).toBe(4);
    // A process with one such class has stored the label.
    await handlers.deliver(event, undefined, new Set(['Mailer.send']));
    expect(calls).toBe(6);
    await module.close();
  });

  describe('that take longer than the time-out', () => {
    const heard: string[] = [];
    let slow: Gate;
    let slower: Gate;

    @Injectable()
    class Slow {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      async hear(): Promise<void> {
        heard.push('slow');
        await slow.pass();
      }
    }

    @Injectable()
    class Slower {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      async hear(): Promise<void> {
        heard.push('slower');
        await slower.pass();
      }
    }

    beforeEach(() => {
      heard.length = 0;
      [slow, slower] = [new Gate(), new Gate()];
    });

    it('are known at once to each attempt that waits for them, when they have succeeded', async () => {
      const module = await compiled(Slow, Slower);
      await module.init();
      const handlers = module.get(HandlerTotpEventDestination);
      const [first, second] = [new Set<string>(), new Set<string>()];
      const attempts = [handlers.deliver(event, undefined, first), handlers.deliver(event, undefined, second)];
      await Promise.all([slow.reached, slower.reached]);
      slow.open();
      await new Promise(setImmediate);
      expect([[...first], [...second]]).toEqual([['Slow.hear'], ['Slow.hear']]);
      slower.open();
      await Promise.all(attempts);
      await module.close();
    });

    it('are not called again when they have succeeded between two attempts', async () => {
      const module = await compiled(Slow, Slower);
      await module.init();
      const handlers = module.get(HandlerTotpEventDestination);
      const timeout = new AbortController();
      const first = handlers.deliver(event, timeout.signal, new Set());
      await Promise.all([slow.reached, slower.reached]);
      timeout.abort();
      slow.open();
      slower.open();
      await first;
      const completed = new Set<string>();
      await handlers.deliver(event, new AbortController().signal, completed);
      expect(heard).toEqual(['slow', 'slower']);
      expect([...completed].toSorted()).toEqual(['Slow.hear', 'Slower.hear']);
      // It is remembered for one attempt only.
      await handlers.deliver(event, new AbortController().signal, new Set());
      expect(heard).toHaveLength(4);
      await module.close();
    });
  });

  it('that succeed after the time-out are not called again by the attempt that waited for them', async () => {
    const gate = new Gate();
    const heard: string[] = [];

    @Injectable()
    class Slow {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      async hear(): Promise<void> {
        await gate.pass();
        heard.push('slow');
      }
    }

    @Injectable()
    class Failing {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      hear(): void {
        heard.push('failing');
        throw new Error('down');
      }
    }

    const module = await compiled(Slow, Failing);
    await module.init();
    const handlers = module.get(HandlerTotpEventDestination);
    const [first, second] = [new Set<string>(), new Set<string>()];
    const attempts = [handlers.deliver(event, undefined, first), handlers.deliver(event, undefined, second)];
    await gate.reached;
    expect([...first]).toEqual([]);
    gate.open();
    for (const { status } of await Promise.allSettled(attempts)) expect(status).toBe('rejected');
    expect([...second]).toEqual(['Slow.hear']);
    await expect(handlers.deliver(event, undefined, second)).rejects.toThrow('down');
    expect(heard).toEqual(['failing', 'slow', 'failing']);
    await module.close();
  });

  it('that are still running at the next attempt are not called a second time, and are called again after they failed', async () => {
    let calls = 0;
    let gate = new Gate();

    @Injectable()
    class Slow {
      @OnTotpEvent('totp.user.unlocked', { durable: true })
      async hear(): Promise<void> {
        calls++;
        await gate.pass();
        if (calls === 1) throw new Error('the mail server is down');
      }
    }

    const module = await compiled(Slow);
    await module.init();
    const handlers = module.get(HandlerTotpEventDestination);
    const first = handlers.deliver(event);
    await gate.reached;
    const second = handlers.deliver(event);
    gate.open();
    await expect(first).rejects.toThrow('the mail server is down');
    await expect(second).rejects.toThrow('the mail server is down');
    expect(calls).toBe(1);
    gate = new Gate();
    gate.open();
    await handlers.deliver(event);
    expect(calls).toBe(2);
    await module.close();
  });

  it('of request scope and of transient scope are created for each event', async () => {
    const made: { scope: string; event: unknown }[] = [];

    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      constructor(@Inject(REQUEST) private readonly request: unknown) {}

      @OnTotpEvent('totp.user.unlocked', { durable: true })
      hear(): void {
        made.push({ scope: 'request', event: this.request });
      }
    }

    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      private readonly scope = 'transient';

      @OnTotpEvent('totp.user.unlocked', { durable: true })
      hear(heard: unknown): void {
        made.push({ scope: this.scope, event: heard });
      }
    }

    const module = await compiled(PerRequest, Transient);
    await module.init();
    await module.get(HandlerTotpEventDestination).deliver(event);
    expect(made).toHaveLength(2);
    expect(made).toEqual(expect.arrayContaining(['request', 'transient'].map((scope) => ({ scope, event }))));
    await module.close();
  });

  it.each<[string, NonNullable<Parameters<typeof EventEmitterModule.forRoot>[0]>]>([
    ['wildcards', { wildcard: true }],
    ['wildcards and another delimiter', { wildcard: true, delimiter: ':' }],
    ['few listeners and ignored errors', { wildcard: true, maxListeners: 1, ignoreErrors: true }],
    ['no wildcards', {}],
  ])('are not on an emitter with %s, whose listeners receive each event once', async (_, settings) => {
    @Injectable()
    class Listeners {
      readonly heard: string[] = [];

      @OnEvent('**')
      @OnEvent('outbox.**')
      @OnEvent('*.totp.**')
      any(heard: AnyTotpEvent): void {
        this.heard.push(`pattern ${heard.name}`);
      }

      @OnTotpEvent('totp.device.verified')
      atOnce(heard: AnyTotpEvent): void {
        this.heard.push(`at once ${heard.name}`);
      }

      @OnTotpEvent('totp.device.created', { durable: true })
      @OnTotpEvent('totp.device.verified', { durable: true })
      durably(heard: AnyTotpEvent): void {
        this.heard.push(`durably ${heard.name}`);
      }
    }

    @Module({ providers: [Listeners] })
    class ListenersModule {}

    const database = await databases[0].open();
    const warned = jest.spyOn(process, 'emitWarning');
    const application = await startConsumer([
      TypeOrmModule.forRoot({
        ...database.options,
        entities: TOTP_ENTITIES,
        migrations: TOTP_MIGRATIONS,
        migrationsRun: true,
      }),
      EventEmitterModule.forRoot(settings),
      TotpModule.forRoot({ issuer: 'Acme', secrets: 'plain-text', guards: [HeaderSignIn], events: { outbox: true } }),
      ListenersModule,
    ]);
    const any: string[] = [];
    application.app.get(EventEmitter2).onAny((name) => any.push(String(name)));
    await new Person(application).enrol();
    await application.app.get(TotpOutboxRelay).runOnce();
    const { heard } = application.app.get(Listeners);
    const patterns = settings.wildcard === true ? ['pattern totp.device.created', 'pattern totp.device.verified'] : [];
    expect(heard.toSorted()).toEqual([
      'at once totp.device.verified',
      'durably totp.device.created',
      'durably totp.device.verified',
      ...patterns,
    ]);
    expect(any).toEqual(['totp.device.created', 'totp.device.verified']);
    expect(warned).not.toHaveBeenCalled();
    await closeConsumers();
    await database.drop();
    jest.restoreAllMocks();
  });
});
