/** Mistakes of set-up that only show once all providers are there: each is named at start-up, with what to write. */
import { Controller, Inject, Injectable, Module, type Provider, Scope } from '@nestjs/common';
import { ContextIdFactory, REQUEST } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  AnonymousUserDirectory,
  HandlerTotpEventDestination,
  NoTotpMetrics,
  OnTotpEvent,
  RequestSessionAdapter,
  TOTP_ENTITIES,
  TOTP_MIGRATIONS,
  TotpAccountStore,
  TotpClock,
  TotpConfigurationError,
  TotpEventDestination,
  TotpEventPublisher,
  TotpMetrics,
  TotpModule,
  type TotpModuleExtras,
  type TotpModuleOptions,
  TotpOutbox,
  TotpService,
  TotpSessionAdapter,
  TotpClaimSessionAdapter,
  TotpCompletionHook,
  TotpUserDirectory,
} from 'nestjs-totp';
import { InMemoryTotpAccountStore, TestTotpClock } from 'nestjs-totp/testing';
import { adapterOf, platforms } from '../support/application.js';
import { Person } from '../support/client.js';
import { closeConsumers, emitter, inMemory, startConsumer } from './consumer.js';

type Imports = NonNullable<Parameters<typeof Test.createTestingModule>[0]['imports']>;
type Options = Partial<TotpModuleOptions & TotpModuleExtras>;

afterEach(closeConsumers);

const withProviders = (...providers: Provider[]): Options => ({ providers: [...inMemory.providers, ...providers] });

/** Starts an application, over HTTP or without, and returns its warnings. */
async function start(imports: Imports, kind: 'HTTP' | 'no HTTP' = 'HTTP'): Promise<string[]> {
  const warnings: string[] = [];
  const logger = { log: ignore, error: ignore, warn: (message: string) => void warnings.push(message) };
  const module = await Test.createTestingModule({ imports }).setLogger(logger).compile();
  const app = kind === 'HTTP' ? module.createNestApplication(adapterOf('Express')) : module;
  try {
    await app.init();
  } finally {
    await app.close();
  }
  return warnings;
}

const ignore = (): void => undefined;
const startWith = (options: Options, kind: 'HTTP' | 'no HTTP' = 'HTTP') =>
  start([emitter, TotpModule.forRoot({ ...inMemory, ...options })], kind);

async function expectRefusal(starting: Promise<unknown>, message: string | RegExp): Promise<void> {
  const error: unknown = await starting.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TotpConfigurationError);
  expect(error).toMatchObject({
    message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
  });
}

