/** Several processes on one database, to which a test deals out calls that are then made all at once. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { AnyTotpEvent, DeviceSummary, RecipeInterface } from 'nestjs-totp';
import type { OpenDatabase } from '../support/databases.js';

/** A call of a function of `TotpService`. */
export type Call = {
  [Name in keyof RecipeInterface]: { readonly name: Name; readonly input: Parameters<RecipeInterface[Name]>[0] };
}[keyof RecipeInterface];

/** An answer with the fields of all functions' answers; `FAULT` means an exception, `NONE` a process that was killed. */
export interface Answer {
  readonly status: string;
  readonly code?: string;
  readonly message?: string;
  readonly deviceName?: string;
  readonly qrCodeString?: string;
  readonly devices?: readonly DeviceSummary[];
  readonly didDeviceExist?: boolean;
  readonly wasAlreadyVerified?: boolean;
  readonly recoveryCodes?: readonly string[];
  readonly trustToken?: string;
  readonly currentNumberOfFailedAttempts?: number;
}

/** When a call was made, in nanoseconds by one clock for all processes. */
interface Times {
  readonly begun: number;
  readonly ended: number;
}

export interface Volley {
  /** In the order of the calls. */
  readonly answers: readonly Answer[];
  /** Of the answers; undefined for a call of a process that was killed before. */
  readonly times: readonly (Times | undefined)[];
  /** Of all processes that were not killed. */
  readonly events: readonly AnyTotpEvent[];
  /** Commits that found that another call was first. */
  readonly conflicts: number;
  readonly milliseconds: number;
}

/** When a process ends itself, as if it had been killed from outside. */
export interface Death {
  /** At which moment of its writes, none of which goes any further. */
  readonly moment: 'before it is sent' | 'before its reply' | 'after its reply';
  /** How many writes have to come to that moment first. */
  readonly writes: number;
}

export interface Course {
  /** Called for each answer, as soon as a process has given it. */
  readonly onAnswer?: (answer: Answer, process: number) => void;
  /** By the number of the process. */
  readonly deaths?: readonly (Death | undefined)[];
  /**
   * Each process makes the calls of one user one after another, and those of so many users at once; by default, all at once. After a
   * fault it waits until it can reach the database.
   */
  readonly inTurn?: number;
  /** Called when all processes have begun. One that is killed before has nobody who would notice. */
  readonly onFire?: () => void;
}

type Message =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'answer'; readonly n: number; readonly answer: Answer } & Times)
  | { readonly kind: 'end'; readonly events: readonly AnyTotpEvent[]; readonly conflicts: number };

interface Report {
  readonly answers: readonly (Answer | undefined)[];
  readonly times: readonly (Times | undefined)[];
  readonly events: readonly AnyTotpEvent[];
  readonly conflicts: number;
}

/** What a process is told when it starts. */
type Environment = Readonly<Record<string, string>>;

/** How many processes there are. The n-th call is made by the process n % FLEET_SIZE. */
export const FLEET_SIZE = 4;

interface Crew {
  /** Where they bring events to, or that they only store all events. By default, they have no outbox. */
  readonly outbox?: 'stores' | object;
  /** Whether they write whatever the account has become: the last write wins. */
  readonly hasStoreWithoutCondition?: boolean;
}

export class Fleet {
  private constructor(
    private readonly database: OpenDatabase,
    private readonly environments: readonly Environment[],
    private readonly processes: ChildProcess[],
  ) {}

  /** @param database with the module's tables in it */
  static async launch(database: OpenDatabase, { outbox, hasStoreWithoutCondition }: Crew = {}): Promise<Fleet> {
    const { options, writers = [options] } = database;
    const environments = Array.from({ length: FLEET_SIZE }, (_, n): Environment => {
      const writer = writers[n % writers.length] ?? options;
      return {
        // Three such tests may run at once, on a server that takes a hundred connections.
        TOTP_DATABASE: JSON.stringify(writer.type === 'better-sqlite3' ? writer : { ...writer, poolSize: 5 }),
        ...(outbox === 'stores' && { TOTP_OUTBOX: outbox }),
        ...(typeof outbox === 'object' && { TOTP_BROKERS: JSON.stringify(outbox) }),
        ...(hasStoreWithoutCondition && { TOTP_UNCONDITIONAL: '1' }),
      };
    });
    return new Fleet(database, environments, await Promise.all(environments.map(start)));
  }

