/** What is wrong with a set-up is said at start-up, with what to write instead. */
import { ConsoleLogger, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  HandlerTotpEventDestination,
  TOTP_ENTITIES,
  TotpAccountStore,
  TotpConfigurationError,
  TotpEventPublisher,
  TotpModule,
  type TotpModuleAsyncOptions,
  type TotpModuleOptions,
  TotpSecretCipher,
  TotpService,
} from 'nestjs-totp';
import { InMemoryTotpAccountStore, TotpEventRecorder } from 'nestjs-totp/testing';
import { emitter, inMemory } from './consumer.js';

const { guards, providers, ...options } = inMemory;
const staticOptions = { guards, providers };

/** Notes the warnings of one start-up. */
class Warnings extends ConsoleLogger {
  readonly noted: string[] = [];

  constructor() {
    super({ logLevels: ['warn'] });
  }

  override warn(message: string): void {
    this.noted.push(message);
  }
}

/** Starts an application; as the error that it fails with, or the warnings that it logs. */
async function start(imports: () => Parameters<typeof Test.createTestingModule>[0]['imports']): Promise<string[]> {
  const warnings = new Warnings();
  const module = await Test.createTestingModule({ imports: imports() ?? [] })
    .setLogger(warnings)
    .compile();
  await module.close();
  return warnings.noted;
}

/** Options as somebody without a compiler writes them. */
const startWith = (given: object) =>
  start(() => [emitter, TotpModule.forRoot({ ...staticOptions, ...(given as TotpModuleOptions) })]);
const startAsync = (given: TotpModuleAsyncOptions | object) => start(() => [emitter, TotpModule.forRootAsync(given)]);

async function expectRefusal(starting: Promise<unknown>, message: string | RegExp): Promise<void> {
  await expect(starting).rejects.toMatchObject({ code: 'TOTP_CONFIGURATION' });
  await expect(starting).rejects.toBeInstanceOf(TotpConfigurationError);
  await expect(starting).rejects.toThrow(message);
}

