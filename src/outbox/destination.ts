/** Where events go from the outbox. */
import { Inject, Injectable, Optional } from '@nestjs/common';
import { EventEmitter2, EventEmitterReadinessWatcher } from '@nestjs/event-emitter';
import { TotpConfigurationError } from '../shared/errors.js';
import type { AnyTotpEvent } from '../events/catalogue.js';
import { durableName } from '../events/on-totp-event.js';

/**
 * A place that every durable event is brought to, at least once, and in the order of each user.
 *
 * @example
 * \@Injectable()
 * class OwnersMail extends TotpEventDestination {
 *   readonly name = 'mail';
 *
 *   async deliver(event: AnyTotpEvent) {
 *     if (event.name === 'totp.user.locked') await this.mailer.tellOfLock(event.userId, event.until);
 *   }
 * }
 * TotpModule.forRoot({ …, events: { outbox: true }, eventDestinations: [OwnersMail] })
 */
export abstract class TotpEventDestination {
  /** Stays the same from version to version, since rows wait under it: 1 to 32 of a–z, 0–9 and `-`. */
  abstract readonly name: string;

  /**
   * Resolves once the event is where it belongs; when it rejects or takes too long, the event comes again. It may come more than
   * once in any case: what must be done once is done once by the event's `id`.
   *
   * @param signal aborted when it has taken too long, so that nothing goes on that nobody waits for
   */
  abstract deliver(event: AnyTotpEvent, signal?: AbortSignal): Promise<void>;
}

/**
 * The application's own listeners of `@OnTotpEvent(name, { durable: true })`. An event is delivered when all of them are done; when
 * one throws, all of them hear it again.
 */
@Injectable()
export class EmitterTotpEventDestination extends TotpEventDestination {
  readonly name = 'emitter';

  constructor(
    @Optional() @Inject(EventEmitter2) private readonly emitter: EventEmitter2 | undefined,
    @Optional() @Inject(EventEmitterReadinessWatcher) private readonly readiness?: EventEmitterReadinessWatcher,
  ) {
    super();
  }

  override async deliver(event: AnyTotpEvent): Promise<void> {
    if (this.emitter === undefined) {
      throw new TotpConfigurationError(
        'TotpModule: there is no event emitter to bring events to. Add EventEmitterModule.forRoot() to the imports of your ' +
          'application, or name other eventDestinations.',
      );
    }
    // While the application starts, what was left behind would be told to nobody, and count as delivered.
    await this.readiness?.waitUntilReady();
    await this.emitter.emitAsync(durableName(event.name), event);
  }
}
