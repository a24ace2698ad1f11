/** Finds handlers of durable events that would never be called. */
import { type DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { TotpEventDestination } from '../outbox/destination.js';
import { DurableHandlers } from '../outbox/durable-handlers.js';
import { HandlerTotpEventDestination } from '../outbox/handler-destination.js';
import { TotpOutbox } from '../outbox/outbox.js';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { type Registration, registrations } from './registrations.js';
import { fail } from './schema.js';
import { EVENT_DESTINATIONS } from './tokens.js';

/** Why durable handlers are never called, and what to write instead. */
interface Obstacle {
  readonly problem: string;
  readonly advice: string;
}

/**
 * Handlers of lazily loaded modules are not found. They are never called in any case, because the destination looks for handlers only
 * once, when the application starts.
 *
 * @throws TotpConfigurationError that names the class and method of a handler that would never run
 */
export function refuseUnheardHandlers(discovery: DiscoveryService): void {
  const obstacles = registrations(discovery).map(obstacleOf);
  const [obstacle] = obstacles;
  // With several registrations, one that delivers to handlers is enough.
  if (obstacle === undefined || obstacles.includes(undefined)) return;
  const [handler] = new DurableHandlers(discovery, new MetadataScanner()).list();
  if (handler === undefined) return;
  fail(`${handler.label} handles durable events, but ${obstacle.problem}, so it would never run`, obstacle.advice);
}

function obstacleOf(registration: Registration): Obstacle | undefined {
  if (!registration.instance<TotpConfig>(TOTP_OPTIONS).events.outbox) {
    return {
      problem: 'the outbox is off',
      advice: 'Write events: { outbox: true } in the options of TotpModule, or leave out durable: true',
    };
  }
  if (registration.instance(TotpOutbox).queue === undefined) {
    return {
      problem: 'the application provides its own TotpOutbox, which delivers events itself',
      advice: 'Leave out durable: true and handle what your outbox delivers, or provide no TotpOutbox',
    };
  }
  const destinations = registration.instance<readonly TotpEventDestination[]>(EVENT_DESTINATIONS);
  // A destination that wraps it keeps its name.
  if (destinations.some((one) => one instanceof HandlerTotpEventDestination || one.name === 'handlers'))
    return undefined;
  return {
    problem: 'eventDestinations does not include HandlerTotpEventDestination',
    advice: 'Write eventDestinations: [HandlerTotpEventDestination, …], or leave out durable: true',
  };
}
