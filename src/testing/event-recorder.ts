import type { AnyTotpEvent, TotpEventMap } from '../events/catalogue.js';
import { TotpEventPublisher } from '../events/publisher.js';

/**
 * Records events instead of emitting them.
 *
 * @example
 * const events = new TotpEventRecorder();
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(TotpEventPublisher).useValue(events);
 * expect(events.named('totp.user.locked')).toHaveLength(1);
 */
export class TotpEventRecorder extends TotpEventPublisher {
  /** In the order in which they were published. */
  readonly events: AnyTotpEvent[] = [];

  override publish(events: readonly AnyTotpEvent[]): void {
    this.events.push(...events);
  }

  /** The events of one name. */
  named<Name extends keyof TotpEventMap>(name: Name): Extract<AnyTotpEvent, { name: Name }>[] {
    return this.events.filter((event): event is Extract<AnyTotpEvent, { name: Name }> => event.name === name);
  }

  clear(): void {
    this.events.length = 0;
  }
}
