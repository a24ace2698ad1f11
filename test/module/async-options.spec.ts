/** `TotpModule.forRootAsync`: where options may come from, and what is written next to them (contract §5). */
import { Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import {
  InjectTotpOptions,
  type TotpConfig,
  TotpModule,
  type TotpModuleOptions,
  type TotpOptionsFactory,
} from 'nestjs-totp';
import { platforms } from '../support/application.js';
import { answered, Person } from '../support/client.js';
import { closeConsumers, emitter, inMemory, startConsumer } from './consumer.js';

const { guards, providers } = inMemory;
const staticOptions = { guards, providers };

@Injectable()
class Settings {
  readonly name = 'Acme of the settings';
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Injectable()
class OptionsFactory implements TotpOptionsFactory {
  constructor(@Inject(Settings) private readonly settings: Settings) {}

  createTotpOptions(): TotpModuleOptions {
    return { issuer: this.settings.name, secrets: 'plain-text' };
  }
}

@Module({ imports: [SettingsModule], providers: [OptionsFactory], exports: [OptionsFactory] })
class FactoryModule {}

const sources = {
  'a factory': TotpModule.forRootAsync({
    ...staticOptions,
    useFactory: () => ({ issuer: 'Acme of the settings', secrets: 'plain-text' }),
  }),
  'an async factory with something injected': TotpModule.forRootAsync({
    ...staticOptions,
    imports: [SettingsModule],
    inject: [Settings],
    useFactory: async (settings: Settings) => {
      await Promise.resolve();
      return { issuer: settings.name, secrets: 'plain-text' };
    },
  }),
  'a factory with something optional': TotpModule.forRootAsync({
    ...staticOptions,
    inject: [{ token: 'not provided', optional: true }],
    useFactory: (missing?: { name: string }) => ({
      issuer: missing?.name ?? 'Acme of the settings',
      secrets: 'plain-text',
    }),
  }),
  'a class': TotpModule.forRootAsync({ ...staticOptions, imports: [SettingsModule], useClass: OptionsFactory }),
  'an existing provider': TotpModule.forRootAsync({
    ...staticOptions,
    imports: [FactoryModule],
    useExisting: OptionsFactory,
  }),
};

afterEach(closeConsumers);

it.each(Object.entries(sources))('takes its options from %s', async (_title, totpModule) => {
  const consumer = await startConsumer([emitter, totpModule]);
  const person = new Person(consumer);
  const phone = await person.enrol('phone');
  expect(new URL(phone.keyUri).searchParams.get('issuer')).toBe('Acme of the settings');
  expect(await person.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
});

describe.each(platforms)('on %s', (platform) => {
  it('takes path and guards next to the factory, and overrides out of it', async () => {
    const consumer = await startConsumer(
      [
        emitter,
        TotpModule.forRootAsync({
          ...staticOptions,
          path: 'auth/totp',
          useFactory: () => ({
            issuer: 'Acme',
            secrets: 'plain-text',
            lockout: { maxFailures: 2 },
            override: {
              functions: (original) => ({
                ...original,
                listDevices: () => Promise.resolve({ status: 'OK', devices: [] }),
              }),
              apis: (original) => ({ ...original, updateDevicePOST: undefined }),
            },
          }),
        }),
      ],
      { platform },
    );
    const person = new Person(consumer, { path: '/auth/totp' });
    await person.create('phone');
    expect((await person.list()).body).toEqual({ status: 'OK', devices: [] });
    expect((await person.post('/device/rename', {})).status).toBe(404);
    expect((await new Person(consumer).list()).status).toBe(404);
    expect((await person.signIn('000000')).body).toMatchObject({ maxNumberOfFailedAttempts: 2 });
  });
});

it('serves no routes with controllers: false', async () => {
  const useFactory = () => ({ issuer: 'Acme', secrets: 'plain-text' }) as const;
  const consumer = await startConsumer([
    emitter,
    TotpModule.forRootAsync({ ...staticOptions, controllers: false, useFactory }),
  ]);
  expect((await new Person(consumer).list()).status).toBe(404);
  expect(await consumer.totp.listDevices({ userId: 'ann' })).toEqual({ status: 'OK', devices: [] });
});

describe('@InjectTotpOptions()', () => {
  @Injectable()
  class Reader implements OnModuleInit {
    static read: TotpConfig | undefined;

    constructor(@InjectTotpOptions() private readonly config: TotpConfig) {}

    onModuleInit(): void {
      Reader.read = this.config;
    }
  }

  @Module({ providers: [Reader] })
  class ReaderModule {}

  it.each([
    ['forRoot', TotpModule.forRoot({ ...inMemory, digits: 8 })],
    [
      'forRootAsync',
      TotpModule.forRootAsync({
        ...staticOptions,
        useFactory: () => ({ issuer: 'Acme', secrets: 'plain-text', digits: 8 }),
      }),
    ],
  ])('injects the options of %s with every default filled in', async (_title, totpModule) => {
    await startConsumer([emitter, totpModule, ReaderModule]);
    // `check-options.spec.ts` has all of them.
    expect(Reader.read).toMatchObject({
      issuer: 'Acme',
      secrets: 'plain-text',
      digits: 8,
      defaultPeriod: 30,
      policy: { maxFailures: 5, cooldownMs: 900_000 },
      events: { outbox: false },
    });
  });
});
