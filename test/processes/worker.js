/**
 * One of several processes that share a database: a Nest application that does what the test sends it, all at once.
 *
 * Plain JavaScript over the built library, since a forked process does not go through Jest's transformation.
 */
import { setImmediate as immediately } from 'node:timers/promises';
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  TOTP_ENTITIES,
  TotpAccountStore,
  TotpClock,
  TotpEventPublisher,
  TotpModule,
  TotpService,
} from '../../dist/index.js';
import { StoreConnection } from '../../dist/storage/store-connection.js';
import { TestTotpClock, TotpEventRecorder } from '../../dist/testing/index.js';

const clock = new TestTotpClock();
const events = new TotpEventRecorder();

class WorkerModule {}
Module({
  imports: [
    TypeOrmModule.forRoot({ ...JSON.parse(process.env.TOTP_DATABASE), entities: TOTP_ENTITIES }),
    TotpModule.forRoot({
      issuer: 'Acme',
      secrets: 'plain-text',
      controllers: false,
      providers: [
        { provide: TotpClock, useValue: clock },
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
store.commit = async (...args) => {
  const committed = await commit(...args);
  if (!committed) conflicts++;
  return committed;
};

process.on('message', async ({ now, calls, death }) => {
  clock.set(now);
  events.clear();
  conflicts = 0;
  if (death) await dieAt(death);
  await Promise.all(calls.map(async (call, n) => process.send({ kind: 'answer', n, answer: await answer(call) })));
  process.send({ kind: 'end', events: events.events, conflicts });
});
process.on('disconnect', () => app.close());
process.send({ kind: 'ready' });

async function answer({ name, input }) {
  try {
    return await totp[name](input);
  } catch (error) {
    return { status: 'FAULT', code: error.code, message: error.message };
  }
}

/** Ends this process, as by a signal from outside, once `writes` writes have come to the moment, and go no further. */
async function dieAt({ moment, writes }) {
  const dataSource = await app.get(StoreConnection).open();
  const create = dataSource.createQueryRunner.bind(dataSource);
  let come = 0;
  const halt = () => {
    come++;
    if (come === writes) process.kill(process.pid, 'SIGKILL');
    return new Promise(() => undefined);
  };
  dataSource.createQueryRunner = (...args) => {
    const runner = create(...args);
    // SQLite has one for everybody.
    if (Object.hasOwn(runner, 'query')) return runner;
    const query = runner.query.bind(runner);
    runner.query = async (...statement) => {
      if (statement[0].startsWith('SELECT')) return query(...statement);
      if (moment === 'before it is sent') return halt();
      const reply = query(...statement);
      // The driver passes it on within a turn or two of the event loop; the reply takes longer.
      await (moment === 'before its reply' ? immediately() : reply);
      return halt();
    };
    return runner;
  };
}