describe('a durable handler that no event would reach', () => {
  @Injectable()
  class Alerts {
    @OnTotpEvent('totp.user.locked', { durable: true })
    tellTheOwner(): void {
      // Never called here.
    }
  }

  @Injectable({ scope: Scope.REQUEST })
  class ScopedAlerts extends Alerts {
    constructor(@Inject(REQUEST) readonly request: unknown) {
      super();
    }
  }

  @Controller('alerts')
  class AlertsController {
    @OnTotpEvent('totp.user.locked')
    @OnTotpEvent('totp.user.unlocked', { durable: true })
    tellTheOwner(): void {
      // Never called here.
    }
  }

  class Letters extends TotpEventDestination {
    readonly name: string = 'letters';

    override deliver(): Promise<void> {
      return Promise.resolve();
    }
  }

  /** Delivers to handlers by the module's destination, under its name. */
  class Wrapped extends Letters {
    override readonly name = 'handlers';
  }

  class OwnOutbox extends TotpOutbox {
    override add(): Promise<void> {
      return Promise.resolve();
    }
  }

  const modules = {
    'Alerts.tellTheOwner': { providers: [Alerts] },
    'ScopedAlerts.tellTheOwner': { providers: [ScopedAlerts] },
    'AlertsController.tellTheOwner': { controllers: [AlertsController] },
  };

  it.each(Object.entries(modules))(
    'is refused by its class and method while the outbox is off: %s',
    async (name, module) => {
      @Module(module)
      class AlertsModule {}
      for (const kind of ['HTTP', 'no HTTP'] as const) {
        await expectRefusal(
          start([emitter, TotpModule.forRoot(inMemory), AlertsModule], kind),
          `TotpModule: ${name} handles durable events, but the outbox is off, so it would never run. Write events: { outbox: true }`,
        );
      }
    },
  );

  @Module({ providers: [Alerts] })
  class AlertsModule {}

  const database = () =>
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: ':memory:',
      entities: TOTP_ENTITIES,
      migrations: TOTP_MIGRATIONS,
      migrationsRun: true,
    });
  const startOver = (options: Options) =>
    start([
      database(),
      emitter,
      TotpModule.forRoot({ issuer: 'Acme', secrets: 'plain-text', events: { outbox: true }, ...options }),
      AlertsModule,
    ]);

  it('is refused when the outbox delivers elsewhere only', async () => {
    await expectRefusal(
      startOver({ eventDestinations: [Letters] }),
      'Alerts.tellTheOwner handles durable events, but eventDestinations does not include HandlerTotpEventDestination, so it would ' +
        'never run. Write eventDestinations: [HandlerTotpEventDestination, …]',
    );
  });

  it('is refused with an outbox of the application, which delivers by itself', async () => {
    await expectRefusal(
      startOver({ providers: [{ provide: TotpOutbox, useClass: OwnOutbox }] }),
      'Alerts.tellTheOwner handles durable events, but the application provides its own TotpOutbox',
    );
  });

  it('is accepted with the outbox and the destination of handlers, or one that wraps it', async () => {
    for (const options of [
      {},
      { eventDestinations: [Letters, HandlerTotpEventDestination] },
      { eventDestinations: [Wrapped] },
    ]) {
      await expect(startOver(options)).resolves.toBeInstanceOf(Array);
    }
  });
});

