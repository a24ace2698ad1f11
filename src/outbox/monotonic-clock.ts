/** A monotonic clock and timer, for waits within one process: setting the machine's clock does not affect it. */
export interface MonotonicClock {
  /** Milliseconds since an arbitrary moment. */
  elapsed(): number;
  /** Calls `action` after some milliseconds, and returns a function that cancels it. Does not keep the process alive. */
  after(milliseconds: number, action: () => void): () => void;
}

export const monotonicClock: MonotonicClock = {
  elapsed: () => performance.now(),
  after: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
