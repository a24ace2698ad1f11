/** Wires the sessions. */
import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { UsersModule } from '../users/users.module.js';
import { SessionEntity } from './session.entity.js';
import { SessionStore } from './session-store.js';
import { OtherSessions } from './other-sessions.js';
import { SessionsService } from './sessions.service.js';
import { SignedInGuard } from './signed-in.guard.js';

@Module({
  imports: [UsersModule, TypeOrmModule.forFeature([SessionEntity])],
  providers: [SessionStore, SessionsService, OtherSessions, SignedInGuard],
  // A guard is made where it is used, so what it needs goes with it.
  exports: [SessionStore, SessionsService, SignedInGuard, UsersModule],
})
export class SessionsModule {}
