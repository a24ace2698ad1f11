/** Bounds how much work runs at a time. */

/** Statements of background work that may run at a time, so that connections of the pool are left to sign-ins. */
export const BACKGROUND_STATEMENTS = 4;

export class Semaphore {
  /** Resumes each call that waits for a permit, the oldest first. */
  private readonly waiting = new Set<() => void>();

  /** @param permits calls that may run at a time; at least 1 */
  constructor(private permits: number) {}

  /** Runs `work` once fewer calls than permits are running. Calls start in the order in which they came. */
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
