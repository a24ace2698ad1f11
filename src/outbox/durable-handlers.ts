/** Finds the application's handlers of `@OnTotpEvent(name, { durable: true })`. */
import { Inject, Injectable } from '@nestjs/common';
import { ContextIdFactory, DiscoveryService, MetadataScanner, ModuleRef } from '@nestjs/core';
import type { AnyTotpEvent, TotpEventName } from '../events/catalogue.js';
import { durableEventsOf } from '../events/on-totp-event.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** One method of a provider or controller. */
export interface DurableHandler {
  readonly event: TotpEventName;
  /** The name in messages: `Mailer.onLocked`. */
  readonly label: string;
  call(event: AnyTotpEvent): Promise<void>;
}

/** Finds them as `@nestjs/event-emitter` finds those of `@OnEvent`: among the methods of all providers and controllers. */
@Injectable()
export class DurableHandlers {
  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(MetadataScanner) private readonly scanner: MetadataScanner,
  ) {}

  /** All handlers. Call it after Nest has created the providers. */
  list(): readonly DurableHandler[] {
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    return wrappers.flatMap((wrapper) => {
      const instance: unknown = wrapper.instance;
      if (typeof instance !== 'object' || instance === null || wrapper.isAlias) return [];
      return this.handlersOf(wrapper, instance);
    });
  }

  private handlersOf(wrapper: Wrapper, instance: object): DurableHandler[] {
    const prototype: unknown = Object.getPrototypeOf(instance);
    if (typeof prototype !== 'object' || prototype === null) return [];
    return this.scanner.getAllMethodNames(prototype).flatMap((key) => {
      const events = durableEventsOf(Reflect.get(prototype, key));
      return events.map((event) => ({
        event,
        label: `${prototype.constructor.name}.${key}`,
        call: async (occurred) => {
          const receiver = await instanceFor(wrapper, instance, occurred);
          await invoke(receiver, key, occurred);
        },
      }));
    });
  }
}

/** A request-scoped provider is created for each event, which is the payload of its request. */
async function instanceFor(wrapper: Wrapper, instance: object, event: AnyTotpEvent): Promise<object> {
  if (wrapper.isDependencyTreeStatic() && !wrapper.isTransient) return instance;
  const module: unknown = wrapper.host?.getProviderByKey(ModuleRef).instance;
  if (!(module instanceof ModuleRef)) return instance;
  const contextId = ContextIdFactory.getByRequest({ payload: event });
  module.registerRequestByContextId(event, contextId);
  return module.resolve<object>(wrapper.token, contextId);
}

async function invoke(receiver: object, key: string, event: AnyTotpEvent): Promise<void> {
  const method: unknown = Reflect.get(receiver, key);
  if (typeof method === 'function') await Reflect.apply(method, receiver, [event]);
}
