/** Finds the registrations of the module in Nest's container. */
import type { InjectionToken } from '@nestjs/common';
import type { DiscoveryService } from '@nestjs/core';
import { TotpConfigurationError } from '../shared/errors.js';
import { EXTRAS_OF_MODULE } from './tokens.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
type Host = NonNullable<Wrapper['host']>;

/** One `TotpModule.forRoot()` or `forRootAsync()`. */
export class Registration {
  constructor(private readonly host: Host) {}

  /** Nest's record of a provider; undefined when this registration does not provide the token. */
  wrapper(token: InjectionToken): Wrapper | undefined {
    return this.host.providers.get(token);
  }

  instance<T>(token: InjectionToken<T>): T {
    return this.host.getProviderByKey<T>(token).instance;
  }

  isSameAs(other: Registration): boolean {
    return this.host === other.host;
  }
}

export function registrations(discovery: DiscoveryService): readonly Registration[] {
  return discovery
    .getProviders()
    .flatMap(({ token, host }) => (token === EXTRAS_OF_MODULE && host !== undefined ? new Registration(host) : []));
}

/** The registration to which an instance of one of its providers belongs. */
export function registrationOf(discovery: DiscoveryService, provider: object): Registration {
  const host = discovery.getProviders().find(({ instance }) => instance === provider)?.host;
  if (host === undefined) throw new TotpConfigurationError('TotpModule: Nest does not know the provider.');
  return new Registration(host);
}
