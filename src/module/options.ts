/** Everything that an application may set: what it is for, its range, its default, and what is said when it is wrong. */
import {
  type CanActivate,
  type FactoryProvider,
  type InjectionToken,
  type ModuleMetadata,
  type Provider,
  type Type,
} from '@nestjs/common';
import type { ApiOverride } from '../http/totp.api.js';
import type { TotpEventDestination } from '../outbox/destination.js';
import { readKeyRing, type TotpSealingKeys } from '../secrets/key-ring.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { type Algorithm, ALGORITHMS, DIGITS, PERIOD_RANGE, SKEW_RANGE } from '../otp/settings.js';
import type { FunctionOverride, TotpConfig, TotpEventOptions } from '../recipe/config.js';

/** How many wrong codes are answered, and how long the wait is then. */
export interface TotpLockoutOptions {
  /** Failures within one cooldown that start a lock: 1–10, default 5. */
  readonly maxFailures?: number;
  /** Seconds in which failures are counted together, and the length of a first lock: 60–86,400, default 900. */
  readonly cooldown?: number;
  /** By how much each further lock of the same streak lasts longer: 1–10, default 2. */
  readonly multiplier?: number;
  /** Seconds that the longest lock lasts: from `cooldown` to 86,400, which is the default. */
  readonly maxCooldown?: number;
  /** Failures in a row that lock until `unlockUser`: from `maxFailures` to 100 (NIST SP 800-63B-4), the default. */
  readonly hardLimit?: number;
}

/** What the module does; may come from `forRootAsync`'s factory. */
export interface TotpModuleOptions {
  /** The application's name, as authenticator apps show it: 1–64 characters. */
  readonly issuer: string;
  /**
   * How secrets are kept: the keys to seal them with. `'plain-text'` keeps them readable in the database and logs a warning at
   * each start: it is for tests and first steps. Leave it out to provide a `TotpSecretCipher` of your own.
   */
  readonly secrets?: TotpSealingKeys | 'plain-text';
  /** The hash function of new devices; default SHA1, the only one that every authenticator app honours. */
  readonly algorithm?: Algorithm;
  /** The number of digits of new devices' codes: 6 (default) or 8. */
  readonly digits?: 6 | 8;
  /** Seconds that one code is shown for, on new devices: 15–300, default 30. */
  readonly defaultPeriod?: number;
  /** Steps before and after the current one whose codes are taken too, on new devices: 0–2, default 1. */
  readonly defaultSkew?: number;
  /** Devices a user may have at a time: 1–15, default 10. */
  readonly maxDevices?: number;
  /** Seconds that an unverified device waits for its first code: 60–604,800, default 86,400. */
  readonly unverifiedDeviceLifetime?: number;
  readonly lockout?: TotpLockoutOptions;
  /** Seconds after which a session must enter a code again to change devices: 60–86,400, default 1,200. */
  readonly stepUpMaxAge?: number;
  /** Whether `TotpGuard` lets users without a verified device pass (`'optional'`, the default) or not (`'required'`). */
  readonly enrolment?: 'optional' | 'required';
  readonly events?: TotpEventOptions;
  /** Replaces single functions or APIs, as SuperTokens' `override` does. An API set to undefined is not served. */
  readonly override?: {
    readonly functions?: FunctionOverride;
    readonly apis?: ApiOverride;
  };
}

/** What must be known before any factory runs, since it shapes the module itself. Stands beside the factory. */
export interface TotpModuleStatics {
  /** Where the routes stand, default `totp`. A SuperTokens front end uses `auth/totp`. */
  readonly path?: string;
  /** Guards that run before the module's own, in this order: your sign-in guard, which sets `request.user`. */
  readonly guards?: readonly Type<CanActivate>[];
  /** Whether the HTTP routes are served, default true. */
  readonly controllers?: boolean;
  /** The name of the TypeORM data source, when it is not the default one. */
  readonly dataSource?: string;
  /** Whether other modules can inject `TotpService` and use `TotpGuard` without importing the module, default true. */
  readonly global?: boolean;
  /** Where events go from the outbox, default `[EmitterTotpEventDestination]`: listeners of `@OnTotpEvent(name, { durable: true })`. */
  readonly eventDestinations?: readonly Type<TotpEventDestination>[];
  /** Your own classes for the module's abstract ones: `{ provide: TotpUserDirectory, useClass: UserDirectory }`. */
  readonly providers?: readonly Provider[];
  /** Modules whose providers `providers` and `guards` need. */
  readonly imports?: ModuleMetadata['imports'];
}

