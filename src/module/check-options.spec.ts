import { Test } from '@nestjs/testing';
import { TotpUserDirectory } from '../recipe/user-directory.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { InjectTotpOptions, TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { authenticatorWarning, checkAsyncOptions, checkOptions, readExtras } from './check-options.js';

const check = (options: object) => checkOptions({ issuer: 'Acme', ...options });

/** Options with one value set, under a name such as `lockout.cooldown`. */
function given(name: string, value: unknown): object {
  const [first = '', second] = name.split('.');
  if (second === undefined) return { [first]: value };
  return { [first]: { ...(first === 'events' ? { outbox: true } : {}), [second]: value } };
}

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
      deviceNameInLabel: false,
      qrCodeWidth: 232,
      functions: undefined,
      apis: undefined,
      retryIf: undefined,
      events: {
        outbox: false,
        codeEvents: false,
        relay: true,
        pollIntervalMs: 5_000,
        deliveryTimeoutMs: 10_000,
        maxAttempts: 50,
      },
      policy: {
        maxDevices: 10,
        unverifiedLifetimeMs: 86_400_000,
        maxFailures: 5,
        cooldownMs: 900_000,
        multiplier: 2,
        maxCooldownMs: 86_400_000,
        hardLimit: 100,
        stepUpMaxAgeMs: 1_200_000,
        vigilanceAfter: 30,
        forgivenessMs: 86_400_000,
        trustLifetimeMs: 0,
        maxTrustedBrowsers: 0,
      },
      recoveryCodes: { count: 8 },
      trustCookie: { name: 'totp_trust', domain: undefined, path: '/' },
    });
  });

  it.each([
    ['lockout.vigilance.after', { lockout: { vigilance: { after: 0 } } }],
    ['lockout.vigilance.after', { lockout: { vigilance: { after: 1_001 } } }],
    ['lockout.vigilance.forgivenPerDay', { lockout: { vigilance: { forgivenPerDay: 0 } } }],
    ['lockout.vigilance.forgivenPerDay', { lockout: { vigilance: { forgivenPerDay: 0.5 } } }],
    ['recoveryCodes', { recoveryCodes: true }],
    ['recoveryCodes.count', { recoveryCodes: { count: 17 } }],
    ['trustedBrowsers', { trustedBrowsers: true }],
    ['trustedBrowsers.days', { trustedBrowsers: { days: 91 } }],
    ['trustedBrowsers.max', { trustedBrowsers: { max: 16 } }],
    ['trustedBrowsers.cookie.name', { trustedBrowsers: { cookie: { name: 'a b' } } }],
    ['trustedBrowsers.cookie.domain', { trustedBrowsers: { cookie: { domain: 'a; Secure' } } }],
    ['trustedBrowsers.cookie.path', { trustedBrowsers: { cookie: { path: '/; Path=/' } } }],
    ['trustedBrowsers.cookie.name', { trustedBrowsers: { cookie: { name: '__Host-totp', domain: 'example.com' } } }],
    ['trustedBrowsers.cookie.name', { trustedBrowsers: { cookie: { name: '__Host-totp', path: '/app' } } }],
  ])('refuse %s in %j', (name, options) => {
    expect(() => check(options)).toThrow(`TotpModule: ${name} is `);
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
      deviceNameInLabel: true,
      qrCodeWidth: 300,
      maxDevices: 3,
      unverifiedDeviceLifetime: 600,
      lockout: {
        maxFailures: 3,
        cooldown: 60,
        multiplier: 1,
        maxCooldown: 120,
        hardLimit: 30,
        vigilance: { after: 10, forgivenPerDay: 2 },
      },
      recoveryCodes: { count: 10 },
      trustedBrowsers: { days: 7, max: 3, cookie: { name: 'seen', domain: 'example.com', path: '/app' } },
      stepUpMaxAge: 300,
      enrolment: 'required',
      events: { outbox: true, codeEvents: true, relay: false, pollInterval: 0.5, deliveryTimeout: 2, maxAttempts: 7 },
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
      deviceNameInLabel: true,
      qrCodeWidth: 300,
      events: {
        outbox: true,
        codeEvents: true,
        relay: false,
        pollIntervalMs: 500,
        deliveryTimeoutMs: 2_000,
        maxAttempts: 7,
      },
      functions,
      apis: undefined,
      retryIf: undefined,
      policy: {
        maxDevices: 3,
        unverifiedLifetimeMs: 600_000,
        maxFailures: 3,
        cooldownMs: 60_000,
        multiplier: 1,
        maxCooldownMs: 120_000,
        hardLimit: 30,
        stepUpMaxAgeMs: 300_000,
        vigilanceAfter: 10,
        forgivenessMs: 43_200_000,
        trustLifetimeMs: 604_800_000,
        maxTrustedBrowsers: 3,
      },
      recoveryCodes: { count: 10 },
      trustCookie: { name: 'seen', domain: 'example.com', path: '/app' },
    });
  });

  /** Contract §2 and §3: nothing that is weak can be set. Durations are in seconds. */
  const ranges: [name: string, least: number, most: number][] = [
    ['defaultPeriod', 15, 300],
    ['defaultSkew', 0, 2],
    ['maxDevices', 1, 15],
    ['unverifiedDeviceLifetime', 60, 604_800],
    ['stepUpMaxAge', 60, 86_400],
    ['lockout.maxFailures', 1, 10],
    ['lockout.cooldown', 60, 86_400],
    ['lockout.multiplier', 1, 10],
    ['lockout.maxCooldown', 900, 86_400],
    ['lockout.hardLimit', 5, 100],
    ['events.pollInterval', 0.1, 60],
    ['events.deliveryTimeout', 0.1, 60],
    ['events.maxAttempts', 1, 1_000],
  ];
  const settings = ranges.map(([name, least, most]) => ({
    name,
    least,
    most,
    set: (value: unknown) => check(given(name, value)),
  }));

  it('that configure the outbox are refused while it is off', () => {
    expect(() => check({ events: { codeEvents: true } })).toThrow(
      'TotpModule: events.codeEvents configures the outbox, which is off. Write events: { outbox: true, codeEvents: … }, or leave it out.',
    );
    expect(() => check({ events: { outbox: false, pollInterval: 1 } })).toThrow(TotpConfigurationError);
    expect(() => check({ events: { outbox: 'yes' } })).toThrow('events.outbox is "yes". Write one of true, false.');
    expect(() => check({ events: { outBox: true } })).toThrow(
      '"events.outBox" is not an option. Did you mean "events.outbox"? The options are events.outbox',
    );
    expect(check({ events: { codeEvents: undefined } })).toEqual(check({}));
  });

  it.each(settings)('W1, L3, L4: let $name be $least to $most, and nothing else', ({ name, least, most, set }) => {
    expect(set(least)).toBeDefined();
    expect(set(most)).toBeDefined();
    for (const value of [least - 1, most + 1, least + 0.0005, NaN, Infinity, String(least), null, true, {}, [], []]) {
      expect(() => set(value)).toThrow(TotpConfigurationError);
      expect(() => set(value)).toThrow(`TotpModule: ${name} is`);
    }
  });

  it.each([
    ['defaultPeriod', '1m', 60],
    ['unverifiedDeviceLifetime', '12h', 43_200],
    ['stepUpMaxAge', '15m', 900],
    ['lockout.cooldown', '900s', 900],
    ['lockout.maxCooldown', '1d', 86_400],
    ['events.pollInterval', '100ms', 0.1],
    ['events.deliveryTimeout', '30s', 30],
  ])('take %s as the duration string %j, which is %d seconds', (name, text, seconds) => {
    expect(check(given(name, text))).toEqual(check(given(name, seconds)));
  });

  it.each(['', '15', '15 m', '15min', '1.5h', '-15m', 'm', '15M', 'PT15M', '14m 60s', '0s', '9d', '90500ms'])(
    'refuse %j as a duration, with the two forms that are read',
    (text) => {
      expect(() => check({ stepUpMaxAge: text })).toThrow(
        `TotpModule: stepUpMaxAge is ${JSON.stringify(text)}. Write whole seconds from 60 to 86400 or a string from "1m" to "1d", ` +
          'or leave it out for "20m".',
      );
    },
  );

  it('name the range and the default when a value is out of it', () => {
    expect(() => check({ defaultSkew: 3 })).toThrow(
      'TotpModule: defaultSkew is 3. Write a whole number from 0 to 2, or leave it out for 1.',
    );
  });

  it('keep the longest lock no shorter than the first, and the hard limit no lower than the budget', () => {
    expect(() => check({ lockout: { cooldown: 3_600, maxCooldown: 3_599 } })).toThrow(
      'from 3600 to 86400 or a string from "1h" to "1d"',
    );
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
      `TotpModule: ${name} is ${JSON.stringify(value)}. Write one of ${choices}.`,
    );
  });

  it.each([undefined, null, '', '   ', '..', ':', 'x'.repeat(65), 7])('refuse %j as an issuer', (issuer) => {
    expect(() => check({ issuer })).toThrow(
      /^TotpModule: issuer is .*\. Write your application's name in 1 to 64 characters/,
    );
  });

  it.each([undefined, null, 'Acme', [], 7])('refuse to be %j', (options) => {
    expect(() => {
      Reflect.apply(checkOptions, undefined, [options]);
    }).toThrow(
      /^TotpModule: the options are .*\. Write an object such as \{ issuer: "Acme" \}, and return it from the factory\.$/,
    );
  });

  it.each([
    ['isuer', 'issuer'],
    ['Issuer', 'issuer'],
    ['enrollment', 'enrolment'],
    ['enrolement', 'enrolment'],
    ['period', 'defaultPeriod'],
    ['skew', 'defaultSkew'],
    ['lockout.maxFailure', 'lockout.maxFailures'],
    ['lockout.coolDown', 'lockout.cooldown'],
    ['lockout.cooldwon', 'lockout.cooldown'],
    ['events.outBox', 'events.outbox'],
    ['override.function', 'override.functions'],
  ])('hint from %s at %s', (written, meant) => {
    expect(() => check(given(written, 1))).toThrow(
      `TotpModule: "${written}" is not an option. Did you mean "${meant}"? The options are `,
    );
  });

  it('name the options that exist when one does not', () => {
    expect(() => check({ something: 1 })).toThrow(
      /^TotpModule: "something" is not an option\. The options are issuer, secrets, .*override\.$/,
    );
  });

  it.each([null, [], 'x', true])('refuse %j for a group of options', (value) => {
    for (const name of ['lockout', 'events', 'override']) {
      expect(() => check({ [name]: value })).toThrow(
        new RegExp(`^TotpModule: ${name} is .*\\. Write an object such as `),
      );
    }
  });

  it.each(['functions', 'apis'])('refuse an override.%s that is not a function', (name) => {
    for (const value of [{}, null, 'x']) {
      expect(() => check({ override: { [name]: value } })).toThrow(
        'Write a function: (original) => ({ ...original, … })',
      );
    }
  });

  it.each(['path', 'guards', 'controllers', 'dataSource', 'global', 'providers', 'imports'])(
    'refuse %s from a factory, with the place where it belongs',
    (name) => {
      expect(() => check({ [name]: undefined })).toThrow(
        `"${name}" shapes the module itself, so it cannot come from the factory. Write it next to useFactory: forRootAsync({ ${name}: …`,
      );
    },
  );

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

  it('takes one source of options, and the extras next to it', () => {
    for (const source of [{ useFactory, inject: [] }, { useClass: Factory }, { useExisting: Factory }]) {
      expect(() => {
        checkAsyncOptions({ ...source, path: 'auth/totp', imports: [], global: false });
      }).not.toThrow();
    }
  });

  it.each([
    ['no source', {}, 'forRootAsync has no source of options'],
    ['two sources', { useFactory, useClass: Factory }, 'forRootAsync has useFactory and useClass'],
    ['nothing', undefined, 'forRootAsync is given undefined'],
  ])('refuses %s', (_, options, problem) => {
    expect(() => {
      Reflect.apply(checkAsyncOptions, undefined, [options]);
    }).toThrow(`TotpModule: ${problem}. Write one of useFactory, useClass and useExisting`);
  });

  it.each([
    [{ useFactory: { issuer: 'Acme' } }, 'useFactory is an object. Write a function.'],
    [{ useClass: { issuer: 'Acme' } }, 'useClass is an object. Write a class.'],
    [{ useFactory, inject: Factory }, 'inject is Factory. Write an array: inject: [ConfigService].'],
  ])('refuses a source that cannot be used: %j', (options, message) => {
    expect(() => {
      Reflect.apply(checkAsyncOptions, undefined, [options]);
    }).toThrow(`TotpModule: ${message}`);
  });

  it('says where an option belongs that is written next to the factory', () => {
    const outside = { useFactory, issuer: 'Acme' };
    expect(() => {
      checkAsyncOptions(outside);
    }).toThrow(
      'TotpModule: "issuer" belongs in the object that the factory returns. Write forRootAsync({ useFactory: () => ({ issuer: … }) }).',
    );
  });

  it.each([
    ['guard', 'guards'],
    ['useFactroy', 'useFactory'],
    ['injects', 'inject'],
  ])('hints from %s at %s', (written, meant) => {
    expect(() => {
      checkAsyncOptions({ useFactory, [written]: [] });
    }).toThrow(`TotpModule: "${written}" is not an option. Did you mean "${meant}"?`);
  });
});

