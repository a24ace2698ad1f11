/** Events through `@nestjs/event-emitter`: who hears them, and that no listener changes an answer (contract §6). */
import { jest } from '@jest/globals';
import { Injectable, Logger, Module } from '@nestjs/common';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import {
  type AnyTotpEvent,
  OnTotpEvent,
  type TotpDeviceVerifiedEvent,
  TotpEvent,
  TotpModule,
  TotpUserLockedEvent,
} from 'nestjs-totp';
import { answered, invalidTotp, limitReached, Person } from '../support/client.js';
import { closeConsumers, emitter, inMemory, startConsumer } from './consumer.js';

afterEach(closeConsumers);

@Injectable()
class Mailer {
  readonly heard: AnyTotpEvent[] = [];

  @OnTotpEvent('totp.user.locked')
  onLocked(event: TotpUserLockedEvent): void {
    this.heard.push(event);
  }

  @OnTotpEvent('totp.device.verified')
  async onVerified(event: TotpDeviceVerifiedEvent): Promise<void> {
    await Promise.resolve();
    this.heard.push(event);
  }

  @OnTotpEvent('totp.code.accepted', { prependListener: true })
  onAccepted(event: AnyTotpEvent): void {
    this.heard.push(event);
  }
}

@Module({ providers: [Mailer] })
class MailerModule {}

describe('@OnTotpEvent', () => {
  it('calls handlers with the event that they named, and no other', async () => {
    const consumer = await startConsumer([emitter, TotpModule.forRoot(inMemory), MailerModule]);
    const { heard } = consumer.app.get(Mailer);
    const person = new Person(consumer);
    const phone = await person.enrol('phone');
    await person.signIn(phone.code(1));
    await person.spendBudget();
    expect(heard.map(({ name }) => name)).toEqual(['totp.device.verified', 'totp.code.accepted', 'totp.user.locked']);
    expect(heard.at(-1)).toBeInstanceOf(TotpUserLockedEvent);
    expect(heard.every((event) => event instanceof TotpEvent && event.userId === person.userId)).toBe(true);
  });

  it('refuses, by the compiler, a handler of another event and a name of none', async () => {
    const heard: unknown[] = [];

    @Injectable()
    class Mistaken {
      // @ts-expect-error the handler of a lock is not given a verified device
      @OnTotpEvent('totp.user.locked')
      onLocked(event: TotpDeviceVerifiedEvent): void {
        heard.push(event.name);
      }

      // @ts-expect-error there is no such event
      @OnTotpEvent('totp.user.vanished')
      onVanished(event: unknown): void {
        heard.push(event);
      }
    }

    /** Not part of the application, which has no outbox. */
    class DurablyMistaken {
      // @ts-expect-error nor when it comes from the outbox
      @OnTotpEvent('totp.user.locked', { durable: true })
      onLocked(event: TotpDeviceVerifiedEvent): void {
        heard.push(event.name);
      }
    }
    expect(DurablyMistaken).toBeDefined();

    @Module({ providers: [Mistaken] })
    class MistakenModule {}

    const consumer = await startConsumer([emitter, TotpModule.forRoot(inMemory), MistakenModule]);
    const person = new Person(consumer);
    await person.enrol('phone');
    await person.spendBudget();
    expect(heard).toEqual(['totp.user.locked']);
  });
});

it('tells everything to a wildcard listener where the application has wildcards', async () => {
  @Injectable()
  class Audit {
    readonly heard: string[] = [];

    @OnEvent('totp.**')
    onAny({ name }: AnyTotpEvent): void {
      this.heard.push(name);
    }
  }

  @Module({ providers: [Audit] })
  class AuditModule {}

  const wildcards = EventEmitterModule.forRoot({ wildcard: true });
  const consumer = await startConsumer([wildcards, TotpModule.forRoot(inMemory), AuditModule]);
  await new Person(consumer).enrol('phone');
  expect(consumer.app.get(Audit).heard).toEqual(['totp.device.created', 'totp.device.verified']);
});

/** Listeners as they should not be. */
const listeners: Record<string, () => unknown> = {
  throws: () => {
    throw new Error('The listener threw.');
  },
  'throws what is no error': () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- a listener may do anything
    throw 'The listener threw.';
  },
  rejects: () => Promise.reject(new Error('The listener rejected.')),
  'rejects later': async () => {
    await new Promise((resolve) => setImmediate(resolve));
    throw new Error('The listener rejected.');
  },
  'never ends': () => new Promise(() => undefined),
  'changes the event': (event?: object) => {
    if (event) Reflect.set(event, 'status', 'changed');
    return 'something';
  },
};

/** Jest fails a test during which a rejection stays unhandled: this gives it the time to see one. */
const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

let behave: (event?: object) => unknown = () => undefined;

@Injectable()
class Misbehaving {
  @OnTotpEvent('totp.code.rejected')
  @OnTotpEvent('totp.code.accepted')
  onEvent(event: AnyTotpEvent): unknown {
    return behave(event);
  }
}

@Module({ providers: [Misbehaving] })
class MisbehavingModule {}

describe.each(Object.keys(listeners))('a listener that %s changes no answer', (behaviour) => {
  beforeEach(() => {
    behave = listeners[behaviour] ?? behave;
  });

  it.each(['as a handler of @OnTotpEvent', 'as a raw listener'])('%s', async (kind) => {
    const consumer = await startConsumer([
      emitter,
      TotpModule.forRoot(inMemory),
      ...(kind === 'as a raw listener' ? [] : [MisbehavingModule]),
    ]);
    const events = consumer.app.get(EventEmitter2, { strict: false });
    const told: string[] = [];
    if (kind === 'as a raw listener') {
      for (const name of ['totp.code.rejected', 'totp.code.accepted'])
        events.on(name, (event: object) => behave(event));
    }
    events.on('totp.user.locked', ({ name }: AnyTotpEvent) => told.push(name));

    const person = new Person(consumer);
    const phone = await person.enrol('phone');
    expect(await person.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
    for (const failure of [1, 2, 3, 4, 5]) {
      expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(failure));
    }
    expect(await person.signIn(phone.code(1))).toEqual(limitReached(900_000));
    expect(told).toEqual(['totp.user.locked']);
    await settled();
  });
});

it('logs what a raw listener throws, with the name of the event', async () => {
  const consumer = await startConsumer([emitter, TotpModule.forRoot(inMemory)]);
  consumer.app.get(EventEmitter2, { strict: false }).on('totp.device.created', listeners.throws ?? (() => undefined));
  const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  await new Person(consumer).create('phone');
  await settled();
  expect(logged.mock.calls).toMatchObject([
    [expect.stringContaining('totp.device.created'), expect.stringContaining('The listener threw.')],
  ]);
  jest.restoreAllMocks();
});
