import { OnEvent } from '@nestjs/event-emitter';
import type { TotpEventMap } from './catalogue.js';

type Handler<Name extends keyof TotpEventMap> = (event: TotpEventMap[Name]) => unknown;

/**
 * Listens to one of the module's events: `@OnEvent` of `@nestjs/event-emitter`, with a handler whose parameter the compiler
 * checks.
 *
 * @example
 * \@OnTotpEvent('totp.user.locked')
 * async mailTheOwner(event: TotpUserLockedEvent) { … }
 */
export function OnTotpEvent<Name extends keyof TotpEventMap>(name: Name, options?: Parameters<typeof OnEvent>[1]) {
  return <T extends Handler<Name>>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<T>,
  ): void => {
    OnEvent(name, options)(target, key, descriptor);
  };
}
