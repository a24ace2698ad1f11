/** A process that does nothing but deliver: it prints the name of each event. Plain JavaScript over the built library. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TOTP_ENTITIES, TotpModule } from '../../dist/index.js';

class Printer {
  name = 'printer';

  deliver(event) {
    process.stdout.write(`${event.name}\n`);
    return Promise.resolve();
  }
}

class WorkerModule {}
Module({
  imports: [
    TypeOrmModule.forRoot({ ...JSON.parse(process.env.TOTP_DATABASE), entities: TOTP_ENTITIES }),
    EventEmitterModule.forRoot(),
    TotpModule.forRoot({
      issuer: 'Acme',
      secrets: 'plain-text',
      controllers: false,
      events: { outbox: true, pollInterval: '100ms' },
      eventDestinations: [Printer],
    }),
  ],
})(WorkerModule);

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['error'] });
app.enableShutdownHooks();
process.stdout.write('ready\n');
