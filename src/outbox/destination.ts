/** The port for places to which the outbox delivers events. */
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { AnyTotpEvent } from '../events/catalogue.js';
import { TotpUndeliverableEventError } from '../shared/errors.js';
import { type DurableHandler, DurableHandlers } from './durable-handlers.js';

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

interface HandlerCalls {
  /** The labels of the handlers that have succeeded so far. */
  readonly completed: ReadonlySet<string>;
  readonly end: Promise<void>;
}

/**
 * Calls the application's handlers of `@OnTotpEvent(name, { durable: true })`. An event counts as delivered when all of them have
 * succeeded. Those that throw are called again, unless all that throw throw a `TotpUndeliverableEventError`. A handler that is
 * still running is not called a second time in the same process: the next attempt waits for it.
 */
@Injectable()
export class HandlerTotpEventDestination extends TotpEventDestination implements OnApplicationBootstrap {
  readonly name = 'handlers';
  private setReady: () => void = () => undefined;
  private readonly ready = new Promise<void>((resolve) => (this.setReady = resolve));
  private handlers: readonly DurableHandler[] = [];
  /** The events whose handlers are running. */
  private readonly running = new Map<string, HandlerCalls>();

  constructor(@Inject(DurableHandlers) private readonly found: DurableHandlers) {
    super();
  }

  onApplicationBootstrap(): void {
    this.handlers = this.found.list();
    this.setReady();
  }

  override async deliver(event: AnyTotpEvent, _signal?: AbortSignal, completed = new Set<string>()): Promise<void> {
    // A handler that takes longer than the time-out is still running at the next attempt, which waits for it instead of calling it again.
    const calls = this.running.get(event.id) ?? this.start(event, completed);
    try {
      await calls.end;
    } finally {
      for (const label of calls.completed) completed.add(label);
    }
  }

  private start(event: AnyTotpEvent, completed: Set<string>): HandlerCalls {
    const end = this.call(event, completed).finally(() => this.running.delete(event.id));
    this.running.set(event.id, { completed, end });
    return { completed, end };
  }

  private async call(event: AnyTotpEvent, completed: Set<string>): Promise<void> {
    // Handlers are not known before the application has started: until then, events without handlers would count as delivered.
    await this.ready;
    const called = this.handlers.filter(({ event: name, label }) => name === event.name && !completed.has(label));
    const succeeded = new Set<DurableHandler>();
    const call = async (handler: DurableHandler) => {
      await handler.call(event);
      succeeded.add(handler);
      // Two classes may have the same name, and so their handlers the same label: it is completed with the last of them.
      const ofSameLabel = called.filter(({ label }) => label === handler.label);
      if (ofSameLabel.every((one) => succeeded.has(one))) completed.add(handler.label);
    };
    // Waits for all of them, so that none still runs when the event is delivered again.
    const outcomes = await Promise.allSettled(called.map(call));
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    // The event is tried again if that may help one of the handlers.
    const failure = failures.find(({ reason }) => !(reason instanceof TotpUndeliverableEventError)) ?? failures[0];
    if (failure !== undefined) throw failure.reason;
  }
}
