/** A monotonic clock and timer, for waits within one process: setting the machine's clock does not affect it. */
export interface MonotonicClock {
  /** Milliseconds since an arbitrary moment. */
  elapsed(): number;
  /**
   * Calls `action` after some milliseconds, and returns a function that cancels it.
   *
   * @param keepsProcessAlive whether Node.js waits for it when it has nothing else to do; default false
   */
  after(milliseconds: number, action: () => void, keepsProcessAlive?: boolean): () => void;
}

export const monotonicClock: MonotonicClock = {
  elapsed: () => performance.now(),
  after: (milliseconds, action, keepsProcessAlive = false) => {
    const timer = setTimeout(action, milliseconds);
    if (!keepsProcessAlive) timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
