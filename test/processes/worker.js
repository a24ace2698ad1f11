/**
 * One of several processes that share a database: a Nest application that does what the test sends it, all at once.
 *
 * Plain JavaScript over the built library, since a forked process does not go through Jest's transformation.
 */
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

process.on('message', async ({ now, calls }) => {
  clock.set(now);
  events.clear();
  conflicts = 0;
  const answers = await Promise.all(calls.map(answer));
  process.send({ answers, events: events.events, conflicts });
});
process.on('disconnect', () => app.close());
process.send('ready');

async function answer({ name, input }) {
  try {
    return await totp[name](input);
  } catch (error) {
    return { status: 'FAULT', code: error.code, message: error.message };
  }
}
