/** A Nest application on Express or Fastify with the module's routes, an empty route, and the floor behind an empty route. */
import 'reflect-metadata';
import { Body, Controller, HttpCode, Injectable, Post, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BenchClock, foundation, rootModule, totpModule } from '../support/application.js';
import { openFloor } from '../support/floor.js';
import { serve, settings } from './process.js';

const { platform, database } = settings;
const clock = new BenchClock();
const floor = await openFloor(database);

/** A sign-in guard like an application's own, the same for all routes. */
class SignedInGuard {
  canActivate(context) {
    const request = context.switchToHttp().getRequest();
    request.user = { id: request.headers['x-user'] };
    request.session = { id: request.headers['x-user'] };
    return true;
  }
}
Injectable()(SignedInGuard);

class BesideController {
  empty() {
    return { status: 'OK' };
  }

  async floor(request, { totp }) {
    return { status: await floor.verify(request.user.id, totp, clock.now()) };
  }
}
for (const name of ['empty', 'floor']) route(BesideController.prototype, name);
Req()(BesideController.prototype, 'floor', 0);
Body()(BesideController.prototype, 'floor', 1);
Controller()(BesideController);
UseGuards(SignedInGuard)(BesideController);

const app = await NestFactory.create(
  rootModule({
    imports: [...foundation(database), totpModule({ clock, guards: [SignedInGuard] })],
    controllers: [BesideController],
  }),
  platform === 'Fastify' ? new FastifyAdapter() : new ExpressAdapter(),
  { logger: ['error'] },
);
await app.listen(0, '127.0.0.1');

serve(
  { url: await app.getUrl() },
  {
    answer: ({ now }) => {
      clock.time = now;
    },
    close: async () => {
      await app.close();
      await floor.close();
    },
  },
);

function route(prototype, name) {
  const property = Object.getOwnPropertyDescriptor(prototype, name);
  Post(name)(prototype, name, property);
  HttpCode(200)(prototype, name, property);
}
