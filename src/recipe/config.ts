/** The options as the rest of the module reads them: checked, and with every default filled in. */
import { Inject } from '@nestjs/common';
import type { Policy } from '../accounts/account.js';
import type { Algorithm } from '../otp/settings.js';
import type { KeyRing } from '../secrets/key-ring.js';
import type { RecipeInterface } from './recipe-interface.js';

/** What becomes of events, beside that listeners in the same process hear them at once. */
export interface TotpEventOptions {
  /**
   * Whether events are kept in the database, together with the change that they report, until they are handed on to all
   * `eventDestinations`; default false. Everything under `totp.device.*` and `totp.user.*` is.
   */
  readonly outbox?: boolean;
  /** Whether `totp.code.*` are kept in the outbox too, which makes a transaction of each code that is entered; default false. */
  readonly codeEvents?: boolean;
  /** Milliseconds between two looks at what other processes left in the outbox: 100–60,000, default 1,000. */
  readonly pollInterval?: number;
  /** Milliseconds that one destination may take for one event: 100–60,000, default 10,000. */
  readonly deliveryTimeout?: number;
  /** Tries after which an event is parked: 1–1,000, default 50, which is after 3.5 hours. */
  readonly maxAttempts?: number;
}

/** Replaces single functions of the recipe, as SuperTokens' `override.functions` does. */
export type FunctionOverride = (original: RecipeInterface) => RecipeInterface;

/** The options with every default filled in. */
export interface TotpConfig {
  readonly issuer: string;
  readonly secrets: KeyRing | 'plain-text' | undefined;
  readonly algorithm: Algorithm;
  readonly digits: 6 | 8;
  readonly defaultPeriod: number;
  readonly defaultSkew: number;
  readonly enrolment: 'optional' | 'required';
  readonly functions: FunctionOverride | undefined;
  readonly policy: Policy;
  readonly events: Required<TotpEventOptions>;
}

/** The token of `TotpConfig`. */
export const TOTP_OPTIONS = Symbol('nestjs-totp options');

/** Injects the options with every default filled in: a `TotpConfig`. */
export function InjectTotpOptions(): ParameterDecorator & PropertyDecorator {
  return Inject(TOTP_OPTIONS);
}
