import { Test } from '@nestjs/testing';
import { TotpConfigurationError } from '../shared/errors.js';
import {
  authenticatorWarning,
  checkAsyncOptions,
  checkOptions,
  type TotpLockoutOptions,
  type TotpModuleOptions,
  withoutStatics,
} from './options.js';
import { InjectTotpOptions, TOTP_OPTIONS, type TotpConfig, type TotpEventOptions } from '../recipe/config.js';

const check = (options: object) => checkOptions({ issuer: 'Acme', ...options });

describe('the options', () => {
  it('have these defaults', () => {
    expect(check({})).toEqual({
      issuer: 'Acme',
      secrets: undefined,
      algorithm: 'SHA1',
      digits: 6,
      defaultPeriod: 30,
      defaultSkew: 1,
      enrolment: 'optional',
      functions: undefined,
      apis: undefined,
      events: { outbox: false, codeEvents: false, pollInterval: 1_000, deliveryTimeout: 10_000, maxAttempts: 50 },
      policy: {
        maxDevices: 10,
        unverifiedLifetimeMs: 86_400_000,
        maxFailures: 5,
        cooldownMs: 900_000,
        multiplier: 2,
        maxCooldownMs: 86_400_000,
        hardLimit: 100,
        stepUpMaxAgeMs: 1_200_000,
      },
    });
  });

  it('that are given as undefined are left out', () => {
    const names = ['secrets', 'digits', 'defaultSkew', 'maxDevices', 'lockout', 'events', 'override'];
    expect(check(Object.fromEntries(names.map((name) => [name, undefined])))).toEqual(check({}));
    expect(check({ lockout: { cooldown: undefined } })).toEqual(check({}));
  });

  it('are taken as they are given, seconds as milliseconds', () => {
    const functions = (original: object) => original;
    const given = {
      issuer: 'Ünïcode: 株式会社',
      secrets: 'plain-text',
      algorithm: 'SHA512',
      digits: 8,
      defaultPeriod: 60,
      defaultSkew: 0,
      maxDevices: 3,
      unverifiedDeviceLifetime: 600,
      lockout: { maxFailures: 3, cooldown: 60, multiplier: 1, maxCooldown: 120, hardLimit: 30 },
      stepUpMaxAge: 300,
      enrolment: 'required',
      events: { outbox: true, codeEvents: true, pollInterval: 500, deliveryTimeout: 2_000, maxAttempts: 7 },
      override: { functions },
    };
    expect(check(given)).toEqual({
      issuer: 'Ünïcode: 株式会社',
      secrets: 'plain-text',
      algorithm: 'SHA512',
      digits: 8,
      defaultPeriod: 60,
      defaultSkew: 0,
      enrolment: 'required',
      events: { outbox: true, codeEvents: true, pollInterval: 500, deliveryTimeout: 2_000, maxAttempts: 7 },
      functions,
      apis: undefined,
      policy: {
        maxDevices: 3,
        unverifiedLifetimeMs: 600_000,
        maxFailures: 3,
        cooldownMs: 60_000,
        multiplier: 1,
        maxCooldownMs: 120_000,
        hardLimit: 30,
        stepUpMaxAgeMs: 300_000,
      },
    });
  });

  /** Contract §2 and §3: nothing that is weak can be set. */
  const ranges: [keyof TotpModuleOptions, number, number][] = [
    ['defaultPeriod', 15, 300],
    ['defaultSkew', 0, 2],
    ['maxDevices', 1, 15],
    ['unverifiedDeviceLifetime', 60, 604_800],
    ['stepUpMaxAge', 60, 86_400],
  ];
  const lockoutRanges: [keyof TotpLockoutOptions, number, number][] = [
    ['maxFailures', 1, 10],
    ['cooldown', 60, 86_400],
    ['multiplier', 1, 10],
    ['maxCooldown', 900, 86_400],
    ['hardLimit', 5, 100],
  ];
  const eventRanges: [keyof TotpEventOptions, number, number][] = [
    ['pollInterval', 100, 60_000],
    ['deliveryTimeout', 100, 60_000],
    ['maxAttempts', 1, 1_000],
  ];
  const settings = [
    ...ranges.map(([name, least, most]) => ({ name, least, most, set: (value: unknown) => check({ [name]: value }) })),
    ...lockoutRanges.map(([name, least, most]) => ({
      name: `lockout.${name}`,
      least,
      most,
      set: (value: unknown) => check({ lockout: { [name]: value } }),
    })),
    ...eventRanges.map(([name, least, most]) => ({
      name: `events.${name}`,
      least,
      most,
      set: (value: unknown) => check({ events: { outbox: true, [name]: value } }),
    })),
  ];

  it('about the outbox are refused without it, which they would be of no use to', () => {
    expect(() => check({ events: { codeEvents: true } })).toThrow(
      'events.codeEvents is about the outbox, which is off: write events: { outbox: true, codeEvents: … }',
    );
    expect(() => check({ events: { outbox: false, pollInterval: 500 } })).toThrow(TotpConfigurationError);
    expect(() => check({ events: { outbox: 'yes' } })).toThrow('events.outbox is "yes": write one of true, false');
    expect(() => check({ events: { outBox: true } })).toThrow(
      '"events.outBox" is not an option; the options are events.outbox',
    );
    expect(check({ events: { codeEvents: undefined } })).toEqual(check({}));
  });

  it.each(settings)('W1, L3, L4: let $name be $least to $most, and nothing else', ({ name, least, most, set }) => {
    expect(set(least)).toBeDefined();
    expect(set(most)).toBeDefined();
    for (const value of [least - 1, most + 1, least + 0.5, NaN, Infinity, String(least), {}]) {
      expect(() => set(value)).toThrow(TotpConfigurationError);
      expect(() => set(value)).toThrow(`TotpModule: ${name} is`);
    }
  });

  it('name the range and the default when a value is out of it', () => {
    expect(() => check({ defaultSkew: 3 })).toThrow(
      'TotpModule: defaultSkew is 3: write a whole number from 0 to 2, or leave it out for 1.',
    );
  });

  it('keep the longest lock no shorter than the first, and the hard limit no lower than the budget', () => {
    expect(() => check({ lockout: { cooldown: 3_600, maxCooldown: 3_599 } })).toThrow('from 3600 to 86400');
    expect(() => check({ lockout: { maxFailures: 10, hardLimit: 9 } })).toThrow('from 10 to 100');
  });

  it.each([
    ['algorithm', 'MD5', '"SHA1", "SHA256", "SHA512"'],
    ['algorithm', 'sha1', '"SHA1", "SHA256", "SHA512"'],
    ['digits', 7, '6, 8'],
    ['digits', '6', '6, 8'],
    ['enrolment', 'never', '"optional", "required"'],
  ])('name the choices when %s is %j', (name, value, choices) => {
    expect(() => check({ [name]: value })).toThrow(
      `TotpModule: ${name} is ${JSON.stringify(value)}: write one of ${choices}.`,
    );
  });

  it.each([undefined, null, '', '   ', '..', ':', 'x'.repeat(65), 7])('refuse %j as an issuer', (issuer) => {
    expect(() => check({ issuer })).toThrow('issuer must be your application');
  });

  it.each([undefined, null, 'Acme'])('refuse to be %j', (options) => {
    expect(() => {
      Reflect.apply(checkOptions, undefined, [options]);
    }).toThrow('the options must be an object');
  });

  it('name the option that there is not, and those that there are', () => {
    expect(() => check({ isuer: 'Acme' })).toThrow(/^TotpModule: "isuer" is not an option; the options are issuer, /);
    expect(() => check({ lockout: { max: 5 } })).toThrow(
      '"lockout.max" is not an option; the options are lockout.maxF',
    );
  });

  it.each(['path', 'guards', 'controllers', 'dataSource', 'global', 'providers', 'imports'])(
    'refuse %s from a factory, and say where it belongs',
    (name) => {
      expect(() => check({ [name]: undefined })).toThrow(`write it beside useFactory, forRootAsync({ ${name}: …`);
    },
  );

  it('are told from what shapes the module', () => {
    expect(withoutStatics({ issuer: 'Acme', path: 'auth/totp', global: false })).toEqual({ issuer: 'Acme' });
  });

  it('are injected with every default filled in', async () => {
    class Reader {
      constructor(@InjectTotpOptions() readonly config: TotpConfig) {}
    }
    const module = await Test.createTestingModule({
      providers: [Reader, { provide: TOTP_OPTIONS, useValue: check({}) }],
    }).compile();
    expect(module.get(Reader).config).toEqual(check({}));
  });
});

