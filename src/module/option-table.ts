/** The one table of options: each option's type, range, default, unit and sentence. Checks, messages and documentation use it. */
import type { CanActivate, ModuleMetadata, Provider, Type } from '@nestjs/common';
import { ALGORITHMS, DIGITS, PERIOD_RANGE, SKEW_RANGE } from '../otp/settings.js';
import type { TotpEventDestination } from '../outbox/destination.js';
import { isIssuer, MAX_RECOVERY_CODES } from '../recipe/config.js';
import { readKeyRing } from '../secrets/key-ring.js';
import { guardList, destinationList, moduleList, mountPath, providerList } from './extras.js';
import type {
  TotpEventOptions,
  TotpLockoutOptions,
  TotpModuleExtras,
  TotpModuleOptions,
  TotpOverrideOptions,
  TotpRecoveryCodeOptions,
  TotpSuperTokensOptions,
  TotpTrustCookieOptions,
  TotpTrustedBrowserOptions,
  TotpVigilanceOptions,
} from './options.js';
import {
  choice,
  custom,
  duration,
  fail,
  flag,
  type Group,
  group,
  integer,
  type Schema,
  type Settings,
  shown,
  switchable,
} from './schema.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

const NEW_DEVICES = 'for new devices; several apps ignore other values, so the module warns';

const vigilance = {
  after: integer({
    min: 1,
    max: 1_000,
    defaultValue: 30,
    sentence: 'wrong codes over the long run from which signing in takes two codes in a row',
  }),
  forgivenPerDay: integer({ min: 1, max: 24, defaultValue: 1, sentence: 'wrong codes that a day forgives' }),
} satisfies Schema<TotpVigilanceOptions>;

const lockout = {
  maxFailures: integer({
    min: 1,
    max: 10,
    defaultValue: 5,
    sentence: 'failures within one `cooldown` that lock the user',
  }),
  cooldown: duration({
    min: MINUTE,
    max: DAY,
    defaultValue: 15 * MINUTE,
    sentence: 'the time within which failures are counted together, and the length of the first lock',
  }),
  multiplier: integer({
    min: 1,
    max: 10,
    defaultValue: 2,
    sentence: 'the factor by which each further lock of a streak is longer',
  }),
  maxCooldown: duration({ min: 'cooldown', max: DAY, defaultValue: DAY, sentence: 'the length of the longest lock' }),
  hardLimit: integer({
    min: 'maxFailures',
    max: 100,
    defaultValue: 100,
    sentence: 'failures in a row that lock the user until `unlockUser`',
  }),
  vigilance: group({ sentence: 'when signing in takes two codes in a row', settings: vigilance }),
} satisfies Schema<TotpLockoutOptions>;

const recoveryCodes = {
  count: integer({ min: 1, max: MAX_RECOVERY_CODES, defaultValue: 8, sentence: 'recovery codes in a set' }),
} satisfies Schema<TotpRecoveryCodeOptions>;

