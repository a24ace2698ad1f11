/** Wires the pages. */
import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DemoModule } from '../demo/demo.module.js';
import { EventsModule } from '../events/events.module.js';
import { MailModule } from '../mail/mail.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { Changes } from './changes.js';
import { CodeController } from './code.controller.js';
import { HomeController } from './home.controller.js';
import { MailController } from './mail.controller.js';
import { PageErrors } from './page-errors.filter.js';
import { PagesController } from './pages.controller.js';
import { PasswordController } from './password.controller.js';
import { RecoveryCodes } from './recovery-codes.js';
import { RecoveryController } from './recovery.controller.js';
import { RegistrationController } from './registration.controller.js';
import { SecondStep } from './second-step.js';
import { SecurityController } from './security.controller.js';
import { SignInController } from './sign-in.controller.js';
import { SignedInPages } from './signed-in-pages.js';

@Module({
  imports: [SessionsModule, EventsModule, MailModule, DemoModule],
  controllers: [
    HomeController,
    PagesController,
    SecurityController,
    RecoveryController,
    CodeController,
    PasswordController,
    MailController,
    RegistrationController,
    SignInController,
  ],
  providers: [SecondStep, Changes, RecoveryCodes, SignedInPages, { provide: APP_FILTER, useClass: PageErrors }],
})
export class PagesModule {}
