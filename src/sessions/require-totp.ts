/** The decorators that set what `TotpGuard` requires of a session. */
import { TotpConfigurationError } from '../shared/errors.js';
import { durationMs, type TotpDuration } from '../shared/duration.js';
import { kindOf } from '../shared/unknown.js';

/** What a decorator requires for a route or a controller. */
export type TotpRequirement = 'none' | { readonly maxAge: TotpDuration; readonly enrolment: 'required' | undefined };

/** The key of a `TotpRequirement` in the metadata of a route or a controller. */
export const TOTP_REQUIREMENT = Symbol('nestjs-totp requirement');

export interface RequireTotpOptions {
  /**
   * Maximum age of the session's last TOTP check, in seconds or as a string such as `'5m'`. An older session must enter a code
   * again. Leave it out to accept every session that completed TOTP.
   */
  readonly maxAge?: TotpDuration;
  /** Refuses users without a verified device, whatever `TotpEnrolmentPolicy` says. */
  readonly enrolment?: 'required';
}

/**
 * Sets what `TotpGuard` requires of a session on this route, or on all routes of a controller. A route's own decorator replaces its
 * controller's.
 *
 * @example
 * \@UseGuards(SignInGuard, TotpGuard)
 * \@RequireTotp({ maxAge: '5m' })
 * \@Post('transfers')
 * @throws TotpConfigurationError when the class is loaded, for invalid options
 */
export function RequireTotp(options: RequireTotpOptions = {}): ClassDecorator & MethodDecorator {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    fail(`@RequireTotp() was called with ${kindOf(given)}. Write @RequireTotp({ maxAge: '5m' }), or @RequireTotp()`);
  }
  const unknown = Object.keys(options).find((name) => name !== 'maxAge' && name !== 'enrolment');
  if (unknown !== undefined)
    fail(`@RequireTotp() has no option "${unknown}". Write maxAge or enrolment, or leave it out`);
  const enrolment: unknown = options.enrolment;
  if ('enrolment' in options && enrolment !== 'required') {
    fail(`@RequireTotp({ enrolment }) is ${kindOf(enrolment)}. Write enrolment: 'required', or leave it out`);
  }
  if (!('maxAge' in options)) return requirement({ maxAge: Infinity, enrolment: options.enrolment });
  const { maxAge } = options;
  maxAgeMs(maxAge, '@RequireTotp({ maxAge })');
  return requirement({ maxAge, enrolment: options.enrolment });
}

/**
 * Lets requests to a route or a controller pass a global `TotpGuard`, for signing in. The module's own routes have it:
 * otherwise, no code could be entered.
 */
export function WithoutTotp(): ClassDecorator & MethodDecorator {
  return requirement('none');
}

/**
 * A maximum age in milliseconds.
 *
 * @param source where it was written, for the error
 * @throws TotpConfigurationError for an invalid value: a wrong maximum must not let every session pass
 */
export function maxAgeMs(maxAge: unknown, source: string): number {
  const ms = durationMs(maxAge);
  if (ms !== undefined && ms > 0) return ms;
  const shown = typeof maxAge === 'string' ? JSON.stringify(maxAge) : kindOf(maxAge);
  fail(
    `${source} is ${shown}. Write seconds as a number greater than 0, or a string such as '90s', '5m' or '2h'; leave maxAge out to ` +
      'accept a code of any age',
  );
}

/** @throws TotpConfigurationError for two decorators on one target, because one would be ignored */
function requirement(value: TotpRequirement): ClassDecorator & MethodDecorator {
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const place: unknown = descriptor === undefined ? target : descriptor.value;
    if (typeof place !== 'function')
      fail('@RequireTotp() and @WithoutTotp() belong on a class or a method. Move them there');
    if (Reflect.hasOwnMetadata(TOTP_REQUIREMENT, place)) {
      fail(`${place.name} has two of @RequireTotp() and @WithoutTotp(). Keep one of them`);
    }
    Reflect.defineMetadata(TOTP_REQUIREMENT, value, place);
  };
}

function fail(problem: string): never {
  throw new TotpConfigurationError(`TotpModule: ${problem}.`);
}
