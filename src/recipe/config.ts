/** The options as the rest of the module reads them: checked, and with every default filled in. */
import { Inject } from '@nestjs/common';
import type { Policy } from '../accounts/account.js';
import type { Algorithm } from '../otp/settings.js';
import type { KeyRing } from '../secrets/key-ring.js';
import type { RecipeInterface } from './recipe-interface.js';

/** Event delivery beyond the in-process listeners, with every default filled in. */
export interface EventSettings {
  readonly outbox: boolean;
  readonly codeEvents: boolean;
  readonly pollIntervalMs: number;
  readonly deliveryTimeoutMs: number;
  readonly maxAttempts: number;
}

/** Replaces single functions of the recipe, as SuperTokens' `override.functions` does. */
export type FunctionOverride = (original: RecipeInterface) => RecipeInterface;

/** The options with every default filled in. */
export interface TotpConfig {
  readonly issuer: string;
  readonly secrets: KeyRing | 'plain-text' | undefined;
  readonly algorithm: Algorithm;
  readonly digits: 6 | 8;
  /** Seconds. */
  readonly defaultPeriod: number;
  readonly defaultSkew: number;
  readonly enrolment: 'optional' | 'required';
  readonly functions: FunctionOverride | undefined;
  readonly policy: Policy;
  readonly events: EventSettings;
}

/** The token of `TotpConfig`. */
export const TOTP_OPTIONS = Symbol('nestjs-totp options');

/** Injects the options with every default filled in: a `TotpConfig`. */
export function InjectTotpOptions(): ParameterDecorator & PropertyDecorator {
  return Inject(TOTP_OPTIONS);
}
