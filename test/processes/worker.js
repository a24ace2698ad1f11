/**
 * One of several processes that share a database: a Nest application that does what the test sends it, all at once.
 *
 * Plain JavaScript over the built library, since a forked process does not go through Jest's transformation.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate as immediately, setTimeout } from 'node:timers/promises';
import 'reflect-metadata';
import { Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, Transport } from '@nestjs/microservices';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import {
  ClientProxyTotpEventDestination,
  SystemTotpClock,
  TOTP_ENTITIES,
  TotpAccountStore,
  TotpClock,
  TotpEventPublisher,
  TotpModule,
  TotpService,
} from '../../dist/index.js';
import { StoreConnection } from '../../dist/storage/sql/connection.js';
import { TestTotpClock, TotpEventRecorder } from '../../dist/testing/index.js';
import { intercept } from '../support/intercept.js';

const clock = new TestTotpClock();
const events = new TotpEventRecorder();

const brokers = process.env.TOTP_BROKERS === undefined ? undefined : JSON.parse(process.env.TOTP_BROKERS);

// However long a busy machine takes, nobody's patience with a held SQLite file runs out. The relay to brokers goes by real time.
if (!brokers) performance.now = () => 0;

class Rabbit extends ClientProxyTotpEventDestination {
  name = 'rabbitmq';

  constructor(client) {
    super(client, brokers);
  }
}
Inject('RABBITMQ')(Rabbit, undefined, 0);

class Nats extends ClientProxyTotpEventDestination {
  name = 'nats';

  constructor(client) {
    super(client, brokers);
  }
}
Inject('NATS')(Nats, undefined, 0);

function clients({ rabbitmq, queue, nats }) {
  const options = { urls: [rabbitmq], queue, queueOptions: { durable: true }, persistent: true };
  return ClientsModule.register([
    { name: 'RABBITMQ', transport: Transport.RMQ, options },
    { name: 'NATS', transport: Transport.NATS, options: { servers: [nats] } },
  ]);
}

/** Stores every event, and delivers none: the test reads them. Its only destination is never used. */
class Nowhere {
  name = 'nowhere';
}
const storing = { events: { outbox: true, codeEvents: true, relay: false }, eventDestinations: [Nowhere] };

/** Short times: who is killed leaves a claim behind that others wait for. */
const relaying = brokers && {
  events: { outbox: true, pollInterval: 0.1, deliveryTimeout: brokers.deliveryTimeout, maxAttempts: 1_000 },
  eventDestinations: [Rabbit, Nats],
  imports: [clients(brokers)],
};

class WorkerModule {}
Module({
  imports: [
    TypeOrmModule.forRoot({ ...JSON.parse(process.env.TOTP_DATABASE), entities: TOTP_ENTITIES }),
    TotpModule.forRoot({
      issuer: 'Acme',
      secrets: 'plain-text',
      controllers: false,
      trustedBrowsers: {},
      ...(process.env.TOTP_OUTBOX === 'stores' ? storing : relaying),
      providers: [
        // What is tried again is due at a time, which has to come.
        { provide: TotpClock, useValue: brokers ? new SystemTotpClock() : clock },
        { provide: TotpEventPublisher, useValue: events },
      ],
    }),
  ],
})(WorkerModule);

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['error'] });
const totp = app.get(TotpService);

let conflicts = 0;
const store = app.get(TotpAccountStore);
const commit = store.commit.bind(store);
store.commit = async (userId, revision, ...change) => {
  // The last write wins: what a store without the condition would do.
  const seen = process.env.TOTP_UNCONDITIONAL ? ((await store.load(userId))?.revision ?? null) : revision;
  const committed = await commit(userId, seen, ...change);
  if (!committed) conflicts++;
  return committed;
};

let calls = [];
process.on('message', async (order) => {
  if (order.kind === 'aim') {
    calls = order.calls;
    clock.set(order.now);
    events.clear();
    conflicts = 0;
    if (order.death) await dieAt(order.death);
    process.send({ kind: 'ready' });
  } else {
    await (order.inTurn > 0 ? inTurn(order.inTurn) : Promise.all(calls.map((call, n) => make(call, n))));
    process.send({ kind: 'end', events: events.events, conflicts });
  }
});
process.on('disconnect', () => app.close());
process.send({ kind: 'ready' });

async function make(call, n) {
  const begun = now();
  const answered = await answer(call);
  process.send({ kind: 'answer', n, answer: answered, begun, ended: now() });
  return answered;
}

/** Each user's calls one after another, those of so many users at once. */
async function inTurn(users) {
  const waiting = [...new Set(calls.map(({ input }) => input.userId))];
  const work = async () => {
    for (let userId = waiting.shift(); userId !== undefined; userId = waiting.shift()) {
      for (const [n, call] of calls.entries()) {
        if (call.input.userId !== userId) continue;
        const { status } = await make(call, n);
        // Otherwise all its calls would fail while a server is away.
        if (status === 'FAULT') await untilReached();
      }
    }
  };
  await Promise.all(Array.from({ length: users }, work));
}

async function untilReached() {
  const dataSource = app.get(DataSource);
  while (process.connected) {
    try {
      await dataSource.query('SELECT 1');
      return;
    } catch {
      await setTimeout(20);
    }
  }
}

/** In nanoseconds, by the clock that all processes of the machine share. */
function now() {
  return Number(process.hrtime.bigint());
}

async function answer({ name, input }) {
  try {
    return await totp[name](input);
  } catch (error) {
    // The server has undone the call. That is rare, but happens in a Galera cluster, and callers then make it again.
    if (error.message.includes('Lock wait timeout exceeded')) return answer({ name, input });
    return { status: 'FAULT', code: error.code, message: error.message };
  }
}

/** Ends this process, as by a signal from outside, once `writes` writes have come to the moment, and go no further. */
async function dieAt({ moment, writes }) {
  const dataSource = await app.get(StoreConnection).open();
  let come = 0;
  const halt = () => {
    come++;
    if (come === writes) process.kill(process.pid, 'SIGKILL');
    return new Promise(() => undefined);
  };
  intercept(dataSource, async ({ sql, send }) => {
    if (sql.startsWith('SELECT')) return send();
    if (moment === 'before it is sent') return halt();
    const reply = send();
    // Nobody hears it any more when the process dies first: another process may hold the SQLite file.
    reply.catch(() => undefined);
    // The driver passes it on within a turn or two of the event loop; the reply takes longer.
    await (moment === 'before its reply' ? immediately() : reply);
    return halt();
  });
}
