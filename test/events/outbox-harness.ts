/** The outbox of one database, and dispatchers of several processes that deliver from it when the test says so. */
import { randomUUID } from 'node:crypto';
import { TotpEventDestination, type AnyTotpEvent, TotpOutboxRelay, TypeOrmTotpOutbox } from 'nestjs-totp';
import { TestTotpClock } from 'nestjs-totp/testing';
import type { DataSource } from 'typeorm';
import { toEvent } from '../../src/events/catalogue.js';
import { type DispatcherSettings, OutboxDispatcher } from '../../src/outbox/dispatcher.js';
import type { MonotonicClock } from '../../src/outbox/monotonic-clock.js';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { account, NOW } from '../support/accounts.js';
import { type Tables } from '../storage/tables.js';

/** Time that passes when a test says so. */
export class TestMonotonicClock implements MonotonicClock {
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

  /** Milliseconds until each timer. */
  get waits(): number[] {
    return [...this.timers].map(({ at }) => at - this.time);
  }
}

/** Records what is delivered, or does with it what the test says. */
export class RecordingDestination extends TotpEventDestination {
  readonly taken: AnyTotpEvent[] = [];
  /** Of each delivery: whether it is to end. */
  readonly signals: AbortSignal[] = [];
  /** Events that are being taken right now. */
  readonly open = new Set<string>();
  /** Whether an event was being taken twice at a time. */
  wasOpenTwice = false;
  meet: (event: AnyTotpEvent, completed: Set<string>) => Promise<void> = () => Promise.resolve();

  constructor(readonly name = 'recording') {
    super();
  }

  override async deliver(event: AnyTotpEvent, signal: AbortSignal, completed: Set<string>): Promise<void> {
    this.signals.push(signal);
    if (this.open.has(event.id)) this.wasOpenTwice = true;
    this.open.add(event.id);
    try {
      await this.meet(event, completed);
      this.taken.push(event);
    } finally {
      this.open.delete(event.id);
    }
  }
}

export const SETTINGS = { isPolling: true, pollInterval: 5_000, deliveryTimeout: 10_000, maxAttempts: 5 };
export const LEASE = 3 * SETTINGS.deliveryTimeout;

/** The database's clock is a row, which tests set. */
class ClockedOutbox extends TypeOrmTotpOutbox {
  protected override databaseTime(): string {
    return '(SELECT now FROM test_clock)';
  }
}

export class OutboxHarness {
  /** The clock of the machine that writes events. */
  readonly clock = new TestTotpClock(NOW);
  readonly outbox: TypeOrmTotpOutbox;
  private readonly store: TypeOrmTotpAccountStore;
  private readonly dispatchers: OutboxDispatcher[] = [];

  constructor(
    private readonly tables: Tables,
    destinations: readonly string[] = ['recording'],
  ) {
    const { own } = tables;
    this.outbox = new ClockedOutbox({ open: () => Promise.resolve(own) }, () => destinations);
    this.store = new TypeOrmTotpAccountStore(own, this.outbox);
  }

  /** Makes the database's clock, once for each database. */
  static async createDatabaseClock(dataSource: DataSource): Promise<void> {
    await dataSource.query('CREATE TABLE test_clock (now bigint NOT NULL)');
    await dataSource.query(`INSERT INTO test_clock (now) VALUES (${NOW})`);
  }

  async databaseNow(): Promise<number> {
    const [row]: { now: string | number }[] = await this.tables.dataSource.query('SELECT now FROM test_clock');
    return Number(row?.now);
  }

  /** Lets time pass for the database; with a negative number, its clock is set back. */
  async pass(seconds: number): Promise<void> {
    await this.tables.dataSource.query(`UPDATE test_clock SET now = now + ${Math.round(seconds * 1_000)}`);
  }

  /** A change of a user that renames a device to each of these names: an event each, in one transaction. */
  async rename(userId: string, ...names: readonly string[]): Promise<void> {
    const origin = { occurredAt: this.clock.now(), userId, tenantId: 'public' };
    const events = names.map((to) => {
      return toEvent({ name: 'totp.device.renamed', deviceId: randomUUID(), from: 'phone', to }, origin);
    });
    for (;;) {
      const revision = (await this.store.load(userId))?.revision ?? null;
      if (await this.store.commit(userId, revision, account([]), events)) return;
    }
  }

  /** The dispatcher of a process of its own. */
  dispatcher(
    destination: TotpEventDestination,
    clock: MonotonicClock = new TestMonotonicClock(),
    settings: DispatcherSettings = SETTINGS,
  ): OutboxDispatcher {
    const dispatcher = new OutboxDispatcher([destination], {
      queue: this.outbox,
      settings,
      time: this.clock,
      clock,
      chance: () => 0,
    });
    this.dispatchers.push(dispatcher);
    return dispatcher;
  }

  /** The relay of a process that delivers only when it is asked to. */
  relay(...destinations: readonly TotpEventDestination[]): TotpOutboxRelay {
    return this.relayWith(new TestMonotonicClock(), ...destinations);
  }

  relayWith(clock: MonotonicClock, ...destinations: readonly TotpEventDestination[]): TotpOutboxRelay {
    const settings = { ...SETTINGS, isPolling: false };
    return new TotpOutboxRelay({ queue: this.outbox, destinations, settings, time: this.clock, clock });
  }

  /** Ends all dispatchers. */
  async close(): Promise<void> {
    await Promise.all(this.dispatchers.map((dispatcher) => dispatcher.stop()));
  }
}

/** The new names that events of a renaming report. */
export function named(events: readonly AnyTotpEvent[], userId?: string): string[] {
  const of = events.filter((event) => userId === undefined || event.userId === userId);
  return of.map((event) => (event.name === 'totp.device.renamed' ? event.to : event.name));
}

/** Something that a test waits for, and then lets continue. */
export class Gate {
  private letGo: () => void = () => undefined;
  private come: () => void = () => undefined;
  readonly passed = new Promise<void>((resolve) => (this.letGo = resolve));
  /** Resolves once somebody has reached it. */
  readonly reached = new Promise<void>((resolve) => (this.come = resolve));

  pass(): Promise<void> {
    this.come();
    return this.passed;
  }

  open(): void {
    this.letGo();
  }
}
