/** Every collaborator can be replaced: in `forRoot({ providers })`, and in a consumer's tests by `overrideProvider`. */
import { jest } from '@jest/globals';
import { type ExecutionContext, Inject, Injectable, Module, type Provider } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  type Account,
  type AccountChange,
  type LoadedAccount,
  TotpAccountStore,
  TotpClock,
  TotpEventPublisher,
  TotpGuard,
  TotpModule,
  TotpSecretCipher,
  TotpService,
  TotpSession,
  TotpSessionAdapter,
  TotpUserDirectory,
} from 'nestjs-totp';
import { InMemoryTotpAccountStore, TestTotpClock, totpCode, TotpEventRecorder } from 'nestjs-totp/testing';
import { answered, Person, send } from '../support/client.js';
import { closeConsumers, emitter, inMemory, startConsumer } from './consumer.js';

class FixedClock extends TotpClock {
  override now(): number {
    return 1_800_000_000_000;
  }
}

class HeaderSession extends TotpSession {
  readonly handle: string;

  constructor(
    readonly userId: string,
    private readonly completions: Map<string, number>,
  ) {
    super();
    this.handle = `of ${userId}`;
  }

  override completedAt(): Promise<number | undefined> {
    return Promise.resolve(this.completions.get(this.handle));
  }

  override complete(at: number): Promise<void> {
    this.completions.set(this.handle, at);
    return Promise.resolve();
  }
}

/** Sessions of an application that knows its users by a header alone. */
class HeaderSessions extends TotpSessionAdapter {
  private readonly completions = new Map<string, number>();

  override resolve(context: ExecutionContext): Promise<TotpSession | undefined> {
    const { headers } = this.getRequest(context) as { headers: Record<string, string | undefined> };
    const userId = headers['x-own-user'];
    return Promise.resolve(userId === undefined ? undefined : new HeaderSession(userId, this.completions));
  }
}

class Directory extends TotpUserDirectory {
  override getUserIdentifierInfo({ userId }: { userId: string }) {
    return Promise.resolve({ status: 'OK' as const, info: `${userId}@example.com` });
  }
}

class ReversingCipher extends TotpSecretCipher {
  override seal(secret: Uint8Array): Promise<string> {
    return Promise.resolve(`reversed:${Buffer.from(secret).reverse().toString('hex')}`);
  }

  override open(sealed: string): Promise<Uint8Array> {
    return Promise.resolve(Buffer.from(sealed.slice(9), 'hex').reverse());
  }
}

class NotingStore extends InMemoryTotpAccountStore {
  readonly written: Account[] = [];

  override commit(userId: string, revision: string | null, account: Account | 'erased'): Promise<boolean> {
    if (account !== 'erased') this.written.push(account);
    return super.commit(userId, revision, account);
  }
}

/** Both ways of putting a class into the module's place. */
const ways = ['forRoot({ providers })', 'overrideProvider()'] as const;

