/** Two ways to let other work run first: for a number of milliseconds, or until pending timers and I/O have been served. */
export {
  setTimeout as delay,
  // SQLite statements never return to the event loop, so a loop of them has to yield explicitly.
  setImmediate as yieldToEventLoop,
} from 'node:timers/promises';
