/** The options as the rest of the module reads them: checked, and with every default filled in. */
import { Inject } from '@nestjs/common';
import type { Policy } from '../accounts/account.js';
import type { Algorithm } from '../otp/settings.js';
import type { KeyRing } from '../secrets/key-ring.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { kindOf } from '../shared/unknown.js';
import type { RecipeInterface } from './recipe-interface.js';

/** Event delivery beyond the in-process listeners, with every default filled in. */
export interface EventSettings {
  readonly outbox: boolean;
  readonly codeEvents: boolean;
  readonly relay: boolean;
  readonly pollIntervalMs: number;
  readonly deliveryTimeoutMs: number;
  readonly maxAttempts: number;
}

/** The most recovery codes that a user may have at a time. */
export const MAX_RECOVERY_CODES = 16;

/** Replaces single functions of the recipe, as SuperTokens' `override.functions` does. */
export type FunctionOverride = (original: RecipeInterface) => RecipeInterface;

/** Returns the issuer of a tenant, for applications with several brands: 1–64 characters. */
export type IssuerFunction = (input: { readonly tenantId: string }) => string;

export interface TrustCookie {
  readonly name: string;
  /** Undefined: the host that sets the cookie. */
  readonly domain: string | undefined;
  readonly path: string;
}

/** The options with every default filled in. */
export interface TotpConfig {
  readonly issuer: string | IssuerFunction;
  readonly secrets: KeyRing | 'plain-text' | undefined;
  readonly algorithm: Algorithm;
  readonly digits: 6 | 8;
  /** Seconds. */
  readonly defaultPeriod: number;
  readonly defaultSkew: number;
  readonly enrolment: 'optional' | 'required';
  readonly deviceNameInLabel: boolean;
  /** CSS pixels. */
  readonly qrCodeWidth: number;
  readonly functions: FunctionOverride | undefined;
  /** False when recovery codes are off. */
  readonly recoveryCodes: { readonly count: number } | false;
  /** How the token of a trusted browser is kept in it. Whether browsers are trusted at all is in the policy. */
  readonly trustCookie: TrustCookie;
  readonly policy: Policy;
  readonly events: EventSettings;
}

/** The token of `TotpConfig`. */
export const TOTP_OPTIONS = Symbol('nestjs-totp options');

/** Injects the options with every default filled in: a `TotpConfig`. */
export function InjectTotpOptions(): ParameterDecorator & PropertyDecorator {
  return Inject(TOTP_OPTIONS);
}

/** Whether a text can be an issuer, as authenticator apps show it. */
export function isIssuer(value: unknown): value is string {
  return typeof value === 'string' && /[\p{L}\p{N}]/u.test(value) && value.length <= 64;
}

/**
 * The issuer of a tenant's devices.
 *
 * @throws TotpConfigurationError when the application's function returns something else
 */
export function issuerOf({ issuer }: TotpConfig, tenantId = 'public'): string {
  if (typeof issuer === 'string') return issuer;
  const found: unknown = issuer({ tenantId });
  if (isIssuer(found)) return found;
  throw new TotpConfigurationError(
    `TotpModule: issuer({ tenantId: ${JSON.stringify(tenantId)} }) returned ${kindOf(found)}. Return the name of the tenant's ` +
      'application in 1 to 64 characters.',
  );
}