  /**
   * Deals the calls out in turn and waits for all answers.
   *
   * @param now the time that every process reads from its clock, in epoch ms
   */
  async fire(now: number, calls: readonly Call[], course: Course = {}): Promise<Volley> {
    const volley = await this.fireUntilKilled(now, calls, course);
    if (volley.answers.some(({ status }) => status === 'NONE')) throw new Error('A process was killed');
    return volley;
  }

  /** As `fire`, but processes may be killed meanwhile. */
  async fireUntilKilled(now: number, calls: readonly Call[], course: Course = {}): Promise<Volley> {
    const { onAnswer, onFire, deaths = [], inTurn = 0 } = course;
    await this.database.settle?.();
    // The calls are handed out beforehand, so that no process is done when the last one begins.
    await Promise.all(
      this.processes.map((worker, index) => {
        const share = calls.filter((_, n) => n % this.processes.length === index);
        const ready = listen(worker, ({ kind }) => kind === 'ready');
        worker.send({ kind: 'aim', now, calls: share, death: deaths[index] });
        return ready;
      }),
    );
    const startedAt = performance.now();
    const reporting = this.processes.map((worker, index) => {
      const reported = report(worker, (answer) => onAnswer?.(answer, index));
      worker.send({ kind: 'fire', inTurn });
      return reported;
    });
    onFire?.();
    const reports = await Promise.all(reporting);
    const milliseconds = performance.now() - startedAt;
    await this.database.settle?.();
    const place = (n: number) => ({ report: reports[n % reports.length], at: Math.floor(n / reports.length) });
    return {
      answers: calls.map((_, n) => place(n).report?.answers[place(n).at] ?? { status: 'NONE' }),
      times: calls.map((_, n) => place(n).report?.times[place(n).at]),
      events: reports.flatMap(({ events }) => events),
      conflicts: reports.reduce((sum, { conflicts }) => sum + conflicts, 0),
      milliseconds,
    };
  }

  /** Ends a process by a signal that it cannot notice. */
  kill(index: number): void {
    this.processes[index]?.kill('SIGKILL');
  }

  /** Restarts the processes that were killed. */
  async relaunch(): Promise<void> {
    await Promise.all(
      this.processes.map(async (worker, index) => {
        if (worker.killed && worker.signalCode === null) await once(worker, 'exit');
        if (worker.signalCode === 'SIGKILL') this.processes[index] = await start(this.environments[index] ?? {});
      }),
    );
  }

  async land(): Promise<void> {
    await Promise.all(
      this.processes.map(async (worker) => {
        if (worker.signalCode !== null) return;
        const exit = once(worker, 'exit');
        worker.disconnect();
        await exit;
      }),
    );
  }
}

async function start(environment: Environment): Promise<ChildProcess> {
  const worker = fork(join(import.meta.dirname, 'worker.js'), {
    env: { ...process.env, ...environment },
    execArgv: [],
  });
  await listen(worker, ({ kind }) => kind === 'ready');
  return worker;
}

/** What a process answers, until it has answered everything or is killed. */
async function report(worker: ChildProcess, onAnswer: (answer: Answer) => void): Promise<Report> {
  const answers: Answer[] = [];
  const times: Times[] = [];
  let end: Pick<Report, 'events' | 'conflicts'> = { events: [], conflicts: 0 };
  await listen(worker, (message) => {
    if (message.kind === 'answer') {
      answers[message.n] = message.answer;
      times[message.n] = { begun: message.begun, ended: message.ended };
      onAnswer(message.answer);
    }
    if (message.kind === 'end') end = message;
    return message.kind === 'end';
  });
  return { answers, times, ...end };
}

/** Hears messages until one is the last, or the process is killed; an error when the process ends otherwise. */
async function listen(worker: ChildProcess, isLast: (message: Message) => boolean): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // What a process had said before it ended still arrives before its channel closes.
    const ended = () => {
      if (worker.signalCode === 'SIGKILL') settle(resolve);
      else if (worker.exitCode === null && worker.signalCode === null) worker.once('exit', ended);
      else
        settle(() => {
          reject(new Error(`A process ended with ${worker.exitCode ?? worker.signalCode}`));
        });
    };
    const heard = (message: unknown) => {
      // The worker is this folder's own, and says nothing else.
      if (isLast(message as Message)) settle(resolve);
    };
    const settle = (how: () => void) => {
      worker.off('message', heard).off('disconnect', ended).off('exit', ended);
      how();
    };
    worker.on('message', heard).once('disconnect', ended);
  });
}
