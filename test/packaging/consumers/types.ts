/** Uses the public types as a strict application does; it is compiled, never run. */
import { type ExecutionContext, Injectable, Module } from '@nestjs/common';
import {
  InjectTotpOptions,
  OnTotpEvent,
  RequireTotp,
  TOTP_ENTITIES,
  TOTP_MIGRATIONS,
  TotpApi,
  TotpClock,
  type TotpDeviceVerifiedEvent,
  TotpError,
  TotpEventPublisher,
  TotpGuard,
  TotpModule,
  type TotpModuleOptions,
  type TotpOptionsFactory,
  TotpService,
  TotpSessionAdapter,
  TotpSession,
  TotpUserDirectory,
  type TotpUserLockedEvent,
} from 'nestjs-totp';
import { TestTotpClock, totpCode, TotpEventRecorder } from 'nestjs-totp/testing';

const completions = new Map<string, number>();

class Session extends TotpSession {
  readonly userId = 'alice';

  constructor(readonly handle: string) {
    super();
  }
  completedAt(): Promise<number | undefined> {
    return Promise.resolve(completions.get(this.handle));
  }
  complete(at: number): Promise<void> {
    completions.set(this.handle, at);
    return Promise.resolve();
  }
}

class Sessions extends TotpSessionAdapter {
  resolve(context: ExecutionContext): Promise<TotpSession | undefined> {
    return Promise.resolve(this.getRequest(context) ? new Session(context.getClass().name) : undefined);
  }
}

class Options implements TotpOptionsFactory {
  createTotpOptions(): TotpModuleOptions {
    return {
      issuer: 'Consumer',
      secrets: 'plain-text',
      lockout: { maxFailures: 3 },
      override: {
        functions: (original) => ({
          ...original,
          verifyTOTP: async (input) => {
            const answer = await original.verifyTOTP(input);
            return answer.status === 'OK' ? answer : { ...answer };
          },
        }),
        apis: (original) => ({ ...original, removeDevicePOST: undefined }),
      },
    };
  }
}

@Injectable()
export class Listener {
  constructor(
    private readonly totp: TotpService,
    @InjectTotpOptions() readonly options: unknown,
  ) {}

  @OnTotpEvent('totp.user.locked')
  async onLocked(event: TotpUserLockedEvent): Promise<void> {
    const until: number | null = event.until;
    if (until === null) await this.totp.unlockUser({ userId: event.userId });
  }

  @OnTotpEvent('totp.device.verified', { durable: true })
  async onVerified(event: TotpDeviceVerifiedEvent): Promise<string> {
    return Promise.resolve(event.deviceName);
  }

  // @ts-expect-error the handler of a lock is not given a verified device
  @OnTotpEvent('totp.user.locked')
  onWrongEvent(event: TotpDeviceVerifiedEvent): string {
    return event.deviceName;
  }

  // @ts-expect-error nor is it from the outbox
  @OnTotpEvent('totp.user.locked', { durable: true })
  onWrongDurableEvent(event: TotpDeviceVerifiedEvent): string {
    return event.deviceName;
  }

  @RequireTotp({ maxAge: 300 })
  async devices(userId: string): Promise<string[]> {
    const { devices } = await this.totp.listDevices({ userId });
    return devices.map((device) => device.name);
  }

  async signIn(userId: string, totp: string): Promise<string> {
    const answer = await this.totp.verifyTOTP({ userId, totp });
    switch (answer.status) {
      case 'OK':
        return 'welcome';
      case 'INVALID_TOTP_ERROR':
        return `${answer.currentNumberOfFailedAttempts} of ${answer.maxNumberOfFailedAttempts}`;
      case 'LIMIT_REACHED_ERROR':
        return `wait ${answer.retryAfterMs} ms`;
      case 'UNKNOWN_USER_ID_ERROR':
        return 'enrol first';
    }
  }
}

@Module({
  imports: [
    TotpModule.forRoot({
      issuer: 'Consumer',
      secrets: 'plain-text',
      path: 'auth/totp',
      guards: [TotpGuard],
      providers: [
        { provide: TotpClock, useValue: new TestTotpClock(0) },
        { provide: TotpEventPublisher, useClass: TotpEventRecorder },
        { provide: TotpSessionAdapter, useClass: Sessions },
      ],
    }),
    TotpModule.forRootAsync({ useClass: Options }),
    TotpModule.forRootAsync({ useFactory: () => Promise.resolve({ issuer: 'Consumer' }), global: false }),
  ],
})
export class AppModule {}

export const tables = { entities: [...TOTP_ENTITIES], migrations: TOTP_MIGRATIONS };
export const collaborators = [TotpApi, TotpUserDirectory];
export const code: string = totpCode('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 59_000, { digits: 8 });
export const codeOf = (error: unknown): string | undefined => (error instanceof TotpError ? error.code : undefined);