describe('a request-scoped user directory', () => {
  type Question = Parameters<TotpUserDirectory['getUserIdentifierInfo']>[0];

  @Injectable({ scope: Scope.REQUEST })
  class Tenant {
    readonly name: string;

    constructor(@Inject(REQUEST) request: { headers?: Record<string, string>; tenant?: string } | undefined) {
      this.name = request?.tenant ?? request?.headers?.['x-tenant'] ?? 'nobody';
    }
  }

  @Injectable({ scope: Scope.REQUEST, durable: true })
  class DurableTenant extends Tenant {
    constructor(@Inject(REQUEST) request: { tenant?: string } | undefined) {
      super(request);
    }
  }

  class TenantDirectory extends TotpUserDirectory {
    constructor(private readonly tenant: Tenant) {
      super();
    }

    override getUserIdentifierInfo({ userId }: Question) {
      return Promise.resolve({ status: 'OK' as const, info: `${userId} of ${this.tenant.name}` });
    }
  }

  @Injectable({ scope: Scope.REQUEST })
  class ScopedDirectory extends TenantDirectory {
    constructor(@Inject(Tenant) tenant: Tenant) {
      super(tenant);
    }
  }

  @Injectable()
  class IndirectlyScopedDirectory extends TenantDirectory {
    constructor(@Inject(Tenant) tenant: Tenant) {
      super(tenant);
    }
  }

  @Injectable({ scope: Scope.REQUEST, durable: true })
  class DurableDirectory extends TenantDirectory {
    constructor(@Inject(DurableTenant) tenant: DurableTenant) {
      super(tenant);
    }
  }

  @Injectable({ scope: Scope.TRANSIENT })
  class TransientDirectory extends TotpUserDirectory {
    override getUserIdentifierInfo({ userId }: Question) {
      return Promise.resolve({ status: 'OK' as const, info: `${userId} of acme` });
    }
  }

  const directories: Record<string, Provider[]> = {
    'Scope.REQUEST': [Tenant, { provide: TotpUserDirectory, useClass: ScopedDirectory }],
    'a request-scoped dependency': [Tenant, { provide: TotpUserDirectory, useClass: IndirectlyScopedDirectory }],
    'a factory': [
      Tenant,
      {
        provide: TotpUserDirectory,
        inject: [Tenant],
        scope: Scope.REQUEST,
        useFactory: (tenant: Tenant) => new TenantDirectory(tenant),
      },
    ],
    useExisting: [Tenant, ScopedDirectory, { provide: TotpUserDirectory, useExisting: ScopedDirectory }],
    'durable: true': [DurableTenant, { provide: TotpUserDirectory, useClass: DurableDirectory }],
    'Scope.TRANSIENT': [{ provide: TotpUserDirectory, useClass: TransientDirectory }],
  };

  const label = async (person: Person, tenant: string) => {
    const { body } = await person.send('/device', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-tenant': tenant },
      body: '{}',
    });
    return decodeURIComponent(new URL((body as { qrCodeString: string }).qrCodeString).pathname);
  };

  describe.each(platforms)('on %s', (platform) => {
    it.each(Object.entries(directories))('is asked in the context of the request: %s', async (_, providers) => {
      const consumer = await startConsumer(
        [emitter, TotpModule.forRoot({ ...inMemory, ...withProviders(...providers) })],
        {
          platform,
        },
      );
      const [ann, bob] = [new Person(consumer), new Person(consumer)];
      expect(await label(ann, 'acme')).toBe(`/Acme:${ann.userId} of acme`);
      if (_ !== 'Scope.TRANSIENT') expect(await label(bob, 'globex')).toBe(`/Acme:${bob.userId} of globex`);
    });
  });

  it('gets the payload of the strategy when it is durable, and is made once per tenant', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST, durable: true })
    class CountedDirectory extends TenantDirectory {
      constructor(@Inject(DurableTenant) tenant: DurableTenant) {
        super(tenant);
        made += 1;
      }
    }
    const trees = new Map<string, ReturnType<typeof ContextIdFactory.create>>();
    ContextIdFactory.apply({
      attach: (contextId, request: { headers: Record<string, string | undefined> }) => {
        const tenant = request.headers['x-tenant'] ?? '';
        const tree = trees.get(tenant) ?? ContextIdFactory.create();
        trees.set(tenant, tree);
        return {
          resolve: (info) => (info.isTreeDurable ? tree : contextId),
          payload: { tenant: `the tenant ${tenant}` },
        };
      },
    });
    try {
      const consumer = await startConsumer([
        emitter,
        TotpModule.forRoot({
          ...inMemory,
          ...withProviders(DurableTenant, { provide: TotpUserDirectory, useClass: CountedDirectory }),
        }),
      ]);
      for (const tenant of ['acme', 'acme', 'globex', 'acme']) {
        const person = new Person(consumer);
        expect(await label(person, tenant)).toBe(`/Acme:${person.userId} of the tenant ${tenant}`);
      }
      expect(made).toBe(2);
    } finally {
      ContextIdFactory.apply({ attach: (contextId) => () => contextId });
    }
  });

  it('is asked without a request when the application calls TotpService by itself', async () => {
    const { totp } = await startConsumer([
      emitter,
      TotpModule.forRoot({ ...inMemory, ...withProviders(...(directories['Scope.REQUEST'] ?? [])) }),
    ]);
    const answer = await totp.createDevice({ userId: 'ann', onBehalfOf: 'application' });
    expect(answer).toMatchObject({ qrCodeString: expect.stringContaining('nobody') });
  });

  it('may itself need TotpService', async () => {
    @Injectable()
    class CuriousDirectory extends TotpUserDirectory {
      constructor(@Inject(TotpService) private readonly totp: TotpService) {
        super();
      }

      override async getUserIdentifierInfo({ userId }: Question) {
        const { devices } = await this.totp.listDevices({ userId });
        return { status: 'OK' as const, info: `${userId} with ${String(devices.length)}` };
      }
    }
    const { totp } = await startConsumer([
      emitter,
      TotpModule.forRoot({ ...inMemory, ...withProviders({ provide: TotpUserDirectory, useClass: CuriousDirectory }) }),
    ]);
    expect(await totp.createDevice({ userId: 'ann', onBehalfOf: 'application' })).toMatchObject({
      qrCodeString: expect.stringContaining('with%200'),
    });
  });

  it('may be a request-scoped session adapter, too', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ScopedSessions extends RequestSessionAdapter {}
    const consumer = await startConsumer([
      emitter,
      TotpModule.forRoot({ ...inMemory, ...withProviders({ provide: TotpSessionAdapter, useClass: ScopedSessions }) }),
    ]);
    const person = new Person(consumer);
    const phone = await person.enrol('phone');
    expect((await person.signIn(phone.code(1))).body).toEqual({ status: 'OK' });
  });
});