describe.each(ways)('by %s', (way) => {
  afterEach(closeConsumers);

  const start = (...own: { provide: abstract new () => object; useClass: new () => object }[]) =>
    way === 'overrideProvider()'
      ? startConsumer([emitter, TotpModule.forRoot(inMemory)], {
          customise: (builder) =>
            own.reduce((sofar, { provide, useClass }) => sofar.overrideProvider(provide).useClass(useClass), builder),
        })
      : startConsumer([emitter, TotpModule.forRoot({ ...inMemory, providers: [...inMemory.providers, ...own] })]);

  it('an application has a TotpUserDirectory of its own', async () => {
    const consumer = await start({ provide: TotpUserDirectory, useClass: Directory });
    const { keyUri } = await new Person(consumer, { userId: 'ann' }).create();
    expect(decodeURIComponent(new URL(keyUri).pathname)).toBe('/Acme:ann@example.com');
  });

  it('an application has a TotpSecretCipher of its own', async () => {
    const consumer = await start(
      { provide: TotpSecretCipher, useClass: ReversingCipher },
      { provide: TotpAccountStore, useClass: NotingStore },
    );
    const person = new Person(consumer);
    const phone = await person.enrol('phone');
    expect(await person.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
    const sealed = consumer.app.get<NotingStore>(TotpAccountStore).written.at(-1)?.devices[0]?.sealedSecret;
    expect(sealed).toMatch(/^reversed:[0-9a-f]{40}$/);
  });

  it('an application has a TotpSessionAdapter of its own', async () => {
    const consumer = await start({ provide: TotpSessionAdapter, useClass: HeaderSessions });
    const list = (headers: Record<string, string>) => send(`${consumer.url}/totp/device/list`, { headers });
    expect((await list({ 'x-user': 'ann' })).status).toBe(401);
    expect((await list({ 'x-own-user': 'ann' })).status).toBe(200);
  });

  it('an application has a TotpEventPublisher of its own', async () => {
    const consumer = await start({ provide: TotpEventPublisher, useClass: TotpEventRecorder });
    await new Person(consumer, { userId: 'ann' }).create('phone');
    expect(consumer.app.get<TotpEventRecorder>(TotpEventPublisher).events).toMatchObject([
      { name: 'totp.device.created', userId: 'ann' },
    ]);
  });

  it('an application has a TotpAccountStore of its own', async () => {
    const consumer = await start({ provide: TotpAccountStore, useClass: NotingStore });
    await new Person(consumer).create('phone');
    expect(consumer.app.get<NotingStore>(TotpAccountStore).written).toMatchObject([{ devices: [{ name: 'phone' }] }]);
  });
});

describe('TotpClock', () => {
  const events = new TotpEventRecorder();
  const publisher: Provider = { provide: TotpEventPublisher, useValue: events };
  const occurredAt = async (...providers: Provider[]) => {
    const imports = [TotpModule.forRoot({ ...inMemory, providers: [...inMemory.providers, publisher, ...providers] })];
    const module = await Test.createTestingModule({ imports }).compile();
    await module.get(TotpService).createDevice({ userId: 'ann', onBehalfOf: 'application' });
    return events.events.at(-1)?.occurredAt;
  };

  it('is the clock of the machine', async () => {
    const before = Date.now();
    expect(await occurredAt()).toBeGreaterThanOrEqual(before);
    expect(await occurredAt()).toBeLessThanOrEqual(Date.now());
  });

  it('is replaced in forRoot({ providers })', async () => {
    expect(await occurredAt({ provide: TotpClock, useClass: FixedClock })).toBe(1_800_000_000_000);
    expect(await occurredAt({ provide: TotpClock, useValue: new TestTotpClock(5_000) })).toBe(5_000);
    expect(await occurredAt({ provide: TotpClock, useFactory: () => new FixedClock() })).toBe(1_800_000_000_000);
  });

  it('C3: is read once per check, however many devices and steps are compared', async () => {
    const clock = new TestTotpClock();
    const { totp } = await startConsumer([emitter, TotpModule.forRoot(inMemory)], {
      customise: (builder) => builder.overrideProvider(TotpClock).useValue(clock),
    });
    const user = { userId: 'ann' };
    const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
    for (const deviceName of ['a', 'b', 'c']) await totp.importDevice({ ...user, secretKey, deviceName });
    await totp.createDevice({ ...user, deviceName: 'd', onBehalfOf: 'application' });
    const reads = jest.spyOn(clock, 'now');
    await totp.verifyTOTP({ ...user, totp: '000000' });
    expect(reads).toHaveBeenCalledTimes(1);
    await totp.verifyDevice({ ...user, deviceName: 'd', totp: '000000', onBehalfOf: 'application' });
    expect(reads).toHaveBeenCalledTimes(2);
    await closeConsumers();
  });

  it('is set by a test: codes follow it', async () => {
    const clock = new TestTotpClock(1_800_000_000_000);
    const module = await Test.createTestingModule({ imports: [emitter, TotpModule.forRoot(inMemory)] })
      .overrideProvider(TotpClock)
      .useValue(clock)
      .compile();
    const totp = module.get(TotpService);
    const made = await totp.createDevice({ userId: 'ann', deviceName: 'phone', onBehalfOf: 'application' });
    const uri = made.status === 'OK' ? made.qrCodeString : '';
    const enter = (code: string) =>
      totp.verifyDevice({ userId: 'ann', deviceName: 'phone', totp: code, onBehalfOf: 'application' });
    const code = totpCode(uri, clock.now());
    clock.advance(90);
    expect(await enter(code)).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
    clock.advance(-90);
    expect(await enter(code)).toMatchObject({ status: 'OK' });
    clock.set(1_900_000_000_000);
    expect(await totp.verifyTOTP({ userId: 'ann', totp: totpCode(uri, clock.now()) })).toEqual({ status: 'OK' });
  });
});

describe('a collaborator', () => {
  afterEach(closeConsumers);

  @Injectable()
  class Users {
    readonly mails = new Map([['ann', 'ann@users.example']]);
  }

  @Module({ providers: [Users], exports: [Users] })
  class UsersModule {}

  @Injectable()
  class UsersDirectory extends TotpUserDirectory {
    constructor(@Inject(Users) private readonly users: Users) {
      super();
    }

    override getUserIdentifierInfo({ userId }: { userId: string }) {
      const info = this.users.mails.get(userId);
      return Promise.resolve(
        info === undefined ? { status: 'UNKNOWN_USER_ID_ERROR' as const } : { status: 'OK' as const, info },
      );
    }
  }

  it('may need providers of the modules that are imported', async () => {
    const providers: Provider[] = [...inMemory.providers, { provide: TotpUserDirectory, useClass: UsersDirectory }];
    const { totp } = await startConsumer([
      emitter,
      TotpModule.forRoot({ ...inMemory, providers, imports: [UsersModule] }),
    ]);
    expect(await totp.createDevice({ userId: 'ann', onBehalfOf: 'application' })).toMatchObject({
      qrCodeString: expect.stringContaining('users.example'),
    });
    expect(await totp.createDevice({ userId: 'bob', onBehalfOf: 'application' })).toEqual({
      status: 'UNKNOWN_USER_ID_ERROR',
    });
  });

  it('is there for the whole application', async () => {
    const { app } = await startConsumer([emitter, TotpModule.forRoot(inMemory)]);
    for (const token of [
      TotpService,
      TotpGuard,
      TotpClock,
      TotpSessionAdapter,
      TotpUserDirectory,
      TotpAccountStore,
      TotpSecretCipher,
      TotpEventPublisher,
    ]) {
      expect(app.get<object>(token)).toBeInstanceOf(token);
    }
  });

  it('that publishes events may throw, reject or never end: no answer changes', async () => {
    const failures: (() => void | Promise<void>)[] = [
      () => {
        throw new Error('The broker is away.');
      },
      () => Promise.reject(new Error('The broker is away.')),
      () => new Promise<void>(() => undefined),
    ];
    class FailingPublisher extends TotpEventPublisher {
      override publish(): void | Promise<void> {
        return failures[0]?.();
      }
    }
    const providers: Provider[] = [...inMemory.providers, { provide: TotpEventPublisher, useClass: FailingPublisher }];
    const consumer = await startConsumer([TotpModule.forRoot({ ...inMemory, providers })]);
    while (failures.length > 0) {
      const person = new Person(consumer);
      const phone = await person.enrol('phone');
      expect(await person.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
      failures.shift();
    }
  });

  it('that keeps accounts may be written from nothing', async () => {
    class MapStore extends TotpAccountStore {
      private readonly accounts = new Map<string, LoadedAccount>();

      override load(userId: string) {
        return Promise.resolve(this.accounts.get(userId) ?? null);
      }

      override loadMany() {
        return Promise.resolve(new Map<string, Account>());
      }

      override commit(userId: string, revision: string | null, account: Account | 'erased') {
        const isUnchanged = (this.accounts.get(userId)?.revision ?? null) === revision;
        if (isUnchanged && account === 'erased') this.accounts.delete(userId);
        else if (isUnchanged && account !== 'erased')
          this.accounts.set(userId, { account, revision: `${String(revision)}+` });
        return Promise.resolve(isUnchanged);
      }

      override async commitAll(changes: readonly AccountChange[]) {
        const written = [];
        for (const { userId, revision, account } of changes) written.push(await this.commit(userId, revision, account));
        return written.every(Boolean);
      }

      override nextKeySet() {
        return Promise.resolve(undefined);
      }

      override countAccounts() {
        return Promise.resolve(0);
      }

      override listAccounts() {
        return Promise.resolve([]);
      }

      override now() {
        return Promise.resolve(undefined);
      }
    }
    const providers: Provider[] = [{ provide: TotpAccountStore, useClass: MapStore }];
    const consumer = await startConsumer([emitter, TotpModule.forRoot({ ...inMemory, providers })]);
    const person = new Person(consumer);
    await person.enrol('phone');
    await person.spendBudget();
    expect((await person.signIn(person.wrongCode())).body).toMatchObject({ status: 'LIMIT_REACHED_ERROR' });
  });
});
