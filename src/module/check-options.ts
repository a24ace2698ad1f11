/** Checks the options of an application and fills in the defaults. */
import type { ApiOverride } from '../http/totp.api.js';
import type { TotpRetryIf } from '../outbox/deliveries.js';
import type { TotpConfig, TrustCookie } from '../recipe/config.js';
import type { TotpModuleAsyncOptions, TotpModuleExtras, TotpModuleOptions } from './options.js';
import { EXTRAS, OPTIONS } from './option-table.js';
import { fail, isPlainObject, readSettings, refuseUnknown, shown, type Values } from './schema.js';

/** `TotpConfig`, and the options that `http/` and `outbox/` read. */
export interface ResolvedOptions extends TotpConfig {
  readonly apis: ApiOverride | undefined;
  readonly retryIf: TotpRetryIf | undefined;
}

/** The extras with every default filled in. */
export type ResolvedExtras = Values<typeof EXTRAS>;

const DAY_MS = 86_400_000;
const DEFAULT_COOKIE: TrustCookie = { name: 'totp_trust', domain: undefined, path: '/' };

const OPTION_NAMES = Object.keys(OPTIONS);
const EXTRA_NAMES = Object.keys(EXTRAS);
const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const satisfies (keyof TotpModuleAsyncOptions)[];

/**
 * Fills in the defaults.
 *
 * @throws TotpConfigurationError when an option is missing, unknown, weak or wrong, or is an extra; the message says what to write
 */
export function checkOptions(options: TotpModuleOptions): ResolvedOptions {
  if (!isPlainObject(options)) {
    fail(
      `the options are ${shown(options)}`,
      'Write an object such as { issuer: "Acme" }, and return it from the factory',
    );
  }
  const misplaced = Object.keys(options).find((name) => EXTRA_NAMES.includes(name));
  if (misplaced !== undefined) {
    fail(
      `"${misplaced}" shapes the module itself, so it cannot come from the factory`,
      `Write it next to useFactory: forRootAsync({ ${misplaced}: …, useFactory })`,
    );
  }
  const values = readSettings(OPTIONS, options);
  const { lockout, events, trustedBrowsers } = values;
  refuseUnusedEventOptions(options.events ?? {}, events.outbox);
  const trustCookie = trustedBrowsers === false ? DEFAULT_COOKIE : trustedBrowsers.cookie;
  refuseImpossibleCookie(trustCookie);
  return {
    // As with the overrides, the check only ensures that it is a string or a function.
    issuer: options.issuer,
    secrets: values.secrets,
    algorithm: values.algorithm,
    digits: values.digits,
    defaultPeriod: values.defaultPeriod / 1_000,
    defaultSkew: values.defaultSkew,
    enrolment: values.enrolment,
    deviceNameInLabel: values.deviceNameInLabel,
    qrCodeWidth: values.qrCodeWidth,
    // The check only ensures that they are functions; the compiler checks the rest.
    functions: options.override?.functions,
    apis: options.override?.apis,
    retryIf: options.events?.retryIf,
    events: {
      outbox: events.outbox,
      codeEvents: events.codeEvents,
      relay: events.relay,
      pollIntervalMs: events.pollInterval,
      deliveryTimeoutMs: events.deliveryTimeout,
      maxAttempts: events.maxAttempts,
    },
    recoveryCodes: values.recoveryCodes,
    trustCookie,
    policy: {
      maxDevices: values.maxDevices,
      unverifiedLifetimeMs: values.unverifiedDeviceLifetime,
      maxFailures: lockout.maxFailures,
      cooldownMs: lockout.cooldown,
      multiplier: lockout.multiplier,
      maxCooldownMs: lockout.maxCooldown,
      hardLimit: lockout.hardLimit,
      vigilanceAfter: lockout.vigilance.after,
      forgivenessMs: Math.floor(DAY_MS / lockout.vigilance.forgivenPerDay),
      stepUpMaxAgeMs: values.stepUpMaxAge,
      trustLifetimeMs: trustedBrowsers === false ? 0 : trustedBrowsers.days * DAY_MS,
      maxTrustedBrowsers: trustedBrowsers === false ? 0 : trustedBrowsers.max,
    },
  };
}

