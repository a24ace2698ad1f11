/** Calls with the same key run one after the other, within this process. */
export class KeyedMutex {
  /** The newest call of each key that has a running call. */
  private readonly newest = new Map<unknown, Promise<unknown>>();

  /** Runs `call` after all earlier calls with this key, whether they succeed or fail. */
  async runExclusive<T>(key: unknown, call: () => Promise<T>): Promise<T> {
    const previous = this.newest.get(key);
    const running = previous === undefined ? call() : previous.then(call, call);
    this.newest.set(key, running);
    try {
      return await running;
    } finally {
      if (this.newest.get(key) === running) this.newest.delete(key);
    }
  }
}