describe('a missing part of the application', () => {
  const sqlite = { type: 'better-sqlite3', database: ':memory:' } as const;
  const module = () => TotpModule.forRoot({ ...options });

  it('is named when there is no TypeORM', async () => {
    await expectRefusal(
      start(() => [emitter, module()]),
      /Add TypeOrmModule\.forRoot\(\{.*entities: \[\.\.\.TOTP_ENTITIES\],.*migrations: TOTP_MIGRATIONS, migrationsRun: true/,
    );
  });

  it('is named when there is no data source of that name', async () => {
    await expectRefusal(
      start(() => [
        TypeOrmModule.forRoot({ ...sqlite, entities: TOTP_ENTITIES }),
        emitter,
        TotpModule.forRoot({ ...options, dataSource: 'other' }),
      ]),
      'TotpModule: the data source "other" does not exist, only default. Write one of these names: TotpModule.forRoot({ …, dataSource: "name" })',
    );
  });

  it('is named when the only data source has another name', async () => {
    await expectRefusal(
      start(() => [TypeOrmModule.forRoot({ ...sqlite, name: 'staff', entities: TOTP_ENTITIES }), emitter, module()]),
      'TotpModule: the default data source is missing; the application has staff. Write TotpModule.forRoot({ …, dataSource: "staff" }).',
    );
  });

  it("is named when the data source does not know the module's entities", async () => {
    await expectRefusal(
      start(() => [TypeOrmModule.forRoot({ ...sqlite, entities: [] }), emitter, module()]),
      /entities: \[\.\.\.TOTP_ENTITIES.*or autoLoadEntities: true/,
    );
  });

  it('is named when the event emitter is missing', async () => {
    await expectRefusal(
      start(() => [TotpModule.forRoot(inMemory)]),
      /Add EventEmitterModule\.forRoot\(\) from @nestjs\/event-emitter.*or provide a TotpEventPublisher/,
    );
  });

  it('S1: is named when the option `secrets` is missing', async () => {
    await expectRefusal(
      start(() => [emitter, TotpModule.forRoot({ ...staticOptions, issuer: 'Acme' })]),
      /Write secrets: \{ keys:.*npx nestjs-totp-cli keys generate.*provide a TotpSecretCipher.*secrets: "plain-text"/,
    );
  });

  it('may be missing where the application has its own', async () => {
    @Injectable()
    class Cipher extends TotpSecretCipher {
      override seal(): Promise<string> {
        return Promise.resolve('');
      }

      override open(): Promise<Uint8Array> {
        return Promise.resolve(new Uint8Array());
      }
    }
    const own = [
      { provide: TotpAccountStore, useClass: InMemoryTotpAccountStore },
      { provide: TotpEventPublisher, useClass: TotpEventRecorder },
      { provide: TotpSecretCipher, useClass: Cipher },
    ];
    expect(await start(() => [TotpModule.forRoot({ issuer: 'Acme', providers: own })])).toEqual([]);
  });
});

describe('an option', () => {
  it.each<[object, string | RegExp]>([
    [{ issuer: '' }, /TotpModule: issuer is ""\. Write your application's name.*\{ issuer: "Acme" \}\.$/],
    [{ issuer: undefined }, 'issuer is missing. Write'],
    [{ secrets: 'plaintext' }, 'secrets must be { keys'],
    [{ algorithm: 'MD5' }, 'algorithm is "MD5". Write one of "SHA1", "SHA256", "SHA512".'],
    [{ digits: '6' }, 'digits is "6". Write one of 6, 8.'],
    [{ defaultPeriod: 14 }, 'defaultPeriod is 14. Write whole seconds from 15 to 300 or a string from "15s" to "5m"'],
    [{ defaultPeriod: 30.5 }, 'defaultPeriod is 30.5. Write whole seconds'],
    [{ defaultSkew: NaN }, 'defaultSkew is NaN. Write a whole number from 0 to 2, or leave it out for 1.'],
    [{ maxDevices: 0 }, 'maxDevices is 0. Write a whole number from 1 to 15, or leave it out for 10.'],
    [{ unverifiedDeviceLifetime: '8d' }, 'unverifiedDeviceLifetime is "8d". Write whole seconds from 60 to 604800'],
    [{ stepUpMaxAge: 0 }, 'stepUpMaxAge is 0. Write whole seconds from 60 to 86400 or a string from "1m" to "1d"'],
    [{ enrolment: 'mandatory' }, 'enrolment is "mandatory". Write one of "optional", "required".'],
    [{ enrollment: 'required' }, '"enrollment" is not an option. Did you mean "enrolment"?'],
    [
      { lockout: { maxFailures: 0 } },
      'lockout.maxFailures is 0. Write a whole number from 1 to 10, or leave it out for 5.',
    ],
    [{ lockout: { maxCooldown: 899 } }, 'lockout.maxCooldown is 899. Write whole seconds from 900 to 86400'],
    [{ lockout: { maxFailure: 3 } }, '"lockout.maxFailure" is not an option. Did you mean "lockout.maxFailures"?'],
    [
      { events: { outbox: false, maxAttempts: 3 } },
      'events.maxAttempts configures the outbox, which is off. Write events:',
    ],
    [{ override: { functions: {} } }, 'override.functions is an object. Write a function'],
    [{ override: { functions: () => undefined } }, 'override.functions returned undefined. Return all functions'],
    [{ override: { functions: () => ({}) } }, 'override.functions returned no function createDevice.'],
    [{ override: { apis: () => undefined } }, 'override.apis returned undefined. Return all functions'],
    [{ override: { apis: () => ({}) } }, 'override.apis returned no function createDevicePOST.'],
  ])('that is wrong or weak is refused: %j', async (wrong, message) => {
    await expectRefusal(startWith({ ...options, ...wrong }), message);
    await expectRefusal(startAsync({ ...staticOptions, useFactory: () => ({ ...options, ...wrong }) }), message);
  });

  it.each([
    { digits: 8, algorithm: 'SHA512', defaultPeriod: 15, defaultSkew: 0 },
    { defaultPeriod: 300, defaultSkew: 2, maxDevices: 1, stepUpMaxAge: 60, unverifiedDeviceLifetime: 604_800 },
    { lockout: { maxFailures: 1, cooldown: 86_400, multiplier: 1, hardLimit: 1 } },
    { lockout: { maxFailures: 10, cooldown: 60, multiplier: 10, maxCooldown: 60, hardLimit: 10 } },
    { lockout: {}, enrolment: 'required', override: {} },
    { issuer: 'x'.repeat(64), digits: undefined, lockout: undefined },
  ])('at the edge of its range is taken: %j', async (right) => {
    await expect(startWith({ ...options, ...right })).resolves.toBeInstanceOf(Array);
  });
});

describe('forRootAsync', () => {
  it.each([
    ['path', 'auth/totp'],
    ['guards', []],
    ['controllers', false],
    ['dataSource', 'other'],
    ['global', false],
    ['providers', []],
    ['imports', []],
  ])('refuses %s out of the factory: it shapes the module', async (name, value) => {
    await expectRefusal(
      startAsync({ ...staticOptions, useFactory: () => ({ ...options, [name]: value }) }),
      `"${name}" shapes the module itself, so it cannot come from the factory. Write it next to useFactory: forRootAsync({ ${name}: …, useFactory }).`,
    );
  });

  it('refuses an option next to the factory', async () => {
    await expectRefusal(
      startAsync({ ...staticOptions, issuer: 'Acme', useFactory: () => options }),
      '"issuer" belongs in the object that the factory returns. Write forRootAsync({ useFactory: () => ({ issuer: … }) }).',
    );
  });

  it('refuses what it does not know', async () => {
    await expectRefusal(
      startAsync({ ...staticOptions, useFactroy: () => options }),
      '"useFactroy" is not an option. Did you mean "useFactory"?',
    );
    await expectRefusal(
      startAsync({ ...staticOptions, isGlobal: true, useFactory: () => options }),
      '"isGlobal" is not an option',
    );
  });

  it.each([
    ['nothing', {}],
    ['two things', { useFactory: () => options, useClass: Warnings }],
  ])('refuses %s to take options from', async (_, source) => {
    await expectRefusal(
      startAsync({ ...staticOptions, ...source }),
      'Write one of useFactory, useClass and useExisting: {',
    );
  });

  it.each([undefined, null, 'Acme'])('refuses a factory that returns %j', async (returned) => {
    await expectRefusal(
      startAsync({ ...staticOptions, useFactory: () => returned }),
      'Write an object such as { issuer: "Acme" }, and return it from the factory.',
    );
  });
});

describe('a start-up', () => {
  it('S1: warns of secrets in plain text, and of nothing else', async () => {
    expect(await startWith(options)).toEqual([expect.stringContaining('Secrets are kept in plain text')]);
  });

  it.each([
    [{ algorithm: 'SHA256' }, 'algorithm SHA256'],
    [{ algorithm: 'SHA512' }, 'algorithm SHA512'],
    [{ digits: 8 }, '8 digits'],
    [{ defaultPeriod: 60 }, 'a period of 60 s'],
    [{ algorithm: 'SHA256', digits: 8, defaultPeriod: 60 }, 'algorithm SHA256, 8 digits, a period of 60 s'],
  ])('U4: warns once, naming the apps, of settings that authenticator apps ignore: %j', async (unusual, named) => {
    const warnings = (await startWith({ ...options, ...unusual })).filter((warning) => !warning.includes('plain text'));
    expect(warnings).toEqual([expect.stringContaining(named)]);
    expect(warnings[0]).toMatch(/Google Authenticator.*Microsoft Authenticator/);
  });

  it('warns of destinations that no event goes to', async () => {
    const eventDestinations = [HandlerTotpEventDestination];
    const says = expect.stringMatching(
      /The outbox is off, so eventDestinations get no events\. Write events: { outbox: true }/,
    );
    expect(await startWith({ ...options, eventDestinations })).toContainEqual(says);
    expect(await startAsync({ ...staticOptions, eventDestinations, useFactory: () => options })).toContainEqual(says);
  });

  it.each([{ defaultSkew: 2 }, { algorithm: 'SHA1', digits: 6, defaultPeriod: 30 }])(
    'does not warn of %j',
    async (usual) => {
      expect(await startWith({ ...options, ...usual })).toHaveLength(1);
    },
  );
});

describe('global: false', () => {
  const register = () => TotpModule.forRoot({ ...inMemory, global: false });

  it('hides TotpService from modules that do not import the module', async () => {
    @Module({ providers: [{ provide: 'reader', inject: [TotpService], useFactory: (totp: object) => totp }] })
    class StrangerModule {}
    await expect(start(() => [emitter, register(), StrangerModule])).rejects.toThrow('TotpService');
  });

  it('shows it to modules that import the module', async () => {
    @Module({
      imports: [register()],
      providers: [{ provide: 'reader', inject: [TotpService], useFactory: (totp: object) => totp }],
    })
    class FriendModule {}
    await expect(start(() => [emitter, FriendModule])).resolves.toHaveLength(1);
  });
});
