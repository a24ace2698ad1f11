/** The example's wiring; the module's options are here. */
import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TotpModule, TotpSessionAdapter, TotpUserDirectory } from 'nestjs-totp';
import { databaseOptions } from './database.js';
import { brokerClients, eventDestinations } from './events/destinations.js';
import { EventsModule } from './events/events.module.js';
import { PagesModule } from './pages/pages.module.js';
import { SessionAdapter } from './sessions/session-adapter.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { SignedInGuard } from './sessions/signed-in.guard.js';
import { SupportModule } from './support/support.module.js';
import { totpKeys } from './totp-keys.js';
import { UserDirectory } from './users/user-directory.js';
import { UsersModule } from './users/users.module.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({ useFactory: databaseOptions }),
    EventEmitterModule.forRoot(),
    TotpModule.forRootAsync({
      useFactory: () => ({
        issuer: 'Keepsake',
        secrets: totpKeys(),
        events: { outbox: true, codeEvents: true },
        trustedBrowsers: { days: 30 },
      }),
      eventDestinations,
      guards: [SignedInGuard],
      imports: [SessionsModule, ...brokerClients],
      providers: [
        { provide: TotpSessionAdapter, useClass: SessionAdapter },
        { provide: TotpUserDirectory, useClass: UserDirectory },
      ],
    }),
    UsersModule,
    SessionsModule,
    EventsModule,
    PagesModule,
    SupportModule,
  ],
})
export class AppModule {}