/** A class that makes the options, for `forRootAsync({ useClass })`. */
export interface TotpOptionsFactory {
  createTotpOptions(): TotpModuleOptions | Promise<TotpModuleOptions>;
}

export interface TotpModuleAsyncOptions extends TotpModuleStatics {
  readonly inject?: readonly (InjectionToken | { token: InjectionToken; optional: boolean })[];
  readonly useFactory?: FactoryProvider<TotpModuleOptions>['useFactory'];
  readonly useClass?: Type<TotpOptionsFactory>;
  readonly useExisting?: InjectionToken<TotpOptionsFactory>;
}

/** What the module works with: `TotpConfig`, and what \`http/\` takes of it. */
export interface ResolvedOptions extends TotpConfig {
  readonly apis: ApiOverride | undefined;
}

const STATIC_NAMES: readonly string[] = [
  'path',
  'guards',
  'controllers',
  'dataSource',
  'global',
  'eventDestinations',
  'providers',
  'imports',
] satisfies (keyof TotpModuleStatics)[];

const OPTION_NAMES: readonly string[] = [
  'issuer',
  'secrets',
  'algorithm',
  'digits',
  'defaultPeriod',
  'defaultSkew',
  'maxDevices',
  'unverifiedDeviceLifetime',
  'lockout',
  'stepUpMaxAge',
  'enrolment',
  'events',
  'override',
] satisfies (keyof TotpModuleOptions)[];

const LOCKOUT_NAMES: readonly string[] = [
  'maxFailures',
  'cooldown',
  'multiplier',
  'maxCooldown',
  'hardLimit',
] satisfies (keyof TotpLockoutOptions)[];

const EVENT_NAMES: readonly string[] = [
  'outbox',
  'codeEvents',
  'pollInterval',
  'deliveryTimeout',
  'maxAttempts',
] satisfies (keyof TotpEventOptions)[];

/**
 * Fills in the defaults.
 *
 * @throws TotpConfigurationError naming what to write, when something is missing, unknown, weak, or static
 */
export function checkOptions(options: TotpModuleOptions | null | undefined): ResolvedOptions {
  if (typeof options !== 'object' || options === null) fail('the options must be an object such as { issuer: "Acme" }');
  for (const name of Object.keys(options)) {
    if (STATIC_NAMES.includes(name)) {
      fail(
        `"${name}" shapes the module itself: write it beside useFactory, forRootAsync({ ${name}: …, useFactory }), not into what the factory returns`,
      );
    }
  }
  refuseUnknown(options, OPTION_NAMES, '');
  const lockout = options.lockout ?? {};
  refuseUnknown(lockout, LOCKOUT_NAMES, 'lockout.');
  const events = checkEvents(options.events ?? {});

  const { issuer } = options;
  if (typeof issuer !== 'string' || !/[\p{L}\p{N}]/u.test(issuer) || issuer.length > 64) {
    fail(
      'issuer must be your application\'s name in 1 to 64 characters, as authenticator apps show it: { issuer: "Acme" }',
    );
  }
  const cooldown = integer('lockout.cooldown', lockout.cooldown, 900, 60, 86_400);
  const maxFailures = integer('lockout.maxFailures', lockout.maxFailures, 5, 1, 10);
  return {
    issuer,
    secrets:
      options.secrets === undefined || options.secrets === 'plain-text'
        ? options.secrets
        : readKeyRing(options.secrets),
    algorithm: oneOf('algorithm', options.algorithm, 'SHA1', ALGORITHMS),
    digits: oneOf('digits', options.digits, 6, DIGITS),
    defaultPeriod: integer('defaultPeriod', options.defaultPeriod, 30, ...PERIOD_RANGE),
    defaultSkew: integer('defaultSkew', options.defaultSkew, 1, ...SKEW_RANGE),
    enrolment: oneOf('enrolment', options.enrolment, 'optional', ['optional', 'required']),
    functions: options.override?.functions,
    apis: options.override?.apis,
    events,
    policy: {
      maxDevices: integer('maxDevices', options.maxDevices, 10, 1, 15),
      unverifiedLifetimeMs:
        integer('unverifiedDeviceLifetime', options.unverifiedDeviceLifetime, 86_400, 60, 604_800) * 1000,
      maxFailures,
      cooldownMs: cooldown * 1000,
      multiplier: integer('lockout.multiplier', lockout.multiplier, 2, 1, 10),
      maxCooldownMs: integer('lockout.maxCooldown', lockout.maxCooldown, 86_400, cooldown, 86_400) * 1000,
      hardLimit: integer('lockout.hardLimit', lockout.hardLimit, 100, maxFailures, 100),
      stepUpMaxAgeMs: integer('stepUpMaxAge', options.stepUpMaxAge, 1_200, 60, 86_400) * 1000,
    },
  };
}