describe('forRootAsync', () => {
  const useFactory = () => ({ issuer: 'Acme' });
  class Factory {
    createTotpOptions = useFactory;
  }

  it('takes one source of options, and what shapes the module beside it', () => {
    for (const source of [{ useFactory, inject: [] }, { useClass: Factory }, { useExisting: Factory }]) {
      expect(() => {
        checkAsyncOptions({ ...source, path: 'auth/totp', imports: [], global: false });
      }).not.toThrow();
    }
  });

  it.each([
    ['no source', {}],
    ['two sources', { useFactory, useClass: Factory }],
  ])('refuses %s', (_, options) => {
    expect(() => {
      checkAsyncOptions(options);
    }).toThrow('forRootAsync needs one of useFactory, useClass and useExisting');
  });

  it('says where an option belongs that stands beside the factory', () => {
    const beside = { useFactory, issuer: 'Acme' };
    expect(() => {
      checkAsyncOptions(beside);
    }).toThrow('"issuer" belongs into what the factory returns: forRootAsync({ useFactory: () => ({ issuer: … }) })');
  });

  it('names what it does not know', () => {
    const mistyped = { useFactory, guard: [] };
    expect(() => {
      checkAsyncOptions(mistyped);
    }).toThrow('"guard" is not an option');
  });
});

describe('U4: settings that authenticator apps ignore', () => {
  it('are warned of in one message that names them and the apps', () => {
    expect(authenticatorWarning(check({ algorithm: 'SHA256', digits: 8, defaultPeriod: 60 }))).toMatch(
      /^New devices use algorithm SHA256, 8 digits, a period of 60 s\. .*Google Authenticator and Microsoft Authenticator/,
    );
    expect(authenticatorWarning(check({ digits: 8 }))).toMatch(/^New devices use 8 digits\./);
  });

  it('are not warned of when all apps honour them', () => {
    expect(authenticatorWarning(check({ defaultSkew: 0, maxDevices: 1 }))).toBeUndefined();
  });
});