const trustedBrowsers = {
  days: integer({ min: 1, max: 90, defaultValue: 30, sentence: 'days for which a browser is trusted' }),
  max: integer({ min: 1, max: 15, defaultValue: 10, sentence: 'browsers that a user may trust at a time' }),
  cookie: group({
    sentence: 'the cookie of a trusted browser',
    settings: {
      name: custom({
        values: 'a name',
        shownDefault: "`'totp_trust'`",
        sentence: 'the name of the cookie',
        read: (value, name) => cookiePart(value, name, /^[\w!#$%&'*+.^`|~-]+$/, 'totp_trust') ?? 'totp_trust',
      }),
      domain: custom({
        values: 'a domain',
        sentence: 'the domain of the cookie; by default, the host that sets it',
        read: (value, name) => cookiePart(value, name, /^[a-z\d.-]+$/i, 'example.com'),
      }),
      path: custom({
        values: 'a path',
        shownDefault: "`'/'`",
        sentence: 'the path of the cookie',
        read: (value, name) => cookiePart(value, name, /^\/[\x21-\x3a\x3c-\x7e]*$/, '/') ?? '/',
      }),
    } satisfies Schema<TotpTrustCookieOptions>,
  }),
} satisfies Schema<TotpTrustedBrowserOptions>;

const superTokens = {
  refreshAfter: duration({
    min: MINUTE,
    max: DAY,
    defaultValue: 60 * MINUTE,
    sentence: 'after this time, the front end asks whether the session still exists',
  }),
  tenantPaths: flag({
    defaultValue: false,
    sentence: 'whether the routes are also served with a tenant in the path: `auth/acme/totp/verify`',
  }),
} satisfies Schema<TotpSuperTokensOptions>;

const events = {
  outbox: flag({ defaultValue: false, sentence: 'whether [events are stored](events.md) until they are delivered' }),
  codeEvents: flag({ defaultValue: false, sentence: 'whether the outbox also stores `totp.code.*`' }),
  relay: flag({
    defaultValue: true,
    sentence:
      'whether this process delivers events; if not, others do, or [`runOnce()`](events.md#processes-that-deliver)',
  }),
  pollInterval: duration({
    min: 100,
    max: MINUTE,
    defaultValue: 5 * SECOND,
    sentence: 'how often a process looks for events that another process left in the outbox',
  }),
  deliveryTimeout: duration({
    min: 100,
    max: MINUTE,
    defaultValue: 10 * SECOND,
    sentence: 'the time that a destination may take for one event',
  }),
  maxAttempts: integer({
    min: 1,
    max: 1_000,
    defaultValue: 50,
    sentence: 'attempts after which an event becomes a dead letter',
  }),
  retryIf: custom({
    values: 'a function',
    sentence: '[whether to try again](events.md#events-that-can-never-be-delivered) after an error',
    read: retryFunction,
  }),
} satisfies Schema<TotpEventOptions>;

const override = {
  functions: custom({
    values: 'a function',
    sentence: '[replaces functions of the recipe](overriding.md)',
    read: overrideFunction,
  }),
  apis: custom({
    values: 'a function',
    sentence: '[replaces HTTP APIs](overriding.md), or switches them off',
    read: overrideFunction,
  }),
} satisfies Schema<TotpOverrideOptions>;

/** What the module does; may come from a factory. */
export const OPTIONS = {
  issuer: custom({
    values: '1 to 64 characters, or a function',
    sentence: "your application's name, as authenticator apps show it; a function returns that of a tenant",
    read: issuer,
  }),
  secrets: custom({
    values: "`{ keys, current }`, `'plain-text'`",
    sentence:
      "[the keys](keys.md) that secrets are encrypted with; `'plain-text'` leaves them readable, and logs a warning",
    read: (value) => (value === undefined || value === 'plain-text' ? value : readKeyRing(value)),
  }),
  algorithm: choice({ choices: ALGORITHMS, defaultValue: 'SHA1', sentence: NEW_DEVICES }),
  digits: choice({ choices: DIGITS, defaultValue: 6, sentence: NEW_DEVICES }),
  defaultPeriod: duration({
    min: PERIOD_RANGE[0] * SECOND,
    max: PERIOD_RANGE[1] * SECOND,
    defaultValue: 30 * SECOND,
    sentence: NEW_DEVICES,
  }),
  defaultSkew: integer({
    min: SKEW_RANGE[0],
    max: SKEW_RANGE[1],
    defaultValue: 1,
    sentence: 'steps before and after the current one whose codes are also accepted, for new devices',
  }),
  deviceNameInLabel: flag({ defaultValue: false, sentence: 'whether the label in apps also names the device' }),
  qrCodeWidth: integer({
    min: 100,
    max: 2_000,
    defaultValue: 232,
    sentence: 'the CSS pixels of a side of the QR code',
  }),
  maxDevices: integer({ min: 1, max: 15, defaultValue: 10, sentence: 'devices that a user may have at a time' }),
  unverifiedDeviceLifetime: duration({
    min: MINUTE,
    max: 7 * DAY,
    defaultValue: DAY,
    sentence: 'how long a new device waits for its first code',
  }),
  lockout: group({ sentence: 'the limits for wrong codes', settings: lockout }),
  recoveryCodes: switchable({
    sentence: '[recovery codes](recovery.md), for people who lose their authenticator; `false` serves none',
    settings: recoveryCodes,
    defaultValue: 'on',
  }),
  trustedBrowsers: switchable({
    sentence: '[browsers that need not enter a code](trusted-browsers.md) for some time',
    settings: trustedBrowsers,
    defaultValue: 'off',
  }),
  stepUpMaxAge: duration({
    min: MINUTE,
    max: DAY,
    defaultValue: 20 * MINUTE,
    sentence: 'maximum age of the last TOTP check for changing devices',
  }),
  enrolment: choice({
    choices: ['optional', 'required'],
    defaultValue: 'optional',
    sentence: "whether `TotpGuard` lets users without a verified device pass; with `'required'` it does not",
  }),
  events: group({ sentence: 'event delivery beyond the in-process listeners', settings: events }),
  override: group({ sentence: "SuperTokens' way of overriding", settings: override }),
} satisfies Schema<TotpModuleOptions>;

/** What shapes the module itself; written next to a factory. */
export const EXTRAS = {
  path: custom<string>({
    values: 'a path',
    shownDefault: "`'totp'`",
    sentence: 'where the routes are mounted',
    read: mountPath,
  }),
  guards: custom<readonly Type<CanActivate>[]>({
    values: 'classes',
    shownDefault: '`[]`',
    sentence: "guards that run before the module's own: your sign-in guard",
    read: guardList,
  }),
  superTokens: switchable({
    sentence: "[the routes of SuperTokens' pre-built screens](supertokens.md), which need a path such as `auth/totp`",
    settings: superTokens,
    defaultValue: 'off',
  }),
  controllers: flag({ defaultValue: true, sentence: 'whether the HTTP routes are served' }),
  dataSource: custom({
    values: 'a name',
    sentence: 'the TypeORM data source, when it is not the default one',
    read: (value, name) => {
      if (value === undefined || (typeof value === 'string' && value !== '')) return value;
      return fail(
        `${name} is ${shown(value)}`,
        'Write the name of a data source: TypeOrmModule.forRoot({ name: "…", … })',
      );
    },
  }),
  global: flag({
    defaultValue: true,
    sentence: "whether other modules can use the module's providers without importing it",
  }),
  eventDestinations: custom<readonly Type<TotpEventDestination>[] | undefined>({
    values: 'classes',
    shownDefault: '`[HandlerTotpEventDestination]`',
    sentence: 'where the outbox delivers events; by default to handlers of `durable: true`',
    read: destinationList,
  }),
  providers: custom<readonly Provider[]>({
    values: 'providers',
    shownDefault: '`[]`',
    sentence: '[your own parts](overriding.md)',
    read: providerList,
  }),
  imports: custom<NonNullable<ModuleMetadata['imports']>>({
    values: 'modules',
    shownDefault: '`[]`',
    sentence: 'modules whose providers `providers` and `guards` need',
    read: moduleList,
  }),
} satisfies Schema<TotpModuleExtras>;

/** The table for the documentation, in Markdown. */
export function optionsAsMarkdown(): string {
  const rows = [...rowsOf(OPTIONS, ''), ...rowsOf(EXTRAS, '')].map((cells) => `| ${cells.join(' | ')} |`);
  return ['| option | values | default | |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function rowsOf(settings: Settings, prefix: string): string[][] {
  return Object.entries(settings).flatMap(([name, setting]) => [
    ...(setting.values === ''
      ? []
      : [[`\`${prefix}${name}\``, setting.values, setting.shownDefault, setting.sentence]]),
    ...(isGroup(setting) ? rowsOf(setting.settings, `${prefix}${name}.`) : []),
  ]);
}

function isGroup(setting: object): setting is Group<Settings> {
  return 'settings' in setting;
}

function issuer(value: unknown, name: string): unknown {
  if (isIssuer(value) || typeof value === 'function') return value;
  return fail(
    `${name} is ${value === undefined ? 'missing' : shown(value)}`,
    'Write your application\'s name in 1 to 64 characters, as authenticator apps show it: { issuer: "Acme" }',
  );
}

function cookiePart(value: unknown, name: string, pattern: RegExp, example: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && pattern.test(value))) return value;
  return fail(`${name} is ${shown(value)}`, `Write a text such as '${example}', or leave it out`);
}

function overrideFunction(value: unknown, name: string): unknown {
  return functionLike('(original) => ({ ...original, … })', value, name);
}

function retryFunction(value: unknown, name: string): unknown {
  return functionLike('(error) => !(error instanceof …)', value, name);
}

function functionLike(example: string, value: unknown, name: string): unknown {
  if (value === undefined || typeof value === 'function') return value;
  return fail(`${name} is ${shown(value)}`, `Write a function: ${example}`);
}
