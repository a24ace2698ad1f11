/** What is counted while the module works, for those who run it. */
import type { AccountEvent } from '../accounts/decision.js';

/** How much waits to be handed on to one destination. Entries are counted up to 10,000: there may be more then. */
export interface TotpOutboxBacklog {
  readonly destination: string;
  readonly waiting: number;
  readonly parked: number;
  /** When the oldest event that waits, of those that were counted, happened, in epoch ms; undefined when none waits. */
  readonly oldestAt: number | undefined;
}

/**
 * Counts what happens. No method is told of a user, a device or a session, and none may throw or take long: answers wait for it.
 *
 * The module's own goes through OpenTelemetry's API, where the application has it. Another one is for other libraries.
 *
 * @example
 * \@Injectable()
 * class PrometheusMetrics extends TotpMetrics { … }
 * TotpModule.forRoot({ …, providers: [{ provide: TotpMetrics, useClass: PrometheusMetrics }] })
 */
export abstract class TotpMetrics {
  /** An event, after the change that it reports is committed. */
  abstract happened(name: AccountEvent['name']): void;

  /** A change was not committed since somebody else had changed the user's row meanwhile; it is decided anew. */
  abstract conflicted(): void;

  /**
   * The outbox brought an event to a destination, or tried to.
   *
   * @param failure what the destination threw, if it did
   */
  abstract delivered(destination: string, failure?: { readonly error: unknown }): void;

  /**
   * Called once, where the module's own outbox is in use.
   *
   * @param read asks the database what waits in it, with one bounded statement per destination
   * @returns what ends the watching, before the database is closed
   */
  abstract watch(read: () => Promise<readonly TotpOutboxBacklog[]>): () => void;
}

/** For applications that count nothing. */
export class NoTotpMetrics extends TotpMetrics {
  override happened(): void {
    // Nobody asked.
  }

  override conflicted(): void {
    // Nobody asked.
  }

  override delivered(): void {
    // Nobody asked.
  }

  override watch(): () => void {
    return () => undefined;
  }
}
