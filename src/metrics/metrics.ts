/** The port for the module's metrics. */
import { Logger } from '@nestjs/common';
import type { AccountEvent } from '../accounts/decision.js';
import { logError } from '../shared/log-error.js';

/** The backlog of one destination. A count of 10,000 means 10,000 or more. */
export interface TotpOutboxBacklog {
  readonly destination: string;
  readonly waiting: number;
  readonly deadLettered: number;
  /** When the oldest of the counted waiting events happened, in epoch ms; undefined when none waits. */
  readonly oldestAt: number | undefined;
}

/**
 * Records metrics. No method receives a user, a device or a session. Answers wait for these calls, so they must be fast. An error
 * that one throws is logged once, and does not change the answer.
 *
 * The module's own implementation uses OpenTelemetry's API where the application has installed it. Provide your own for other libraries.
 *
 * @example
 * \@Injectable()
 * class PrometheusMetrics extends TotpMetrics { … }
 * TotpModule.forRoot({ …, providers: [{ provide: TotpMetrics, useClass: PrometheusMetrics }] })
 */
export abstract class TotpMetrics {
  /** Called with each event, after the change that it reports is committed. */
  abstract recordEvent(name: AccountEvent['name']): void;

  /** Called when a change was not committed because another call had changed the user's row; the module then decides again. */
  abstract recordConflict(): void;

  /**
   * Called after each attempt to deliver an event from the outbox.
   *
   * @param failure what the destination threw; undefined on success
   */
  abstract recordDelivery(destination: string, failure?: { readonly error: unknown }): void;

  /**
   * Called once at start-up, where the module's own outbox is in use.
   *
   * @param read reads the backlog from the database, with one bounded statement per destination
   * @returns a function that stops the observation; called before the database is closed
   */
  abstract observeBacklog(read: () => Promise<readonly TotpOutboxBacklog[]>): () => void;
}

/** Records nothing: for applications without OpenTelemetry. */
export class NoTotpMetrics extends TotpMetrics {
  override recordEvent(): void {
    // Records nothing.
  }

  override recordConflict(): void {
    // Records nothing.
  }

  override recordDelivery(): void {
    // Records nothing.
  }

  override observeBacklog(): () => void {
    return () => undefined;
  }
}

/**
 * Wraps metrics so that their failures neither change an answer nor lose an event. Only the first failure is logged, because broken
 * metrics fail on every call.
 */
export class FailSafeTotpMetrics extends TotpMetrics {
  private readonly logger = new Logger('TotpModule');
  private hasFailed = false;

  constructor(private readonly metrics: TotpMetrics) {
    super();
  }

  override recordEvent(name: AccountEvent['name']): void {
    this.attempt(() => {
      this.metrics.recordEvent(name);
    });
  }

  override recordConflict(): void {
    this.attempt(() => {
      this.metrics.recordConflict();
    });
  }

  override recordDelivery(destination: string, failure?: { readonly error: unknown }): void {
    this.attempt(() => {
      this.metrics.recordDelivery(destination, failure);
    });
  }

  override observeBacklog(read: () => Promise<readonly TotpOutboxBacklog[]>): () => void {
    let stop: (() => void) | undefined;
    this.attempt(() => {
      stop = this.metrics.observeBacklog(read);
    });
    return () => {
      this.attempt(() => {
        stop?.();
      });
    };
  }

  private attempt(record: () => void): void {
    try {
      record();
    } catch (error) {
      if (!this.hasFailed) logError(this.logger, 'TotpMetrics failed; further failures are not logged', error);
      this.hasFailed = true;
    }
  }
}
