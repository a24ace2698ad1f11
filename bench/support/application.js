/** The Nest applications that are measured: the module over a database, on a clock that the bench sets. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TOTP_ENTITIES, TotpClock, TotpModule, TotpService } from '../../dist/index.js';
import { KEY, KEY_ID } from './codes.js';

/** A clock that does not move until it is set. */
export class BenchClock extends TotpClock {
  time = Date.now();

  now() {
    return this.time;
  }
}

/**
 * @param {object} options of `TotpModule.forRoot`, and these
 * @param {TotpClock} options.clock
 * @param {boolean} [options.sealed] whether secrets are sealed, with the key that `support/codes.js` seals with; default true
 */
export function totpModule({ clock, sealed = true, ...options }) {
  return TotpModule.forRoot({
    issuer: 'Bench',
    secrets: sealed ? { keys: { [KEY_ID]: KEY.toString('base64') }, current: KEY_ID } : 'plain-text',
    providers: [{ provide: TotpClock, useValue: clock }],
    ...options,
  });
}

/** What an application has before it adds the module. */
export function foundation(database) {
  return [TypeOrmModule.forRoot({ ...database, entities: TOTP_ENTITIES }), EventEmitterModule.forRoot()];
}

/** A module class of a Nest application. */
export function rootModule(metadata) {
  class RootModule {}
  Module(metadata)(RootModule);
  return RootModule;
}

/** The service in this process, without HTTP. */
export async function openService(database, options) {
  const root = rootModule({ imports: [...foundation(database), totpModule({ ...options, controllers: false })] });
  const app = await NestFactory.createApplicationContext(root, { logger: ['error'] });
  return { totp: app.get(TotpService), close: () => app.close() };
}