describe('a provider in a scope that cannot work', () => {
  @Injectable()
  class Store extends InMemoryTotpAccountStore {}
  @Injectable()
  class Clock extends TestTotpClock {}
  @Injectable()
  class Publisher extends TotpEventPublisher {
    override publish(): void {
      // Nothing is published.
    }
  }
  @Injectable()
  class Metrics extends NoTotpMetrics {}

  const provided = [
    [TotpClock, Clock],
    [TotpAccountStore, Store],
    [TotpEventPublisher, Publisher],
    [TotpMetrics, Metrics],
  ] as const;

  it.each(provided.map(([token, implementation]) => [token.name, token, implementation] as const))(
    'is refused by the name of its token, over HTTP and without: %s',
    async (name, provide, useClass) => {
      for (const kind of ['HTTP', 'no HTTP'] as const) {
        await expectRefusal(
          startWith(withProviders({ provide, useClass, scope: Scope.REQUEST }), kind),
          `TotpModule: ${name} is request-scoped, or injects something that is, but the module also works outside of requests. Give it`,
        );
      }
      await expectRefusal(
        startWith(withProviders({ provide, useClass, scope: Scope.TRANSIENT })),
        `TotpModule: ${name} is transient, so each part of the module would have an instance of its own. Give it the default scope`,
      );
    },
  );

  it('is refused when it only injects something request-scoped', async () => {
    await expectRefusal(
      startWith(
        withProviders({
          provide: TotpEventPublisher,
          inject: [REQUEST],
          useFactory: (request: object) => ({ request, publish: ignore }),
        }),
      ),
      'TotpEventPublisher is request-scoped, or injects something that is',
    );
  });

  it('is refused as a factory of the options', async () => {
    await expectRefusal(
      start([
        emitter,
        TotpModule.forRootAsync({
          providers: [...inMemory.providers],
          inject: [REQUEST],
          useFactory: () => ({ issuer: 'Acme', secrets: 'plain-text' }),
        }),
      ]),
      'TotpModule: the factory of the options is request-scoped',
    );
  });
});

describe('a provider that is not what it should be', () => {
  it.each<[string, Provider, string]>([
    [
      'a factory that returns nothing',
      { provide: TotpClock, useFactory: () => undefined },
      'the provider of TotpClock is undefined',
    ],
    [
      'a promise of nothing',
      { provide: TotpUserDirectory, useFactory: () => Promise.resolve(undefined) },
      'the provider of TotpUserDirectory is undefined',
    ],
    [
      'an object without the methods',
      { provide: TotpEventPublisher, useValue: {} },
      'the provider of TotpEventPublisher is an object without publish()',
    ],
    ['a function', { provide: TotpMetrics, useValue: () => 1 }, 'the provider of TotpMetrics is'],
  ])('is refused at start-up: %s', async (_, provider, problem) => {
    await expectRefusal(startWith(withProviders(provider)), `TotpModule: ${problem}`);
  });

  it.each([
    ['seconds', Math.floor(Date.UTC(2026, 0, 1) / 1000)],
    ['microseconds', Date.UTC(2026, 0, 1) * 1000],
    ['a Date', new Date()],
    ['a string', '2026-01-01'],
    ['NaN', NaN],
    ['nothing', undefined],
  ])('is refused at start-up: a clock that returns %s', async (_, now) => {
    await expectRefusal(
      startWith(withProviders({ provide: TotpClock, useValue: { now: () => now } })),
      /^TotpModule: TotpClock\.now\(\) returned .*, which is not the current time in milliseconds\. Return epoch milliseconds/,
    );
  });
});

