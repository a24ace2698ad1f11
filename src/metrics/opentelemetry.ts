/** Metrics and the trace context through OpenTelemetry's API. The application configures the SDK. Names follow its semantic conventions. */
import type { Attributes, BatchObservableCallback, Counter, Meter } from '@opentelemetry/api';
import type { AccountEvent } from '../accounts/decision.js';
import type { TotpClock } from '../shared/clock.js';
import { NoTotpMetrics, TotpMetrics, type TotpOutboxBacklog } from './metrics.js';

/** The outcome of a check, by the event that reports it. */
const OUTCOMES: Partial<Record<AccountEvent['name'], string>> = {
  'totp.code.accepted': 'accepted',
  'totp.device.verified': 'verified',
  'totp.code.rejected': 'rejected',
  'totp.code.replayed': 'replayed',
};

class OpenTelemetryTotpMetrics extends TotpMetrics {
  private readonly codes: Counter;
  private readonly locks: Counter;
  private readonly conflicts: Counter;
  private readonly deliveries: Counter;

  constructor(
    private readonly meter: Meter,
    private readonly clock: TotpClock,
  ) {
    super();
    this.codes = meter.createCounter('totp.codes', {
      unit: '{code}',
      description: 'Codes that were checked, by outcome',
    });
    this.locks = meter.createCounter('totp.locks', { unit: '{lock}', description: 'Locks that started' });
    this.conflicts = meter.createCounter('totp.commit.conflicts', {
      unit: '{conflict}',
      description: 'Changes that were decided again, because another process committed first',
    });
    this.deliveries = meter.createCounter('totp.outbox.deliveries', {
      unit: '{delivery}',
      description: 'Events that the outbox delivered to a destination; with error.type, attempts that failed',
    });
  }

  override recordEvent(name: AccountEvent['name']): void {
    const outcome = OUTCOMES[name];
    if (outcome !== undefined) this.codes.add(1, { 'totp.code.outcome': outcome });
    if (name === 'totp.user.locked') this.locks.add(1);
  }

  override recordConflict(): void {
    this.conflicts.add(1);
  }

  override recordDelivery(destination: string, failure?: { readonly error: unknown }): void {
    const attributes = { 'totp.outbox.destination': destination };
    this.deliveries.add(1, failure === undefined ? attributes : { ...attributes, 'error.type': typeOf(failure.error) });
  }

  override observeBacklog(read: () => Promise<readonly TotpOutboxBacklog[]>): () => void {
    const entries = this.meter.createObservableGauge('totp.outbox.entries', {
      unit: '{entry}',
      description: 'Events in the outbox, counted up to 10,000 per destination and state',
    });
    const age = this.meter.createObservableGauge('totp.outbox.age', {
      unit: 's',
      description: 'Age of the oldest event that waits; 0 when none waits',
    });
    const observe: BatchObservableCallback = async (result) => {
      for (const { destination, waiting, deadLettered, oldestAt } of await read()) {
        const attributes: Attributes = { 'totp.outbox.destination': destination };
        result.observe(entries, waiting, { ...attributes, 'totp.outbox.state': 'waiting' });
        result.observe(entries, deadLettered, { ...attributes, 'totp.outbox.state': 'dead-lettered' });
        const now = this.clock.now();
        result.observe(age, Math.max(0, now - (oldestAt ?? now)) / 1000, attributes);
      }
    };
    this.meter.addBatchObservableCallback(observe, [entries, age]);
    return () => {
      this.meter.removeBatchObservableCallback(observe, [entries, age]);
    };
  }
}

/** The class of an error. Its `name` and message may contain anything. */
function typeOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name : '_OTHER';
}

/**
 * Metrics through `@opentelemetry/api` where it is installed, and `NoTotpMetrics` where it is not. Nothing is recorded until
 * the application registers a MeterProvider.
 */
export async function openTelemetryMetrics(clock: TotpClock): Promise<TotpMetrics> {
  const api = await openTelemetry();
  return api === undefined
    ? new NoTotpMetrics()
    : new OpenTelemetryTotpMetrics(api.metrics.getMeter('nestjs-totp'), clock);
}

/** Returns the trace and span of the caller as a W3C `traceparent`; undefined when there is none. */
export type TraceContext = () => string | undefined;

/** The token of the `TraceContext`. */
export const TRACE_CONTEXT = Symbol('nestjs-totp trace context');

/** Reads the context of `@opentelemetry/api` where it is installed. There is none until the application registers a tracer. */
export async function openTelemetryTraceContext(): Promise<TraceContext> {
  const api = await openTelemetry();
  if (api === undefined) return () => undefined;
  const { context, isSpanContextValid, trace } = api;
  return () => {
    try {
      const span = trace.getSpanContext(context.active());
      if (span === undefined || !isSpanContextValid(span)) return undefined;
      const flags = (span.traceFlags & 0xff).toString(16).padStart(2, '0');
      return `00-${span.traceId}-${span.spanId}-${flags}`.toLowerCase();
    } catch {
      // A tracer that fails must not keep codes from being checked.
      return undefined;
    }
  };
}

/** Undefined where it is not installed. */
async function openTelemetry() {
  try {
    // Bundlers take an import within `try` for optional, and bundle the package where it is installed.
    return await import('@opentelemetry/api');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Not by `instanceof`: under Jest, the error comes from another realm. */
function isMissing(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && String(error.code).endsWith('MODULE_NOT_FOUND')
  );
}
