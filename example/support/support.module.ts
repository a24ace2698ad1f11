/** Wires the support desk. */
import { Module } from '@nestjs/common';
import { SessionsModule } from '../sessions/sessions.module.js';
import { SupportController } from './support.controller.js';
import { SupportSignInController } from './support-sign-in.controller.js';

@Module({ imports: [SessionsModule], controllers: [SupportSignInController, SupportController] })
export class SupportModule {}
