/** A Nest application on Express that starts, with the module or without, and tells how long it took and how much it holds. */
import 'reflect-metadata';
import { performance } from 'node:perf_hooks';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { serve, settings } from './process.js';

const { database, withModule } = settings;

class RootModule {}
Module({ imports: withModule ? await importsWithModule() : importsWith([]) })(RootModule);
const app = await NestFactory.create(RootModule, { logger: ['error'] });
await app.listen(0, '127.0.0.1');

// Since the process began: what is imported is part of it.
const milliseconds = performance.now();
globalThis.gc();
serve({ milliseconds, heapBytes: process.memoryUsage().heapUsed }, { close: () => app.close() });

function importsWith(entities) {
  return [TypeOrmModule.forRoot({ ...database, entities }), EventEmitterModule.forRoot()];
}

async function importsWithModule() {
  const { TOTP_ENTITIES, TotpModule } = await import('../../dist/index.js');
  return [...importsWith(TOTP_ENTITIES), TotpModule.forRoot({ issuer: 'Bench', secrets: 'plain-text' })];
}
