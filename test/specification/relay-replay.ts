/** Makes the steps of one execution of the model of the relay with dispatchers, and compares what both do. */
import { randomUUID } from 'node:crypto';
import { type AnyTotpEvent, TotpEventDestination } from 'nestjs-totp';
import { OutboxDispatcher } from '../../src/outbox/dispatcher.js';
import type { MonotonicClock } from '../../src/outbox/monotonic-clock.js';
import type { FencedWrite, LeaseToken, OutboxEntry, OutboxQueue, QueuedEntry } from '../../src/outbox/outbox.js';
import { rowId } from '../../src/storage/sql/row-id.js';
import { named, type OutboxHarness, SETTINGS } from '../events/outbox-harness.js';

type How =
  | ('WAITS' | 'LEASES')
  | ('WRITTEN' | 'TOO_LATE' | 'LEASE_LOST')
  | ('LASTS' | 'RENEWING' | 'GIVES_UP')
  | ('TAKES' | 'LOSES_ANSWER' | 'FAILS')
  | ('TRIED_AGAIN' | 'GIVEN_UP');

/** One line of the model. */
export type RelayStep =
  | { readonly step: 'TIME' }
  | { readonly step: 'STORES' | 'DUE'; readonly event: number }
  | { readonly step: 'DIES' | 'READS' | 'RELEASES'; readonly relay: number }
  | {
      readonly step: 'LOOKS' | 'ACQUIRES' | 'ENSURES' | 'RENEWS' | 'REMOVES';
      readonly relay: number;
      readonly how: How;
    }
  | { readonly step: 'DELIVERS' | 'PUTS_BACK'; readonly relay: number; readonly event: number; readonly how: How };

/** One unit of the model's time. Three of them are shorter than a lease, and a delivery and its write fit twice into the rest after one. */
const UNIT = 0.9 * SETTINGS.deliveryTimeout;
/** A process that has not moved for as many turns of the event loop waits for the test. */
const QUIET_TURNS = 10;

type Call = 'duePartitions' | 'acquire' | 'heads' | 'remove' | 'putBack' | 'release' | `deliver ${string}`;

/** A call that a process has made, and that the test lets continue in two steps. */
interface Waiting {
  readonly call: Call;
  /** Runs the statement, or lets the destination decide. */
  readonly run: () => Promise<unknown>;
  readonly reply: () => void;
}

/** A process that delivers: it stops before each statement and in each delivery. */
class Process implements OutboxQueue {
  readonly waiting: Waiting[] = [];
  isDead = false;
  /** What the destination does with the next event that it may take. */
  answer: How = 'TAKES';
  /** The events of the batch that were delivered. */
  readonly delivered = new Set<string>();
  private readonly dispatcher: OutboxDispatcher;
  private isIdle = true;
  private reading = 0;
  /** A reply that is held back until the next step. */
  private held: (() => void) | undefined;

  constructor(
    private readonly queue: OutboxQueue,
    taken: string[],
    clock: MonotonicClock,
    { clock: time }: OutboxHarness,
  ) {
    const settings = { ...SETTINGS, isPolling: false, maxAttempts: 2 };
    const destination = new SteppedDestination(this, taken);
    this.dispatcher = new OutboxDispatcher([destination], { queue: this, settings, time, clock, chance: () => 0 });
  }

  look(): void {
    this.isIdle = false;
    void this.dispatcher.wake().then(() => (this.isIdle = true));
  }

  /** Lets a call run, and its reply arrive unless it is to be held back. @returns what it returned */
  async lets(call: Call, { holdsReply = false } = {}): Promise<unknown> {
    const one = await this.reaches(call);
    this.waiting.splice(this.waiting.indexOf(one), 1);
    const result = await one.run().catch((error: unknown) => error);
    this.held = one.reply;
    if (!holdsReply) await this.continues();
    return result;
  }

  /** Lets the reply arrive that is held back, and the process go on to its next call. */
  async continues(): Promise<void> {
    this.held?.();
    this.held = undefined;
    await this.settles();
  }

  private async reaches(call: Call): Promise<Waiting> {
    await this.continues();
    const one = this.waiting.find((each) => each.call === call);
    if (one === undefined) throw new Error(`It does not stop before ${call}, but ${this.whereabouts}.`);
    return one;
  }

  /** Resolves when the process has nothing more to do. */
  async ends(): Promise<void> {
    await this.continues();
    if (!this.isIdle) throw new Error(`It does not end, but stops ${this.whereabouts}.`);
  }