describe('a module that is registered twice', () => {
  it('is refused when both are for the whole application', async () => {
    await expectRefusal(
      start([emitter, TotpModule.forRoot(inMemory), TotpModule.forRoot({ ...inMemory, path: 'staff/totp' })]),
      'TotpModule: the module is registered twice, and both times for the whole application',
    );
  });

  it('is refused when both have the same path', async () => {
    await expectRefusal(
      start([
        emitter,
        TotpModule.forRoot({ ...inMemory, global: false }),
        TotpModule.forRoot({ ...inMemory, global: false, path: '/totp/' }),
      ]),
      'TotpModule: the module is registered twice with the path "totp", so only one registration can be reached',
    );
  });

  it('is accepted when each has a path of its own, or no routes', async () => {
    const registration = { ...inMemory, global: false };
    await expect(
      start([
        emitter,
        TotpModule.forRoot(registration),
        TotpModule.forRoot({ ...registration, path: 'staff/totp' }),
        TotpModule.forRoot({ ...registration, controllers: false }),
      ]),
    ).resolves.toBeInstanceOf(Array);
  });
});

describe('two copies of a package', () => {
  it('are named when the emitter is of the other copy of @nestjs/event-emitter', async () => {
    const EventEmitter2 = { EventEmitter2: class extends Array {} }.EventEmitter2;
    @Module({ providers: [EventEmitter2], exports: [EventEmitter2] })
    class OtherEventEmitterModule {}
    await expectRefusal(
      start([OtherEventEmitterModule, TotpModule.forRoot(inMemory)]),
      'TotpModule: two copies of @nestjs/event-emitter are installed, and EventEmitterModule comes from the other one. Run "npm ls',
    );
  });

  it('are named when the data source is of the other copy of typeorm', async () => {
    const DataSource = { DataSource: class extends Array {} }.DataSource;
    @Module({ providers: [DataSource], exports: [DataSource] })
    class OtherTypeOrmModule {}
    await expectRefusal(
      start([
        OtherTypeOrmModule,
        EventEmitterModule.forRoot(),
        TotpModule.forRoot({ issuer: 'Acme', secrets: 'plain-text' }),
      ]),
      'TotpModule: two copies of typeorm or @nestjs/typeorm are installed, and the data source comes from the other one. Run "npm ls',
    );
  });
});

describe('without a user directory', () => {
  const warned = expect.stringMatching(
    /^Without a user directory, .* Write providers: \[\{ provide: TotpUserDirectory/,
  );

  it('one warning says that accounts share a label, and what to write', async () => {
    expect((await startWith({})).filter((warning) => warning.startsWith('Without'))).toEqual([warned]);
  });

  it.each<[string, Options]>([
    ['there is one', withProviders({ provide: TotpUserDirectory, useValue: { getUserIdentifierInfo: ignore } })],
    ['its absence is deliberate', withProviders({ provide: TotpUserDirectory, useClass: AnonymousUserDirectory })],
    ['the function that asks it is overridden', { override: { functions: (original) => ({ ...original }) } }],
    ['the application creates devices itself', { controllers: false }],
  ])('nothing is logged when %s', async (_, options) => {
    expect(await startWith(options)).not.toContainEqual(warned);
  });
});

describe('tokens that carry the completion', () => {
  const byClaims = { provide: TotpSessionAdapter, useClass: TotpClaimSessionAdapter };
  const issuing = { provide: TotpCompletionHook, useValue: { completed: ignore } };
  const warned = expect.stringContaining('providers: [{ provide: TotpCompletionHook, useClass: IssueToken }]');

  it('are issued by nobody without a hook: one warning says what to write', async () => {
    expect(await startWith(withProviders(byClaims))).toContainEqual(warned);
  });

  it.each<[string, Options]>([
    ['there is a hook', withProviders(byClaims, issuing)],
    [
      'an override of the APIs may issue them',
      { ...withProviders(byClaims), override: { apis: (same) => ({ ...same }) } },
    ],
    ['the application has routes of its own', { ...withProviders(byClaims), controllers: false }],
  ])('need no warning when %s', async (_, options) => {
    expect(await startWith(options)).not.toContainEqual(warned);
  });
});

it('an application without HTTP starts and is checked', async () => {
  await expect(startWith({}, 'no HTTP')).resolves.toBeInstanceOf(Array);
});
