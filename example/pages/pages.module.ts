/** Wires the pages. */
import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { EventsModule } from '../events/events.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { PageErrors } from './page-errors.filter.js';
import { PagesController } from './pages.controller.js';
import { RegistrationController } from './registration.controller.js';
import { SignInController } from './sign-in.controller.js';

@Module({
  imports: [SessionsModule, EventsModule],
  controllers: [PagesController, RegistrationController, SignInController],
  providers: [{ provide: APP_FILTER, useClass: PageErrors }],
})
export class PagesModule {}
