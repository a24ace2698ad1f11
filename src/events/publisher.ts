/** The port that publishes events, and its default on `@nestjs/event-emitter`. */
import { Logger } from '@nestjs/common';
import type { EventEmitter2 } from '@nestjs/event-emitter';
import type { AnyTotpEvent } from './catalogue.js';
import { logError } from '../shared/log-error.js';

/** Publishes events, after the change that they report is committed. */
export abstract class TotpEventPublisher {
  /**
   * The module does not wait for it, and logs what it throws or rejects with: the answer is already decided and committed.
   *
   * @param events of one change, in the order in which they happened; at least one
   */
  abstract publish(events: readonly AnyTotpEvent[]): void | Promise<void>;
}

/** Emits events through `@nestjs/event-emitter`; a listener that throws is logged and changes nothing. */
export class EmitterTotpEventPublisher extends TotpEventPublisher {
  private readonly logger = new Logger('TotpModule');

  constructor(private readonly emitter: EventEmitter2) {
    super();
  }

  override publish(events: readonly AnyTotpEvent[]): void {
    for (const event of events) {
      this.emit(event).catch((error: unknown) => {
        logError(this.logger, `A listener of ${event.name} failed`, error);
      });
    }
  }

  /** Logs both what a listener throws and what it rejects with later, without waiting for it. */
  private async emit(event: AnyTotpEvent): Promise<void> {
    await this.emitter.emitAsync(event.name, event);
  }
}