describe('what shapes the module', () => {
  class Guard {
    canActivate(): boolean {
      return true;
    }
  }
  class Directory extends TotpUserDirectory {
    override getUserIdentifierInfo() {
      return Promise.resolve({ status: 'OK' as const, info: 'ann' });
    }
  }
  const read = (extras: object) => readExtras(extras);

  it('has these defaults', () => {
    expect(read({})).toEqual({
      path: 'totp',
      guards: [],
      superTokens: false,
      controllers: true,
      dataSource: undefined,
      global: true,
      eventDestinations: undefined,
      providers: [],
      imports: [],
    });
  });

  it.each([
    ['auth/totp', 'auth/totp'],
    ['/auth/totp', 'auth/totp'],
    ['auth/totp/', 'auth/totp'],
    ['/', ''],
    [':tenant/totp', ':tenant/totp'],
    ['v1.0/totp_x~y', 'v1.0/totp_x~y'],
  ])('mounts the routes of the path %j at %j', (path, mounted) => {
    expect(read({ path }).path).toBe(mounted);
  });

  it.each([
    '',
    ' ',
    'auth totp',
    'auth//totp',
    '..',
    'auth/../totp',
    './totp',
    'totp?x=1',
    'totp#x',
    'totp*',
    '*splat',
    'tötp',
    '//',
    null,
    7,
    ['totp'],
    ['a', 'b'],
    {},
  ])('refuses the path %j', (path) => {
    expect(() => read({ path })).toThrow(/^TotpModule: path is .*\. Write one path of letters/);
  });

  it.each<[object, string]>([
    [{ guards: Guard }, 'guards is Guard. Write an array: guards: [SignedInGuard].'],
    [
      { guards: [undefined] },
      'guards[0] is undefined. Write a class that implements CanActivate. It is undefined when',
    ],
    [{ guards: [Guard, new Guard()] }, 'guards[1] is an object. Write a class'],
    [{ guards: [() => true] }, 'guards[0] is a function. Write a class'],
    [{ controllers: 'no' }, 'controllers is "no". Write one of true, false.'],
    [{ controllers: null }, 'controllers is null.'],
    [{ global: 0 }, 'global is 0. Write one of true, false.'],
    [{ dataSource: '' }, 'dataSource is "". Write the name of a data source'],
    [{ dataSource: { type: 'postgres' } }, 'dataSource is an object.'],
    [{ imports: Guard }, 'imports is Guard. Write an array'],
    [{ imports: [undefined] }, 'imports[0] is undefined. Write a module.'],
    [{ eventDestinations: [] }, 'eventDestinations is empty, so events would go nowhere. Name a class'],
    [{ eventDestinations: Array(65).fill(Guard) }, 'eventDestinations has 65 classes. Write at most 64.'],
    [{ eventDestinations: [undefined] }, 'eventDestinations[0] is undefined. Write a class that extends'],
    [
      { providers: { provide: TotpUserDirectory, useClass: Directory } },
      'providers is an object. Write an array: providers: [',
    ],
    [{ providers: [undefined] }, 'providers[0] is undefined. Write a class or { provide'],
    [{ providers: ['Directory'] }, 'providers[0] is "Directory".'],
    [{ providers: [{ provide: undefined, useClass: Directory }] }, 'providers[0] has no token.'],
    [
      { providers: [{ provide: 'TotpUserDirectory', useClass: Directory }] },
      'providers[0].provide is the string "TotpUserDirectory". Write the class itself',
    ],
    [
      { providers: [{ provide: TotpUserDirectory }] },
      'providers[0] has no source. Write one of useClass, useExisting, useFactory and useValue.',
    ],
    [
      { providers: [{ provide: TotpUserDirectory, useClass: Directory, useValue: 1 }] },
      'providers[0] has useClass and useValue.',
    ],
    [
      { providers: [{ provide: TotpUserDirectory, useClass: undefined }] },
      'providers[0].useClass is undefined. Write a class.',
    ],
    [
      { providers: [{ provide: TotpUserDirectory, useClass: new Directory() }] },
      'providers[0].useClass is an object. Write a class.',
    ],
    [
      { providers: [{ provide: TotpUserDirectory, useFactory: new Directory() }] },
      'providers[0].useFactory is an object. Write a function.',
    ],
    [
      { providers: [{ provide: TotpUserDirectory, useExisting: undefined }] },
      'providers[0].useExisting is undefined. Write a token.',
    ],
    [
      { providers: [{ provide: TotpUserDirectory, useValue: undefined }] },
      'providers[0].useValue is undefined. Write a value.',
    ],
    [
      { providers: [Directory] },
      'Directory extends TotpUserDirectory, but nothing uses it. Write { provide: TotpUserDirectory, useClass: Directory } in providers.',
    ],
  ])('is refused, with what to write, when it cannot be used: %j', (extras, message) => {
    expect(() => read(extras)).toThrow(`TotpModule: ${message}`);
  });

  it('refuses a token of another copy of this package', () => {
    const Foreign = { TotpUserDirectory: class extends Directory {} }.TotpUserDirectory;
    expect(Foreign.name).toBe('TotpUserDirectory');
    expect(() => read({ providers: [{ provide: Foreign, useClass: Directory }] })).toThrow(
      'providers[0].provide is TotpUserDirectory of another copy of nestjs-totp. Run "npm ls nestjs-totp", and install one copy only.',
    );
  });

  it('takes providers of every form', () => {
    const providers = [
      Directory,
      { provide: TotpUserDirectory, useExisting: Directory },
      { provide: 'a value', useValue: null },
      { provide: Symbol('a factory'), useFactory: () => undefined, inject: [] },
    ];
    expect(read({ providers }).providers).toEqual(providers);
  });
});

describe('U4: settings that authenticator apps ignore', () => {
  it('U4: are warned of in one message that names them and the apps', () => {
    expect(authenticatorWarning(check({ algorithm: 'SHA256', digits: 8, defaultPeriod: 60 }))).toMatch(
      /^New devices use algorithm SHA256, 8 digits, a period of 60 s\. .*Google Authenticator and Microsoft Authenticator/,
    );
    expect(authenticatorWarning(check({ digits: 8 }))).toMatch(/^New devices use 8 digits\./);
  });

  it('U4: are not warned of when all apps honour them', () => {
    expect(authenticatorWarning(check({ defaultSkew: 0, maxDevices: 1 }))).toBeUndefined();
  });
});
