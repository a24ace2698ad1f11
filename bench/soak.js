/** Runs mixed load for a long time, and compares memory, sockets and timers at the end with those at the start: `npm run soak`. */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { Pool } from 'undici';
import { Bench } from './support/bench.js';
import { rightCode, wrongCode } from './support/codes.js';
import { DATABASES, openServer } from './support/database-server.js';

const CALLERS = 16;
const USERS = 2_000;
const SAMPLES = 30;
/** How often the clock of the application moves on. */
const CLOCK_MS = 2_000;
/** What the heap may grow by between the first and the last third of the samples. */
const MAX_GROWTH = 1.1;

const { values: args } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    database: { type: 'string', default: 'postgres' },
    platform: { type: 'string', default: 'Express' },
  },
});
const minutes = Number(args.minutes);
if (!(minutes > 0)) refuse(`--minutes=${args.minutes} must be a number above 0.`);
if (!DATABASES.includes(args.database)) refuse(`--database=${args.database} is none of ${DATABASES.join(', ')}.`);
if (!['Express', 'Fastify'].includes(args.platform)) refuse('--platform must be Express or Fastify.');

const PLAIN = { head: [], border: [] };

/** How often each answer came, by route and status. */
const answers = new Map();
const database = await openServer(args.database);
const bench = new Bench(database, { users: USERS });
try {
  process.exitCode = (await soak()) ? 0 : 1;
} finally {
  await bench.close();
  await database.close();
}

/** @returns whether nothing has grown */
async function soak() {
  const users = await bench.users();
  const server = await bench.start('soak.js', { platform: args.platform, database: await bench.database() }, [
    '--expose-gc',
  ]);
  const pool = new Pool(server.url, { connections: CALLERS, pipelining: 1 });
  bench.defer(() => pool.close());
  console.log(
    `${args.database} ${database.version}, ${args.platform}, Node.js ${process.versions.node}, ${minutes} minutes`,
  );

  const samples = [];
  let isOver = false;
  const load = Promise.all(Array.from({ length: CALLERS }, (_, n) => caller(pool, users, n, () => isOver)));
  const startedAt = performance.now();
  for (let n = 1; n <= SAMPLES; n++) {
    const endsAt = startedAt + (n * minutes * 60_000) / SAMPLES;
    while (performance.now() < endsAt) {
      // The load only ends early when a call fails.
      await Promise.race([load, delay(Math.min(CLOCK_MS, endsAt - performance.now()))]);
      // An hour later all codes are new, and locks are over.
      await server.ask({ advance: 3_600_000 });
    }
    const { answer } = await server.ask({ sample: true });
    samples.push({ calls: total(), ...answer });
    const { heap, sockets, timers } = answer;
    console.log(
      `${((n * minutes) / SAMPLES).toFixed(1)} min: ${total().toLocaleString('en')} calls, heap ${heap} MiB, ${sockets} sockets, ${timers} timers`,
    );
  }
  isOver = true;
  await load;
  return report(samples);
}

/** One visitor after the other, each with a random intention. A 5xx ends the run. */
async function caller(pool, users, number, isOver) {
  for (let n = 0; !isOver(); n++) {
    const user = users[(n * CALLERS + number * 31) % users.length];
    const now = Number((await call(pool, user, 'GET', '/now')).now);
    const [right, wrong] = [rightCode(now), wrongCode(now)];
    const verify = (totp) => call(pool, user, 'POST', '/totp/verify', { totp });
    const intention = Math.random();
    if (intention < 0.6) await verify(right);
    else if (intention < 0.75) await Promise.all([verify(right), verify(right)]);
    else if (intention < 0.85) for (let guess = 0; guess < 6; guess++) await verify(wrong);
    else if (intention < 0.95) await changeDevices(pool, user, right);
    else
      await Promise.all([call(pool, user, 'GET', '/totp/device/list'), call(pool, user, 'POST', '/totp/verify', {})]);
  }
}

/** Signs in, then adds a device and removes it. */
async function changeDevices(pool, user, code) {
  await call(pool, user, 'POST', '/totp/verify', { totp: code });
  const { status, deviceName } = await call(pool, user, 'POST', '/totp/device', { deviceName: 'soak' });
  if (status === 'OK') await call(pool, user, 'POST', '/totp/device/remove', { deviceName });
}

async function call(pool, user, method, path, body) {
  const { statusCode, body: stream } = await pool.request({
    method,
    path,
    headers: { 'content-type': 'application/json', 'x-user': user },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await stream.text();
  if (statusCode >= 500) throw new Error(`${method} ${path} was answered ${statusCode} ${text}`);
  const answer = JSON.parse(text);
  if (path !== '/now') {
    const key = `${method} ${path} ${statusCode} ${answer.status ?? ''}`;
    answers.set(key, (answers.get(key) ?? 0) + 1);
  }
  return answer;
}

function total() {
  return [...answers.values()].reduce((sum, count) => sum + count, 0);
}

function report(samples) {
  const counts = new Table({ head: ['answer', 'times'], style: PLAIN });
  counts.push(...[...answers].toSorted().map(([answer, count]) => [answer, count.toLocaleString('en')]));
  console.log(counts.toString());

  // The first third warms the process up: code is compiled, pools and caches fill.
  const [start, end] = [samples[Math.floor(SAMPLES / 3)], samples.at(-1)];
  const table = new Table({ head: ['', 'after warming up', 'at the end', 'may reach', ''], style: PLAIN });
  const rows = [
    ['heap after collection, MiB', 'heap', MAX_GROWTH],
    ['sockets, to the database and to callers', 'sockets', 1],
    ['timers', 'timers', 1],
    ['listeners on the process', 'listeners', 1],
  ].map(([name, field, growth]) => {
    const [before, after] = [1, 2].map((third) => median(samples, field, third));
    return [name, before, after, Math.ceil(before * growth)];
  });
  table.push(...rows.map((row) => [...row, row[2] <= row[3] ? 'holds' : 'GROWN']));
  table.push(['resident memory, MiB', start.rss, end.rss, '', '']);
  table.push(['calls', start.calls.toLocaleString('en'), end.calls.toLocaleString('en'), '', '']);
  console.log(table.toString());
  return rows.every(([, , after, allowed]) => after <= allowed);
}

/** The median of one third of the samples, from 0. */
function median(samples, field, third) {
  const size = SAMPLES / 3;
  const values = samples.slice(third * size, (third + 1) * size).map((sample) => sample[field]);
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

function refuse(message) {
  console.error(`${message}\nnode ${join('bench', 'soak.js')} --minutes=30 --database=postgres --platform=Express`);
  process.exit(2);
}
