/** Limits how many calls run at a time. */

/** How many statements of background work may run at a time, so that sign-ins find free connections in the pool. */
export const BACKGROUND_STATEMENTS = 4;

export class Semaphore {
  /** Resumes the calls that wait for a permit, oldest first. */
  private readonly waiting = new Set<() => void>();

  /** @param permits calls that may run at a time; at least 1 */
  constructor(private permits: number) {}

  /** Runs `work` once a permit is free. Calls start in the order in which they were made. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.permits > 0) this.permits--;
    else await new Promise<void>((resolve) => this.waiting.add(resolve));
    try {
      return await work();
    } finally {
      this.release();
    }
  }

  /** Runs `work` for each item, and returns the results in the order of the items. After a failure no further work starts. */
  async map<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
    const failed = new AbortController();
    const runs = items.map((item) =>
      this.run(async () => {
        failed.signal.throwIfAborted();
        try {
          return await work(item);
        } catch (error) {
          failed.abort(error);
          throw error;
        }
      }),
    );
    return Promise.all(runs);
  }

  /** Passes the permit to the call that has waited longest. */
  private release(): void {
    const [next] = this.waiting;
    if (next === undefined) {
      this.permits++;
      return;
    }
    this.waiting.delete(next);
    next();
  }
}
