/** The port for places to which the outbox delivers events. */
import type { AnyTotpEvent } from '../events/catalogue.js';

/** A function that returns the names of the destinations that events are stored for. */
export const DESTINATION_NAMES = Symbol('nestjs-totp destination names');

/** Names stand in the keys of rows, next to a colon. */
export function isDestinationName(name: unknown): boolean {
  return typeof name === 'string' && /^[a-z0-9-]{1,32}$/.test(name);
}

/**
 * Receives every durable event at least once, and the events of each user in order.
 *
 * @example
 * \@Injectable()
 * class OwnersMail extends TotpEventDestination {
 *   readonly name = 'mail';
 *
 *   async deliver(event: AnyTotpEvent) {
 *     if (event.name === 'totp.user.locked') await this.mailer.reportLock(event.userId, event.until);
 *   }
 * }
 * TotpModule.forRoot({ …, events: { outbox: true }, eventDestinations: [OwnersMail] })
 */
export abstract class TotpEventDestination {
  /** 1 to 32 characters of a–z, 0–9 and `-`. Rows are stored under this name, so it must not change. */
  abstract readonly name: string;

  /**
   * Resolves once the event has arrived; when it rejects or takes too long, the event is delivered again, unless it rejects with a
   * `TotpUndeliverableEventError`. An event may be delivered
   * more than once in any case: use its `id` to act only once.
   *
   * @param signal aborted when the delivery has taken too long, so that it does not overlap with the next attempt
   * @param completed for a destination of several parts: the names of those that took the event in an earlier attempt. Add a part as soon
   * as it has taken the event, and skip it the next time
   */
  abstract deliver(event: AnyTotpEvent, signal?: AbortSignal, completed?: Set<string>): Promise<void>;
}
