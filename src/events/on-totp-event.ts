import { OnEvent } from '@nestjs/event-emitter';
import type { TotpEventMap } from './catalogue.js';

type Handler<Name extends keyof TotpEventMap> = (event: TotpEventMap[Name]) => unknown;

/** How a listener hears of events: what `@OnEvent` takes, and `durable`. */
export type OnTotpEventOptions = NonNullable<Parameters<typeof OnEvent>[1]> & {
  /**
   * Whether the handler hears the event from the outbox (`events: { outbox: true }`, with `EmitterTotpEventDestination` among
   * the destinations): at least once, whatever becomes of the process in which it happened, and again when the handler throws.
   * Without, it hears it at once, in the process in which it happened, and at most once.
   */
  readonly durable?: boolean;
};

/** The metadata of a method that handles durable events: their names. A string, so that every copy of this package reads it. */
const DURABLE_EVENTS = 'nestjs-totp:durable-events';

/** The names of the durable events that a method handles. */
export function durableEventsOf(method: unknown): readonly unknown[] {
  const names: unknown = typeof method === 'function' ? Reflect.getMetadata(DURABLE_EVENTS, method) : undefined;
  return Array.isArray(names) ? names : [];
}

/** The name under which the emitter tells of an event that comes from the outbox. */
export function durableName(name: keyof TotpEventMap): string {
  return `outbox.${name}`;
}

/**
 * Listens to one of the module's events: `@OnEvent` of `@nestjs/event-emitter`, with a handler whose parameter the compiler
 * checks.
 *
 * @example
 * \@OnTotpEvent('totp.user.locked')
 * async mailTheOwner(event: TotpUserLockedEvent) { … }
 */
export function OnTotpEvent<Name extends keyof TotpEventMap>(
  name: Name,
  { durable = false, ...options }: OnTotpEventOptions = {},
) {
  return <T extends Handler<Name>>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<T>,
  ): void => {
    const method: unknown = descriptor.value;
    if (durable && typeof method === 'function') {
      Reflect.defineMetadata(DURABLE_EVENTS, [...durableEventsOf(method), name], method);
    }
    // The end of a durable listener, and its error, must come back to the outbox, which then brings the event again.
    const listening = durable ? { ...options, suppressErrors: false, async: false, nextTick: false } : options;
    OnEvent(durable ? durableName(name) : name, listening)(target, key, descriptor);
  };
}