function checkEvents(events: TotpEventOptions): Required<TotpEventOptions> {
  refuseUnknown(events, EVENT_NAMES, 'events.');
  const [others] = Object.entries(events).flatMap(([name, value]) =>
    name === 'outbox' || value === undefined ? [] : name,
  );
  const outbox = oneOf('events.outbox', events.outbox, false, [true, false]);
  if (!outbox && others !== undefined) {
    fail(
      `events.${others} is about the outbox, which is off: write events: { outbox: true, ${others}: … }, or leave it out`,
    );
  }
  return {
    outbox,
    codeEvents: oneOf('events.codeEvents', events.codeEvents, false, [true, false]),
    pollInterval: integer('events.pollInterval', events.pollInterval, 1_000, 100, 60_000),
    deliveryTimeout: integer('events.deliveryTimeout', events.deliveryTimeout, 10_000, 100, 60_000),
    maxAttempts: integer('events.maxAttempts', events.maxAttempts, 50, 1, 1_000),
  };
}

/** A warning for settings that common authenticator apps ignore; undefined for settings that they all honour. */
export function authenticatorWarning(config: TotpConfig): string | undefined {
  const unusual = [
    config.algorithm === 'SHA1' ? [] : `algorithm ${config.algorithm}`,
    config.digits === 6 ? [] : `${String(config.digits)} digits`,
    config.defaultPeriod === 30 ? [] : `a period of ${String(config.defaultPeriod)} s`,
  ].flat();
  if (unusual.length === 0) return undefined;
  return (
    `New devices use ${unusual.join(', ')}. Some authenticator apps ignore these settings and show codes that are never ` +
    'right: Google Authenticator and Microsoft Authenticator are known to assume SHA1, 6 digits and 30 s in some versions.'
  );
}

/** The options without what shapes the module. */
export function withoutStatics(options: TotpModuleOptions & TotpModuleStatics): TotpModuleOptions {
  const rest: TotpModuleOptions = { ...options };
  for (const name of STATIC_NAMES) Reflect.deleteProperty(rest, name);
  return rest;
}

/** @throws TotpConfigurationError when there is no source of options, or an option beside it that belongs into it */
export function checkAsyncOptions(options: TotpModuleAsyncOptions): void {
  const sources = [options.useFactory, options.useClass, options.useExisting].filter((source) => source !== undefined);
  if (sources.length !== 1) {
    fail('forRootAsync needs one of useFactory, useClass and useExisting: { useFactory: () => ({ issuer: "Acme" }) }');
  }
  for (const name of Object.keys(options)) {
    if (OPTION_NAMES.includes(name)) {
      fail(`"${name}" belongs into what the factory returns: forRootAsync({ useFactory: () => ({ ${name}: … }) })`);
    }
  }
  refuseUnknown(options, [...STATIC_NAMES, 'inject', 'useFactory', 'useClass', 'useExisting'], '');
}

function refuseUnknown(given: object, known: readonly string[], prefix: string): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) {
      fail(`"${prefix}${name}" is not an option; the options are ${known.map((one) => prefix + one).join(', ')}`);
    }
  }
}

function integer(name: string, value: number | undefined, standard: number, least: number, most: number): number {
  const chosen = value ?? Math.min(Math.max(standard, least), most);
  if (!Number.isInteger(chosen) || chosen < least || chosen > most) {
    fail(
      `${name} is ${String(value)}: write a whole number from ${String(least)} to ${String(most)}, or leave it out for ${String(standard)}`,
    );
  }
  return chosen;
}

function oneOf<T, D>(name: string, value: T | undefined, standard: D, choices: readonly T[]): T | D {
  if (value === undefined) return standard;
  if (!choices.includes(value)) {
    fail(
      `${name} is ${JSON.stringify(value)}: write one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`,
    );
  }
  return value;
}

function fail(problem: string): never {
  throw new TotpConfigurationError(`TotpModule: ${problem}.`);
}
