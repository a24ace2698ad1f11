/** The example's wiring; the module's options are here. */
import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TotpClock, TotpModule, TotpSessionAdapter, TotpUserDirectory } from 'nestjs-totp';
import { databaseOptions } from './database.js';
import { DemoClock } from './demo/demo-clock.js';
import { DemoModule } from './demo/demo.module.js';
import { RequestLog } from './demo/request-log.js';
import { brokerClients, eventDestinations } from './events/destinations.js';
import { EventsModule } from './events/events.module.js';
import { MailModule } from './mail/mail.module.js';
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
      inject: [RequestLog],
      useFactory: (log: RequestLog) => ({
        issuer: 'Keepsake',
        secrets: totpKeys(),
        events: { outbox: true, codeEvents: true },
        trustedBrowsers: { days: 30 },
        override: { functions: (original) => log.recorded(original) },
      }),
      eventDestinations,
      guards: [SignedInGuard],
      imports: [SessionsModule, DemoModule, ...brokerClients],
      providers: [
        { provide: TotpSessionAdapter, useClass: SessionAdapter },
        { provide: TotpUserDirectory, useClass: UserDirectory },
        // Only for the demo: a clock that visitors step ahead.
        { provide: TotpClock, useExisting: DemoClock },
      ],
    }),
    UsersModule,
    SessionsModule,
    EventsModule,
    MailModule,
    DemoModule,
    PagesModule,
    SupportModule,
  ],
})
export class AppModule {}