  /** Resolves when the process waits for the test: its statements have run, and what follows them in the process needs no more than turns. */
  private async settles(): Promise<void> {
    const before = () => `${String(this.isIdle)} ${this.whereabouts}`;
    for (let same = 0, last = ''; same < QUIET_TURNS; same++) {
      await new Promise(setImmediate);
      if (before() !== last || this.reading > 0) [same, last] = [0, before()];
    }
  }

  private get whereabouts(): string {
    return this.waiting.map(({ call }) => `before ${call}`).join(', ') || 'nowhere';
  }

  private stops<T>(call: Call, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve) => {
      let reply: () => void = () => undefined;
      const run = () => {
        const result = work();
        reply = () => {
          resolve(result);
        };
        return result;
      };
      this.waiting.push({
        call,
        run,
        reply: () => {
          reply();
        },
      });
    });
  }

  /** What the destination is told to do with an event. */
  delivering(event: AnyTotpEvent, deliver: () => Promise<void>): Promise<void> {
    return this.stops(`deliver ${named([event]).join()}`, deliver);
  }

  onCommitted(): void {
    // Processes look only when the model does.
  }

  duePartitions(destinations: readonly string[]) {
    return this.stops('duePartitions', () => this.queue.duePartitions(destinations));
  }

  acquire(token: LeaseToken, seen: string | undefined): Promise<boolean> {
    return this.stops('acquire', () => this.queue.acquire(token, seen));
  }

  release(token: LeaseToken): Promise<void> {
    return this.stops('release', () => this.queue.release(token));
  }

  heads(partition: string, limit: number): Promise<readonly QueuedEntry[]> {
    return this.stops('heads', () => this.queue.heads(partition, limit));
  }

  /** At once: the model reads these entries together with the first ones. */
  following(partition: string, head: QueuedEntry, limit: number): Promise<readonly OutboxEntry[]> {
    this.reading++;
    return this.queue.following(partition, head, limit).finally(() => this.reading--);
  }

  remove(lease: LeaseToken, ids: readonly string[]): Promise<FencedWrite> {
    return this.stops('remove', () => this.queue.remove(lease, ids));
  }

  putBack(lease: LeaseToken, entry: OutboxEntry, wait: number | null): Promise<FencedWrite> {
    return this.stops('putBack', () => this.queue.putBack(lease, entry, wait));
  }

  // What operators ask for is not part of the relay.
  deadLetters = () => Promise.resolve([]);
  requeue = () => Promise.resolve(0);
  purge = () => Promise.resolve(0);
  storedDestinations = () => Promise.resolve([]);
  moveDestination = () => Promise.resolve(0);
  dropDestination = () => Promise.resolve(0);
  backlog = () => Promise.resolve([]);
}

class SteppedDestination extends TotpEventDestination {
  readonly name = 'recording';

  constructor(
    private readonly process: Process,
    private readonly taken: string[],
  ) {
    super();
  }

  override deliver(event: AnyTotpEvent): Promise<void> {
    return this.process.delivering(event, () => {
      if (this.process.answer !== 'FAILS') this.taken.push(...named([event]));
      return this.process.answer === 'TAKES' ? Promise.resolve() : Promise.reject(new Error('down'));
    });
  }
}

type State = 'waiting' | 'failed' | 'dead letter';

/** Two processes over one outbox. */
export class RelayReplay {
  private readonly taken: string[] = [];
  private readonly processes: readonly [Process, Process];
  private readonly clock = new StillClock();
  private readonly users: readonly string[];
  /** What the model says of the entries that are stored. */
  private readonly states = new Map<string, State>();
  private readonly takenInModel: string[] = [];

  constructor(
    private readonly harness: OutboxHarness,
    private readonly rows: () => Promise<readonly { event: string; due_at: unknown; attempts: number }[]>,
    private readonly makeDue: (name: string) => Promise<void>,
  ) {
    const user = randomUUID();
    let other = randomUUID();
    while (!rowId(other).startsWith(rowId(user).charAt(0))) other = randomUUID();
    this.users = [user, user, other];
    const process = () => new Process(harness.outbox, this.taken, this.clock, harness);
    this.processes = [process(), process()];
  }

