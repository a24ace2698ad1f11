/** The outbox of one database, and couriers of several processes that empty it, each at the test's word. */
import { randomUUID } from 'node:crypto';
import { TotpEventDestination, type AnyTotpEvent } from 'nestjs-totp';
import { TestTotpClock } from 'nestjs-totp/testing';
import { toEvent } from '../../src/events/catalogue.js';
import { Courier, type Stopwatch } from '../../src/outbox/dispatcher.js';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { TypeOrmTotpOutbox } from '../../src/outbox/typeorm-outbox.js';
import { account, NOW } from '../support/accounts.js';
import { type Tables } from '../storage/tables.js';

/** Time that passes when a test says so. */
export class TestStopwatch implements Stopwatch {
  private time = 0;
  private readonly timers = new Set<{ readonly at: number; readonly action: () => void }>();

  elapsed(): number {
    return this.time;
  }

  after(milliseconds: number, action: () => void): () => void {
    const timer = { at: this.time + milliseconds, action };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  advance(milliseconds: number): void {
    this.time += milliseconds;
    for (const timer of this.timers) {
      if (timer.at > this.time) continue;
      this.timers.delete(timer);
      timer.action();
    }
  }

  /** Milliseconds until each thing that is to happen. */
  get waits(): number[] {
    return [...this.timers].map(({ at }) => at - this.time);
  }
}

/** Takes what comes, or does with it what the test says. */
export class Letterbox extends TotpEventDestination {
  readonly taken: AnyTotpEvent[] = [];
  /** Of each delivery: whether it is to end. */
  readonly signals: AbortSignal[] = [];
  /** Events that are being taken right now. */
  readonly open = new Set<string>();
  /** Whether an event was being taken twice at a time. */
  wasOpenTwice = false;
  meet: (event: AnyTotpEvent) => Promise<void> = () => Promise.resolve();

  constructor(readonly name = 'letterbox') {
    super();
  }

  override async deliver(event: AnyTotpEvent, signal: AbortSignal): Promise<void> {
    this.signals.push(signal);
    if (this.open.has(event.id)) this.wasOpenTwice = true;
    this.open.add(event.id);
    try {
      await this.meet(event);
      this.taken.push(event);
    } finally {
      this.open.delete(event.id);
    }
  }
}

export const SETTINGS = { pollInterval: 1_000, deliveryTimeout: 10_000, maxAttempts: 5 };
export const LEASE = 3 * SETTINGS.deliveryTimeout;

export class PostalService {
  readonly clock = new TestTotpClock(NOW);
  readonly outbox: TypeOrmTotpOutbox;
  private readonly store: TypeOrmTotpAccountStore;
  private readonly couriers: Courier[] = [];

  constructor({ own }: Tables, destinations: readonly string[] = ['letterbox']) {
    this.outbox = new TypeOrmTotpOutbox({ open: () => Promise.resolve(own) }, () => destinations);
    this.store = new TypeOrmTotpAccountStore(own, this.outbox);
  }

  /** A change of a user that renames a device to each of these names: an event each, in one transaction. */
  async post(userId: string, ...names: readonly string[]): Promise<void> {
    const origin = { occurredAt: this.clock.now(), userId, tenantId: 'public' };
    const events = names.map((to) => {
      return toEvent({ name: 'totp.device.renamed', deviceId: randomUUID(), from: 'phone', to }, origin);
    });
    for (;;) {
      const revision = (await this.store.load(userId))?.revision ?? null;
      if (await this.store.commit(userId, revision, account([]), events)) return;
    }
  }

  /** The courier of a process of its own. */
  courier(destination: TotpEventDestination, stopwatch: Stopwatch = new TestStopwatch()): Courier {
    const courier = new Courier(destination, this.outbox, SETTINGS, this.clock, stopwatch);
    this.couriers.push(courier);
    return courier;
  }

  /** Ends whatever was begun, and forgets what waits. */
  async close(): Promise<void> {
    await Promise.all(this.couriers.map((courier) => courier.stop()));
  }
}

/** What a renaming told of. */
export function named(events: readonly AnyTotpEvent[], userId?: string): string[] {
  const of = events.filter((event) => userId === undefined || event.userId === userId);
  return of.map((event) => (event.name === 'totp.device.renamed' ? event.to : event.name));
}

/** Something that a test waits for, and lets go on. */
export class Gate {
  private letGo: () => void = () => undefined;
  private come: () => void = () => undefined;
  readonly passed = new Promise<void>((resolve) => (this.letGo = resolve));
  /** Resolves once somebody stands before it. */
  readonly reached = new Promise<void>((resolve) => (this.come = resolve));

  pass(): Promise<void> {
    this.come();
    return this.passed;
  }

  open(): void {
    this.letGo();
  }
}
