/** Two ways to let other work go first: for some milliseconds, or until timers and sockets have been served. */
export {
  setTimeout as delay,
  // A loop over an SQLite database yields by itself: its statements never return to the event loop.
  setImmediate as yieldToEventLoop,
} from 'node:timers/promises';
