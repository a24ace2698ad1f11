/** Finds handlers of durable events that no event would reach. */
import { type DiscoveryService, MetadataScanner } from '@nestjs/core';
import { durableEventsOf } from '../events/on-totp-event.js';
import { EmitterTotpEventDestination, type TotpEventDestination } from '../outbox/destination.js';
import { TotpOutbox } from '../outbox/outbox.js';
import { TypeOrmTotpOutbox } from '../outbox/typeorm-outbox.js';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { property } from '../shared/unknown.js';
import { type Registration, registrations } from './registrations.js';
import { fail } from './schema.js';
import { EVENT_DESTINATIONS } from './tokens.js';

/** Why durable handlers hear nothing, and what to write instead. */
interface Obstacle {
  readonly problem: string;
  readonly advice: string;
}

/**
 * Handlers of modules that are loaded lazily are not found, and hear nothing in any case: `@nestjs/event-emitter` looks for
 * handlers once, when the application starts.
 *
 * @throws TotpConfigurationError naming the class and method of a handler that would never run
 */
export function refuseUnheardHandlers(discovery: DiscoveryService): void {
  const obstacles = registrations(discovery).map(obstacleOf);
  const [obstacle] = obstacles;
  // With several registrations, one that delivers to handlers will do.
  if (obstacle === undefined || obstacles.includes(undefined)) return;
  const [handler] = durableHandlers(discovery);
  if (handler === undefined) return;
  fail(`${handler} handles durable events, but ${obstacle.problem}, so it would never run`, obstacle.advice);
}

function obstacleOf(registration: Registration): Obstacle | undefined {
  if (!registration.instance<TotpConfig>(TOTP_OPTIONS).events.outbox) {
    return {
      problem: 'the outbox is off',
      advice: 'Write events: { outbox: true } in the options of TotpModule, or leave out durable: true',
    };
  }
  if (!(registration.wrapper(TotpOutbox)?.instance instanceof TypeOrmTotpOutbox)) {
    return {
      problem: 'the application provides its own TotpOutbox, which delivers events itself',
      advice: 'Leave out durable: true and handle what your outbox delivers, or provide no TotpOutbox',
    };
  }
  const destinations = registration.instance<readonly TotpEventDestination[]>(EVENT_DESTINATIONS);
  // One that wraps the emitter's destination keeps its name.
  if (destinations.some((one) => one instanceof EmitterTotpEventDestination || one.name === 'emitter'))
    return undefined;
  return {
    problem: 'eventDestinations does not include EmitterTotpEventDestination',
    advice: 'Write eventDestinations: [EmitterTotpEventDestination, …], or leave out durable: true',
  };
}

/** Class and method of each handler, of request-scoped providers and controllers too. */
function durableHandlers(discovery: DiscoveryService): string[] {
  const scanner = new MetadataScanner();
  return [...discovery.getProviders(), ...discovery.getControllers()].flatMap(({ instance, metatype }) => {
    const prototype: unknown = isObject(instance) ? Object.getPrototypeOf(instance) : property(metatype, 'prototype');
    if (!isObject(prototype)) return [];
    return scanner
      .getAllMethodNames(prototype)
      .filter((name) => durableEventsOf(property(prototype, name)).length > 0)
      .map((name) => `${prototype.constructor.name}.${name}`);
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
