/** The decorator for handlers of events. */
import { OnEvent } from '@nestjs/event-emitter';
import { isEventName, type TotpEventMap, type TotpEventName } from './catalogue.js';

type Handler<Name extends TotpEventName> = (event: TotpEventMap[Name]) => unknown;

/** How a handler is called: immediately, with the options of `@OnEvent`, or from the outbox. */
export type OnTotpEventOptions =
  | (NonNullable<Parameters<typeof OnEvent>[1]> & { readonly durable?: false })
  | {
      /**
       * Whether the handler is called with the events of the outbox (`events: { outbox: true }`, with `HandlerTotpEventDestination`
       * among the destinations): at least once, even if the process in which the event happened dies, and again when the
       * handler throws. Otherwise, it is called immediately, in the process in which the event happened, and at most once.
       */
      readonly durable: true;
    };

/** The metadata of a method that handles durable events: their names. A string, so that every copy of this package reads it. */
const DURABLE_EVENTS = 'nestjs-totp:durable-events';

/**
 * Listens to one of the module's events: `@OnEvent` of `@nestjs/event-emitter`, with a handler whose parameter the compiler checks.
 *
 * @example
 * \@OnTotpEvent('totp.user.locked')
 * async mailTheOwner(event: TotpUserLockedEvent) { … }
 */
export function OnTotpEvent<Name extends TotpEventName>(name: Name, { durable, ...options }: OnTotpEventOptions = {}) {
  return <T extends Handler<Name>>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<T>,
  ): void => {
    // A durable handler is not on the application's emitter, whose wildcard listeners would get each event twice.
    if (durable === true) addDurableEvent(descriptor.value, name);
    else OnEvent(name, options)(target, key, descriptor);
  };
}

function addDurableEvent(handler: object | undefined, name: TotpEventName): void {
  if (handler !== undefined) Reflect.defineMetadata(DURABLE_EVENTS, [...durableEventsOf(handler), name], handler);
}

/** The events that a method handles with `durable: true`. */
export function durableEventsOf(method: unknown): readonly TotpEventName[] {
  if (typeof method !== 'function') return [];
  const names: unknown = Reflect.getMetadata(DURABLE_EVENTS, method);
  return Array.isArray(names) ? names.filter(isEventName) : [];
}