  /** @throws Error at the first step that the code does not make, or makes with another outcome */
  async run(steps: readonly RelayStep[]): Promise<void> {
    for (const [n, step] of steps.entries()) {
      try {
        await this.make(step);
        await this.compare();
      } catch (error) {
        throw new Error(
          `step ${String(n)}: ${steps
            .slice(0, n + 1)
            .map((one) => JSON.stringify(one))
            .join('\n')}`,
          {
            cause: error,
          },
        );
      }
    }
  }

  private async make(step: RelayStep): Promise<void> {
    switch (step.step) {
      case 'TIME':
        this.clock.time += UNIT;
        return;
      case 'STORES':
        this.states.set(nameOf(step.event), 'waiting');
        return this.harness.rename(String(this.users[step.event]), nameOf(step.event));
      case 'DUE':
        this.states.set(nameOf(step.event), 'waiting');
        return this.makeDue(nameOf(step.event));
      default:
        return this.makeOf(this.processes[step.relay === 0 ? 0 : 1], step);
    }
  }

  private async makeOf(process: Process, step: Exclude<RelayStep, { step: 'TIME' | 'STORES' | 'DUE' }>): Promise<void> {
    switch (step.step) {
      case 'DIES':
        process.isDead = true;
        return;
      case 'LOOKS':
        await process.ends();
        process.look();
        await process.lets('duePartitions');
        return step.how === 'WAITS' ? process.ends() : undefined;
      case 'ACQUIRES':
        expectSame(await process.lets('acquire'), step.how === 'WRITTEN');
        return step.how === 'WRITTEN' ? undefined : process.ends();
      case 'READS':
        process.delivered.clear();
        await process.lets('heads', { holdsReply: true });
        return;
      case 'ENSURES':
        return process.continues();
      case 'RENEWS':
        expectSame(await process.lets('acquire', { holdsReply: true }), step.how === 'WRITTEN');
        // Releasing a lease that another process has does nothing.
        return step.how === 'WRITTEN' ? undefined : this.release(process);
      case 'DELIVERS':
        return this.deliver(process, nameOf(step.event), step.how);
      case 'REMOVES':
        expectSame(await process.lets('remove'), step.how === 'WRITTEN' ? 'written' : 'lease lost');
        if (step.how === 'WRITTEN') for (const name of process.delivered) this.states.delete(name);
        return;
      case 'PUTS_BACK':
        expectSame(await process.lets('putBack'), step.how === 'LEASE_LOST' ? 'lease lost' : 'written');
        if (step.how === 'TRIED_AGAIN') this.states.set(nameOf(step.event), 'failed');
        if (step.how === 'GIVEN_UP') this.states.set(nameOf(step.event), 'dead letter');
        return;
      case 'RELEASES':
        return this.release(process);
    }
  }

  private async deliver(process: Process, name: string, how: How): Promise<void> {
    process.answer = how;
    await process.lets(`deliver ${name}`);
    if (how === 'TAKES') process.delivered.add(name);
    if (how !== 'FAILS') this.takenInModel.push(name);
    const other = this.processes.find((one) => one !== process && !one.isDead);
    if (other?.waiting.some(({ call }) => call === `deliver ${name}`))
      throw new Error(`Both processes deliver ${name}.`);
  }

  private async release(process: Process): Promise<void> {
    await process.continues();
    // The model tries no write after it has seen that the lease is lost; the code may, and sees it then.
    while (process.waiting.some(({ call }) => call === 'putBack')) {
      expectSame(await process.lets('putBack'), 'lease lost');
    }
    await process.lets('release');
    await process.ends();
  }

  private async compare(): Promise<void> {
    expectSame(this.taken, this.takenInModel);
    const now = await this.harness.databaseNow();
    const states = (await this.rows()).map(({ event, due_at: dueAt, attempts }): [string, State] => {
      const state = dueAt === null ? 'dead letter' : attempts > 0 && Number(dueAt) > now ? 'failed' : 'waiting';
      return [String(/"to":"(\w+)"/.exec(event)?.[1]), state];
    });
    expectSame(states.toSorted(), [...this.states].toSorted());
  }
}

/** Time passes when the model says so, and no timer goes off: the model decides whether a delivery fails. */
class StillClock implements MonotonicClock {
  time = 0;

  elapsed(): number {
    return this.time;
  }

  after(): () => void {
    return () => undefined;
  }
}

function nameOf(event: number): string {
  return ['zero', 'one', 'two'][event] ?? '';
}

function expectSame(actual: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`The code has ${is}, the model ${should}.`);
}
