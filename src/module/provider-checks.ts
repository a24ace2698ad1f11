/** Checks the providers that replace the module's own: their scope, and the methods that the module calls. */
import type { InjectionToken } from '@nestjs/common';
import { TotpEnrolmentPolicy } from '../sessions/enrolment-policy.js';
import { TotpSessionAdapter } from '../sessions/session-adapter.js';
import { TOTP_OPTIONS } from '../recipe/config.js';
import { TotpUserDirectory } from '../recipe/user-directory.js';
import { property } from '../shared/unknown.js';
import { COLLABORATORS, REQUIRED_METHODS } from './collaborators.js';
import type { Registration } from './registrations.js';
import { fail, shown } from './schema.js';
import { APPLICATION_DIRECTORY, EVENT_DESTINATIONS } from './tokens.js';

/** The providers that are only used while a request is answered. */
const IN_ANY_SCOPE: readonly unknown[] = [TotpUserDirectory, TotpSessionAdapter, TotpEnrolmentPolicy];

/**
 * The module also works outside of requests: at start-up, for the outbox and in the background. So most of its providers must be
 * singletons: Nest would not construct what depends on a request-scoped one.
 *
 * @throws TotpConfigurationError that names the first provider that is not a singleton
 */
export function refuseScopes(own: Registration): void {
  const named: [string, InjectionToken][] = [
    ['the factory of the options', TOTP_OPTIONS],
    ...COLLABORATORS.flatMap((token): [string, InjectionToken][] =>
      IN_ANY_SCOPE.includes(token) ? [] : [[token.name, token]],
    ),
    ['one of eventDestinations', EVENT_DESTINATIONS],
  ];
  for (const [name, token] of named) {
    const wrapper = own.wrapper(token);
    if (wrapper === undefined || (wrapper.isDependencyTreeStatic() && !wrapper.isTransient)) continue;
    fail(
      wrapper.isTransient
        ? `${name} is transient, so each part of the module would have an instance of its own`
        : `${name} is request-scoped, or injects something that is, but the module also works outside of requests`,
      'Give it the default scope. TotpUserDirectory, TotpSessionAdapter and TotpEnrolmentPolicy may be request-scoped; elsewhere, inject ModuleRef and ' +
        'resolve what belongs to a request when it is needed',
    );
  }
}

/** @throws TotpConfigurationError when a provider is undefined, or lacks a method that the module calls */
export function refuseMissingMethods(own: Registration): void {
  for (const [token, methods] of REQUIRED_METHODS) {
    const wrapper = own.wrapper(token === TotpUserDirectory ? APPLICATION_DIRECTORY : token);
    if (wrapper === undefined || !wrapper.isDependencyTreeStatic() || wrapper.isTransient) continue;
    const instance: unknown = wrapper.instance;
    const missing = methods.find((method) => typeof property(instance, method) !== 'function');
    if (missing !== undefined || typeof instance !== 'object' || instance === null) {
      fail(
        `the provider of ${token.name} is ${typeof instance === 'object' && instance !== null ? `an object without ${missing ?? ''}()` : shown(instance)}`,
        `Provide a class that extends ${token.name}: { provide: ${token.name}, useClass: … }; a factory must return an instance`,
      );
    }
  }
}
