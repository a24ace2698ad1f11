/** The types of the options. `option-table.ts` has each option's values, default and documentation. */
import type { CanActivate, ConfigurableModuleAsyncOptions, ModuleMetadata, Provider, Type } from '@nestjs/common';
import type { ApiOverride } from '../http/totp.api.js';
import type { Algorithm } from '../otp/settings.js';
import type { TotpRetryIf } from '../outbox/deliveries.js';
import type { TotpEventDestination } from '../outbox/destination.js';
import type { FunctionOverride, IssuerFunction } from '../recipe/config.js';
import type { TotpSealingKeys } from '../secrets/key-ring.js';
import type { TotpDuration } from '../shared/duration.js';

/** How many wrong codes lead to a lock, and how long it lasts. */
export interface TotpLockoutOptions {
  /** Failures within one `cooldown` that start a lock: 1–10, default 5. */
  readonly maxFailures?: number;
  /** The time within which failures are counted together, and the length of the first lock: 1 minute to 1 day, default 900 s. */
  readonly cooldown?: TotpDuration;
  /** The factor by which each further lock of the same streak is longer: 1–10, default 2. */
  readonly multiplier?: number;
  /** The length of the longest lock: from `cooldown` to 1 day, which is the default. */
  readonly maxCooldown?: TotpDuration;
  /** Failures in a row that lock the user until `unlockUser`: from `maxFailures` to 100 (NIST SP 800-63B-4), which is the default. */
  readonly hardLimit?: number;
  readonly vigilance?: TotpVigilanceOptions;
}

/** From how many wrong codes over the long run signing in takes two codes in a row (RFC 4226 §7.4). */
export interface TotpVigilanceOptions {
  /** Wrong codes that time has not forgiven: 1–1,000, default 30. */
  readonly after?: number;
  /** How many wrong codes a day are forgiven: 1–24, default 1. */
  readonly forgivenPerDay?: number;
}

/** Recovery codes, for people who lose their authenticator. */
export interface TotpRecoveryCodeOptions {
  /** The number of codes in a set: 1–16, default 8. */
  readonly count?: number;
}

/** Browsers that need not enter a code for some time. */
export interface TotpTrustedBrowserOptions {
  /** How many days a browser is trusted: 1–90, default 30. */
  readonly days?: number;
  /** Browsers that a user may trust at a time: 1–15, default 10. */
  readonly max?: number;
  readonly cookie?: TotpTrustCookieOptions;
}

/** The cookie that holds the token of a trusted browser. It is always `HttpOnly` and `SameSite=Lax`. */
export interface TotpTrustCookieOptions {
  /** Default `totp_trust`. */
  readonly name?: string;
  /** Default: the host that sets the cookie. */
  readonly domain?: string;
  /** Default `/`. */
  readonly path?: string;
}

/** The routes and headers of SuperTokens' front ends. */
export interface TotpSuperTokensOptions {
  /** After this time, a front end asks whether the session still exists: 1 minute to 1 day, default 1 hour. */
  readonly refreshAfter?: TotpDuration;
  /** Whether the routes are also served with a tenant in the path, as `auth/acme/totp/verify`. Default false. */
  readonly tenantPaths?: boolean;
}

/** Event delivery beyond the in-process listeners. */
export interface TotpEventOptions {
  /**
   * Whether events are stored in the database, together with the change that they report, until all
   * `eventDestinations` have them. Applies to all events but `totp.code.*`. Default false.
   */
  readonly outbox?: boolean;
  /** Whether the outbox also stores `totp.code.*`, which makes each check of a code a transaction. Default false. */
  readonly codeEvents?: boolean;
  /**
   * Whether this process delivers events. If not, other processes do, or `TotpOutboxRelay.runOnce()`, which a cron job calls. Default true.
   */
  readonly relay?: boolean;
  /** How often a process looks for events that another process left in the outbox: 100 ms to 1 minute, default 5 s. */
  readonly pollInterval?: TotpDuration;
  /** The time that one destination may take for one event: 100 ms to 1 minute, default 10 s. */
  readonly deliveryTimeout?: TotpDuration;
  /** Attempts after which an event becomes a dead letter: 1–1,000, default 50, which takes 2.6 to 3.5 hours. */
  readonly maxAttempts?: number;
  /**
   * Whether to try again after the error of a destination or handler: on false, the event becomes a dead letter at once. By default, all
   * errors but a `TotpUndeliverableEventError` lead to another attempt.
   */
  readonly retryIf?: TotpRetryIf;
}

