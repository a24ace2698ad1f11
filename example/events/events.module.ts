/** Wires what listens to the module's events. */
import { Module } from '@nestjs/common';
import { SessionsModule } from '../sessions/sessions.module.js';
import { EventFeed } from './event-feed.js';
import { EventsController } from './events.controller.js';

@Module({ imports: [SessionsModule], controllers: [EventsController], providers: [EventFeed], exports: [EventFeed] })
export class EventsModule {}
