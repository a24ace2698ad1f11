/** What one measurement has to itself: its databases, users, applications and processes. All is gone before the next begins. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { migrate, writeAccounts } from './accounts.js';
import { BenchClock, openService } from './application.js';
import { callForEach, inSequence, sampleOf } from './callers.js';
import { openFloor } from './floor.js';

/** Between two rounds, so that no failure of one counts in the next and every code is new: longer than the cooldown. */
const MS_BETWEEN_ROUNDS = 3_600_000;

/**
 * A row of the table.
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {'/s' | 'ms' | 'MiB'} unit of the sample's `value`
 * @property {() => Promise<{ value: number, p50?: number, p99?: number, cpu?: number }>} measure takes one sample; `p50` and
 *   `p99` are latencies in ms, `cpu` is what the application spends on the processor for one call, in µs
 * @property {string} [against] the name of the row of the same measurement that this one is divided by, round by round
 * @property {'value' | 'p99'} [by] what is divided; default `value`
 * @property {{ atLeast: number } | { atMost: number }} [goal] of that ratio
 */

export class Bench {
  clock = new BenchClock();
  #closers = [];
  #made = new Map();

  /**
   * @param server from `openServer`
   * @param size `seconds` of a sample at most; `users` who have a turn in it; `populations` and `past` of the rows on growth
   */
  constructor(server, size) {
    this.server = server;
    this.size = size;
  }

  /** Told what to do at the end. */
  defer(close) {
    this.#closers.push(close);
  }

  /** Closes and removes everything, the newest first. */
  async close() {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  /** TypeORM's options of a database of this measurement's own, with the module's tables in it. */
  database(name = 'main') {
    return this.once(`database ${name}`, async () => {
      const options = await this.server.create(name);
      this.defer(() => this.server.drop(name));
      await migrate(options);
      return options;
    });
  }

  /** The ids of `size.users` users of a kind, see `writeAccounts`; the same users for everybody who asks. */
  users(kind = {}) {
    const prefix = ['user', ...Object.values(kind).map(String)].join('-');
    return this.once(prefix, async () => {
      const ids = Array.from({ length: this.size.users }, (_, n) => `${prefix}-${n}`);
      await writeAccounts(await this.database(), ids, kind);
      return ids;
    });
  }

  /** The module's service in this process, over the main database; see `totpModule` for the options. */
  service(options = {}) {
    return this.once(`service ${JSON.stringify(options)}`, async () => {
      const { totp, close } = await openService(await this.database(), { clock: this.clock, ...options });
      this.defer(close);
      return totp;
    });
  }

  /** The floor in this process, over the main database or another one. */
  async floor(database) {
    const options = database ?? (await this.database());
    return this.once(`floor ${JSON.stringify(options)}`, async () => {
      const floor = await openFloor(options);
      this.defer(() => floor.close());
      return floor;
    });
  }

  /**
   * Starts a process of `servers/`.
   *
   * @param {string} file
   * @param {object} settings which it finds in the environment variable BENCH_SETTINGS
   * @returns what it said when it was ready; `ask`, which sends it a message and returns its reply; its `cpuTime`; and `stop`
   */
  async start(file, settings, execArgv = []) {
    const child = fork(join(import.meta.dirname, '../servers', file), {
      env: { ...process.env, NODE_ENV: 'production', BENCH_SETTINGS: JSON.stringify(settings) },
      execArgv,
    });
    const ended = once(child, 'exit');
    const reply = async () => {
      const answer = await Promise.race([once(child, 'message'), ended.then(() => undefined)]);
      if (answer === undefined) throw new Error(`servers/${file} ended with ${child.exitCode ?? child.signalCode}`);
      return answer[0];
    };
    const stop = async () => {
      if (child.connected) child.disconnect();
      await ended;
    };
    this.defer(stop);
    const ask = (message) => {
      const answer = reply();
      child.send(message);
      return answer;
    };
    const ready = await reply();
    return {
      ...ready,
      stop,
      ask,
      cpuTime: async () => (await ask('cpuTime')).answer,
    };
  }

  /**
   * A row whose value is how many calls are answered a second.
   *
   * @param {object} row
   * @param {readonly string[] | (() => readonly string[])} row.users
   * @param {(now: number) => string} row.code the code that is entered at a time
   * @param {(user: string, code: string, now: number) => Promise<string>} row.call returns the status of the answer
   * @param {string} row.expects the status of every answer
   * @param {number} [row.callers]
   * @param {number} [row.passes] how often all users have a turn
   * @param {(now: number) => unknown} [row.before] what is not measured
   * @param {() => Promise<number>} [row.cpuTime] of the application, where it is another process than this one
   * @returns {Row}
   */
  throughput({
    users,
    code = () => '',
    call,
    expects,
    callers = 16,
    passes = 1,
    before = () => undefined,
    cpuTime,
    ...row
  }) {
    return {
      ...row,
      unit: '/s',
      measure: async () => {
        const results = [];
        for (let pass = 0; pass < passes; pass++) {
          const now = this.nextRound();
          await before(now);
          const entered = code(now);
          const cpuBefore = await cpuTime?.();
          const result = await callForEach({
            users: typeof users === 'function' ? users() : users,
            callers,
            seconds: this.size.seconds / passes,
            call: (user) => call(user, entered, now),
            expects,
          });
          results.push(cpuTime === undefined ? result : { ...result, cpuTime: (await cpuTime()) - cpuBefore });
        }
        return sampleOf([inSequence(results)]);
      },
    };
  }

  /** Moves the clock to where no earlier round matters, and returns the time. */
  nextRound() {
    this.clock.time += MS_BETWEEN_ROUNDS;
    return this.clock.time;
  }

  /** What `make` returned when the key was first asked for. */
  once(key, make) {
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key);
  }
}