/** Overrides as in SuperTokens: each function gets the original functions and returns those to use. */
export interface TotpOverrideOptions {
  /** Replaces functions of the recipe. All of them must be returned: `{ ...original, … }`. */
  readonly functions?: FunctionOverride;
  /** Replaces HTTP APIs. One that is set to undefined is not served; the others must be returned: `{ ...original, … }`. */
  readonly apis?: ApiOverride;
}

/** What the module does. May come from the factory of `forRootAsync`. */
export interface TotpModuleOptions {
  /**
   * The application's name, as authenticator apps show it: 1–64 characters. A function, for applications with several brands, returns
   * that of a tenant.
   */
  readonly issuer: string | IssuerFunction;
  /**
   * The keys that secrets are encrypted with. `'plain-text'` leaves them readable in the database and logs a warning at each
   * start: it is for tests and first steps. Leave it out only to provide a `TotpSecretCipher` of your own.
   */
  readonly secrets?: TotpSealingKeys | 'plain-text';
  /** The hash function of new devices: default `'SHA1'`, the only one that every authenticator app supports. */
  readonly algorithm?: Algorithm;
  /** The number of digits of new devices' codes: 6 (default) or 8. */
  readonly digits?: 6 | 8;
  /** How long an authenticator shows one code, for new devices: 15 s to 5 minutes, default 30 s. */
  readonly defaultPeriod?: TotpDuration;
  /** Steps before and after the current one whose codes are also accepted, for new devices: 0–2, default 1. */
  readonly defaultSkew?: number;
  /** Devices that a user may have at a time: 1–15, default 10. */
  readonly maxDevices?: number;
  /** Whether the label in authenticator apps ends with the name of the device: `ann@example.com (phone)`. Default false. */
  readonly deviceNameInLabel?: boolean;
  /** The width and height of `qrCodeImage` where the page sets none: 100–2,000 CSS pixels, default 232. */
  readonly qrCodeWidth?: number;
  /** How long a new device waits for its first code: 1 minute to 7 days, default 1 day. */
  readonly unverifiedDeviceLifetime?: TotpDuration;
  readonly lockout?: TotpLockoutOptions;
  /** Recovery codes; false serves none. Default `{ count: 8 }`. */
  readonly recoveryCodes?: TotpRecoveryCodeOptions | false;
  /** Whether users may trust a browser for some time. Default false. */
  readonly trustedBrowsers?: TotpTrustedBrowserOptions | false;
  /** How long a session that completed TOTP may change devices: 1 minute to 1 day, default 20 minutes. */
  readonly stepUpMaxAge?: TotpDuration;
  /** Whether `TotpGuard` lets users without a verified device pass (`'optional'`, the default) or not (`'required'`). */
  readonly enrolment?: 'optional' | 'required';
  readonly events?: TotpEventOptions;
  readonly override?: TotpOverrideOptions;
}

/** The options that shape the module itself, which must be known before a factory runs: written next to `useFactory`. */
export interface TotpModuleExtras {
  /** Where the routes are mounted, default `'totp'`. A SuperTokens front end uses `'auth/totp'`. */
  readonly path?: string;
  /** Guards that run before the module's own, in this order: your sign-in guard, which sets `request.user`. */
  readonly guards?: readonly Type<CanActivate>[];
  /**
   * Whether SuperTokens' pre-built screens are served, default false. They call more routes than those of TOTP, at `path` without its last
   * segment, which must be `totp`: `path: 'auth/totp'`. Needs a `SuperTokensSignOut` among `providers`.
   */
  readonly superTokens?: TotpSuperTokensOptions | false;
  /** Whether the HTTP routes are served, default true. */
  readonly controllers?: boolean;
  /** The name of the TypeORM data source, when it is not the default one. */
  readonly dataSource?: string | undefined;
  /** Whether other modules can inject `TotpService` and use `TotpGuard` without importing the module, default true. */
  readonly global?: boolean;
  /** Where the outbox delivers events, default `[HandlerTotpEventDestination]`: handlers of `@OnTotpEvent(name, { durable: true })`. */
  readonly eventDestinations?: readonly Type<TotpEventDestination>[] | undefined;
  /** Your own classes for the module's abstract ones: `{ provide: TotpUserDirectory, useClass: UserDirectory }`. */
  readonly providers?: readonly Provider[];
  /** Modules whose providers `providers` and `guards` need. */
  readonly imports?: ModuleMetadata['imports'];
}

/** A class that returns the options, for `forRootAsync({ useClass })`. */
export interface TotpOptionsFactory {
  createTotpOptions(): TotpModuleOptions | Promise<TotpModuleOptions>;
}

/** Where the options come from: one of `useFactory`, `useClass` and `useExisting`. */
export type TotpModuleAsyncOptions = ConfigurableModuleAsyncOptions<TotpModuleOptions, 'createTotpOptions'> &
  TotpModuleExtras;