/** @throws TotpConfigurationError when the options of `forRoot` are not an object */
export function checkSyncOptions(options: TotpModuleOptions & TotpModuleExtras): void {
  if (!isPlainObject(options))
    fail(`the options are ${shown(options)}`, 'Write TotpModule.forRoot({ issuer: "Acme", … })');
}

/** @throws TotpConfigurationError when the source of the options is missing, or an option is written outside of it */
export function checkAsyncOptions(options: TotpModuleAsyncOptions): void {
  const example = 'Write one of useFactory, useClass and useExisting: { useFactory: () => ({ issuer: "Acme" }) }';
  if (!isPlainObject(options)) fail(`forRootAsync is given ${shown(options)}`, example);
  const misplaced = Object.keys(options).find((name) => OPTION_NAMES.includes(name));
  if (misplaced !== undefined) {
    fail(
      `"${misplaced}" belongs in the object that the factory returns`,
      `Write forRootAsync({ useFactory: () => ({ ${misplaced}: … }) })`,
    );
  }
  refuseUnknown(options, [...EXTRA_NAMES, 'inject', 'provideInjectionTokensFrom', ...SOURCES]);
  const sources = SOURCES.filter((source) => options[source] !== undefined);
  const [source] = sources;
  if (source === undefined || sources.length > 1) {
    fail(`forRootAsync has ${source === undefined ? 'no source of options' : sources.join(' and ')}`, example);
  }
  if (source !== 'useExisting' && typeof options[source] !== 'function') {
    fail(`${source} is ${shown(options[source])}`, `Write a ${source === 'useClass' ? 'class' : 'function'}`);
  }
  const { inject } = options;
  if (inject !== undefined && !Array.isArray(inject))
    fail(`inject is ${shown(inject)}`, 'Write an array: inject: [ConfigService]');
}

/** Reads the extras from the argument of `forRoot` or `forRootAsync`, and fills in the defaults. */
export function readExtras(given: TotpModuleExtras): ResolvedExtras {
  const extras = Object.entries(given).filter(([name]) => EXTRA_NAMES.includes(name));
  return readSettings(EXTRAS, Object.fromEntries(extras));
}

/** A warning about settings that common authenticator apps ignore; undefined for settings that they all support. */
export function authenticatorWarning(config: TotpConfig): string | undefined {
  const unusual = [
    config.algorithm === 'SHA1' ? [] : `algorithm ${config.algorithm}`,
    config.digits === 6 ? [] : `${String(config.digits)} digits`,
    config.defaultPeriod === 30 ? [] : `a period of ${String(config.defaultPeriod)} s`,
  ].flat();
  if (unusual.length === 0) return undefined;
  return (
    `New devices use ${unusual.join(', ')}. Some authenticator apps ignore these settings and show codes that are never ` +
    'valid: Google Authenticator and Microsoft Authenticator are known to assume SHA1, 6 digits and 30 s in some versions.'
  );
}

/** Browsers drop a cookie whose name begins with `__Host-` without a word if it has a domain or another path (RFC 6265bis §4.1.3.2). */
function refuseImpossibleCookie({ name, domain, path }: TrustCookie): void {
  if (!name.toLowerCase().startsWith('__host-') || (domain === undefined && path === '/')) return;
  fail(
    `trustedBrowsers.cookie.name is "${name}", and browsers drop such a cookie if it has a domain or a path other than "/"`,
    'Leave domain and path out, or choose another name',
  );
}

function refuseUnusedEventOptions(given: object, outbox: boolean): void {
  if (outbox) return;
  const unused = Object.entries(given).find(([name, value]) => name !== 'outbox' && value !== undefined)?.[0];
  if (unused !== undefined) {
    fail(
      `events.${unused} configures the outbox, which is off`,
      `Write events: { outbox: true, ${unused}: … }, or leave it out`,
    );
  }
}
