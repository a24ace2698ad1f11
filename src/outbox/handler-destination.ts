/** The destination that calls the application's durable handlers. */
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { AnyTotpEvent } from '../events/catalogue.js';
import { TotpEventDestination } from './destination.js';
import { type DurableHandler, DurableHandlers } from './durable-handlers.js';

/** The calls of one event's handlers, which outlive the attempt that made them when it times out. */
class HandlerCalls {
  end: Promise<void> = Promise.resolve();
  /** The labels of the handlers that have succeeded. */
  private readonly labels = new Set<string>();
  /** What the attempts know of that. */
  private readonly attempts = new Set<Set<string>>();
  private signal: AbortSignal | undefined;

  /** An attempt waits for these calls. */
  join(completed: Set<string>, signal: AbortSignal | undefined): void {
    for (const label of this.labels) completed.add(label);
    this.attempts.add(completed);
    this.signal = signal;
  }

  /** At once, since the attempts may time out before the calls are over. */
  succeed(label: string): void {
    this.labels.add(label);
    for (const completed of this.attempts) completed.add(label);
  }

  /** Whether no attempt has waited for the end of the calls. */
  get isAbandoned(): boolean {
    return this.signal?.aborted === true;
  }
}

/** Events whose calls ended after all attempts had timed out, until the next attempt: more than these are forgotten. */
const MAX_ABANDONED = 1_000;

/**
 * Calls the application's handlers of `@OnTotpEvent(name, { durable: true })`. An event counts as delivered when all of them have
 * succeeded. Those that throw are called again, unless no further attempt can help any of them. A handler that is still running is not
 * called a second time in the same process: the next attempt waits for it.
 */
@Injectable()
export class HandlerTotpEventDestination extends TotpEventDestination implements OnApplicationBootstrap {
  readonly name = 'handlers';
  private setReady: () => void = () => undefined;
  private readonly ready = new Promise<void>((resolve) => (this.setReady = resolve));
  private handlers: readonly DurableHandler[] = [];
  /** By the id of the event. */
  private readonly running = new Map<string, HandlerCalls>();
  private readonly abandoned = new Map<string, HandlerCalls>();

  constructor(@Inject(DurableHandlers) private readonly found: DurableHandlers) {
    super();
  }

  onApplicationBootstrap(): void {
    this.handlers = this.found.list();
    this.setReady();
  }

  override async deliver(event: AnyTotpEvent, signal?: AbortSignal, completed = new Set<string>()): Promise<void> {
    this.abandoned.get(event.id)?.join(completed, signal);
    this.abandoned.delete(event.id);
    const calls = this.running.get(event.id) ?? this.start(event, completed);
    calls.join(completed, signal);
    await calls.end;
  }

  private start(event: AnyTotpEvent, completed: ReadonlySet<string>): HandlerCalls {
    const calls = new HandlerCalls();
    this.running.set(event.id, calls);
    calls.end = this.call(event, completed, calls).finally(() => {
      this.running.delete(event.id);
      if (calls.isAbandoned) this.keep(event.id, calls);
    });
    return calls;
  }

  private keep(eventId: string, calls: HandlerCalls): void {
    this.abandoned.set(eventId, calls);
    const [oldest] = this.abandoned.keys();
    if (this.abandoned.size > MAX_ABANDONED && oldest !== undefined) this.abandoned.delete(oldest);
  }

  private async call(event: AnyTotpEvent, completed: ReadonlySet<string>, calls: HandlerCalls): Promise<void> {
    // Handlers are not known before the application has started: until then, events without handlers would count as delivered.
    await this.ready;
    const handlers = this.handlers.filter(({ event: name }) => name === event.name);
    // Two classes may have the same name. What is known of their label may be about one of them, here or in another process.
    const isUnique = ({ label }: DurableHandler) => handlers.filter((one) => one.label === label).length === 1;
    const called = handlers.filter((handler) => !isUnique(handler) || !completed.has(handler.label));
    // Waits for all of them, so that none still runs when the event is delivered again.
    const outcomes = await Promise.allSettled(
      called.map(async (handler) => {
        await handler.call(event);
        if (isUnique(handler)) calls.succeed(handler.label);
      }),
    );
    const errors = outcomes.flatMap((outcome): unknown[] => (outcome.status === 'rejected' ? [outcome.reason] : []));
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `${String(errors.length)} handlers failed`);
  }
}
