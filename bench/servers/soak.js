/** The application of the soak: the module's routes with every event in the outbox, and a destination that fails now and then. */
import 'reflect-metadata';
import { Controller, Get, Injectable } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TotpEventDestination } from '../../dist/index.js';
import { BenchClock, foundation, rootModule, totpModule } from '../support/application.js';
import { serve, settings } from './process.js';

const { platform, database } = settings;
const clock = new BenchClock();
const MIB = 1_048_576;
/** By user. */
const sessions = new Map();

class SignedInGuard {
  canActivate(context) {
    const request = context.switchToHttp().getRequest();
    const id = request.headers['x-user'];
    request.user = { id };
    request.session = sessions.get(id) ?? { id };
    sessions.set(id, request.session);
    return true;
  }
}
Injectable()(SignedInGuard);

class FailingNowAndThen extends TotpEventDestination {
  name = 'soak';

  deliver() {
    return Math.random() < 0.001 ? Promise.reject(new Error('down')) : Promise.resolve();
  }
}

class ClockController {
  now() {
    return { now: clock.now() };
  }
}
Get('now')(ClockController.prototype, 'now', Object.getOwnPropertyDescriptor(ClockController.prototype, 'now'));
Controller()(ClockController);

const module = totpModule({
  clock,
  guards: [SignedInGuard],
  events: { outbox: true, codeEvents: true },
  eventDestinations: [FailingNowAndThen],
});
const app = await NestFactory.create(
  rootModule({ imports: [...foundation(database), module], controllers: [ClockController] }),
  platform === 'Fastify' ? new FastifyAdapter() : new ExpressAdapter(),
  { logger: ['error', 'fatal'] },
);
await app.listen(0, '127.0.0.1');

serve(
  { url: await app.getUrl() },
  {
    answer: ({ advance = 0, sample = false }) => {
      clock.time += advance;
      if (!sample) return undefined;
      globalThis.gc();
      const { heapUsed, rss } = process.memoryUsage();
      const resources = process.getActiveResourcesInfo();
      const count = (type) => resources.filter((resource) => resource === type).length;
      return {
        heap: Math.round((heapUsed / MIB) * 10) / 10,
        rss: Math.round(rss / MIB),
        sockets: count('TCPSocketWrap'),
        timers: count('Timeout'),
        listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
      };
    },
    close: () => app.close(),
  },
);
