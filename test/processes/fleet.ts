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

/** An answer with the fields of all functions' answers; `FAULT` stands for an exception. */
export interface Answer {
  readonly status: string;
  readonly code?: string;
  readonly message?: string;
  readonly deviceName?: string;
  readonly qrCodeString?: string;
  readonly devices?: readonly DeviceSummary[];
  readonly didDeviceExist?: boolean;
  readonly wasAlreadyVerified?: boolean;
  readonly currentNumberOfFailedAttempts?: number;
}

export interface Volley {
  /** In the order of the calls. */
  readonly answers: readonly Answer[];
  /** Of all processes. */
  readonly events: readonly AnyTotpEvent[];
  /** Commits that found that another call was first. */
  readonly conflicts: number;
  readonly milliseconds: number;
}

interface Report {
  readonly answers: readonly Answer[];
  readonly events: readonly AnyTotpEvent[];
  readonly conflicts: number;
}

export class Fleet {
  private constructor(private readonly processes: readonly ChildProcess[]) {}

  /** @param database with the module's tables in it */
  static async launch(database: OpenDatabase, size = 4): Promise<Fleet> {
    const processes = Array.from({ length: size }, () =>
      fork(join(import.meta.dirname, 'worker.js'), {
        env: { ...process.env, TOTP_DATABASE: JSON.stringify(database.options) },
        execArgv: [],
      }),
    );
    await Promise.all(processes.map((worker) => report(worker)));
    return new Fleet(processes);
  }

  /**
   * Deals the calls out in turn and waits for all answers.
   *
   * @param now the time that every process reads from its clock, in epoch ms
   */
  async fire(now: number, calls: readonly Call[]): Promise<Volley> {
    const startedAt = performance.now();
    const reports = await Promise.all(
      this.processes.map((worker, index) => {
        const share = calls.filter((_, n) => n % this.processes.length === index);
        worker.send({ now, calls: share });
        return report<Report>(worker);
      }),
    );
    return {
      answers: calls.map((_, n) => {
        const answer = reports[n % reports.length]?.answers[Math.floor(n / reports.length)];
        if (answer === undefined) throw new Error('A call got no answer');
        return answer;
      }),
      events: reports.flatMap(({ events }) => events),
      conflicts: reports.reduce((sum, { conflicts }) => sum + conflicts, 0),
      milliseconds: performance.now() - startedAt,
    };
  }

  async land(): Promise<void> {
    await Promise.all(
      this.processes.map(async (worker) => {
        const exit = once(worker, 'exit');
        worker.disconnect();
        await exit;
      }),
    );
  }
}

/** The next message of a process; an error when it ends instead. */
async function report<T>(worker: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => {
      reject(new Error(`A process ended with ${String(code)}`));
    };
    worker.once('exit', ended);
    worker.once('message', (message) => {
      worker.off('exit', ended);
      // The worker is this folder's own, and answers with nothing else.
      resolve(message as T);
    });
  });
}
