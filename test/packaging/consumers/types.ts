/** Uses the public types as a strict application does; it is compiled, never run. */
import {
  Body,
  Controller,
  type ExecutionContext,
  Injectable,
  Module,
  Post,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import {
  type AnyTotpEvent,
  type CompletedSession,
  completionClaims,
  CurrentTotpSession,
  type EnrolmentPolicyInput,
  InjectTotpOptions,
  OnTotpEvent,
  type RequestUser,
  RequestSessionAdapter,
  RequireTotp,
  type SecretBinding,
  SessionContainer,
  superTokensOverride,
  superTokensRecipe,
  SuperTokensSessionAdapter,
  TOTP_ENTITIES,
  TOTP_MIGRATIONS,
  TotpApi,
  TotpClaimSessionAdapter,
  TotpClock,
  TotpCompletionHook,
  TotpDatabaseSessionAdapter,
  type TotpDeviceVerifiedEvent,
  TotpEnrolmentPolicy,
  TotpError,
  TotpErrorsInterceptor,
  TotpEventDestination,
  TotpEventPublisher,
  TotpGuard,
  TotpModule,
  type TotpModuleOptions,
  type TotpOptionsFactory,
  TotpSecretCipher,
  TotpService,
  TotpSession,
  TotpSessionAdapter,
  TotpSessionGuard,
  TotpTokenSessionAdapter,
  TotpUserDirectory,
  type TotpUserLockedEvent,
  WithoutTotp,
} from 'nestjs-totp';
import {
  accountStoreContract,
  type ContractTest,
  InMemoryTotpAccountStore,
  secretCipherContract,
  TestTotpClock,
  totpCode,
  TotpEventRecorder,
} from 'nestjs-totp/testing';

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

export const overriddenAsInSuperTokens = TotpModule.forRoot({
  issuer: 'Consumer',
  secrets: 'plain-text',
  providers: [
    {
      provide: TotpSessionAdapter,
      useValue: new SuperTokensSessionAdapter({ markFactorAsCompleteInSession: () => Promise.resolve() }),
    },
  ],
  override: superTokensOverride({
    functions: (original, builder) => {
      builder.override((beneath) => ({ ...beneath }));
      return {
        ...original,
        verifyTOTP: ({ tenantId, totp, userId, userContext }) =>
          original.verifyTOTP({ tenantId: tenantId.trim(), totp, userId, userContext }),
      };
    },
    apis: (original) => ({
      ...original,
      listDevicesGET: undefined,
      verifyTOTPPOST: async (input) => {
        const userId: string = input.session.getRecipeUserId().getAsString();
        input.options.res.setHeader('x-user', input.options.req.getHeaderValue('x-user') ?? userId, false);
        return (await original.verifyTOTPPOST?.(input)) ?? { status: 'GENERAL_ERROR', message: 'closed' };
      },
    }),
    revokeSession: ({ session }) => {
      session.getHandle();
    },
  }),
});

// @ts-expect-error an override returns all functions
superTokensOverride({ functions: ({ verifyTOTP }) => ({ verifyTOTP }) });

export const inTheSdk = (service: TotpService, userContext: Record<string, unknown>) =>
  superTokensRecipe(service).createDevice({ userId: 'alice', deviceName: 'phone', userContext });

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

@WithoutTotp()
@UseGuards(TotpSessionGuard)
@UseInterceptors(TotpErrorsInterceptor)
@Controller('code')
export class CodeController {
  constructor(private readonly totp: TotpService) {}

  @Post()
  async enter(@CurrentTotpSession() session: SessionContainer, @Body() body: { totp: string }): Promise<boolean> {
    const answer = await this.totp.verifyTOTP({ userId: session.getUserId(), session, totp: body.totp });
    return answer.status === 'OK';
  }

  @RequireTotp({ maxAge: '5m', enrolment: 'required' })
  async remove(@CurrentTotpSession() session: SessionContainer, deviceName: string): Promise<boolean> {
    const { didDeviceExist } = await this.totp.removeDevice({ userId: session.getUserId(), session, deviceName });
    return didDeviceExist;
  }

  async operate(userId: string): Promise<void> {
    await this.totp.removeDevice({ userId, deviceName: 'phone', onBehalfOf: 'application' });
    // @ts-expect-error a change of devices needs a session, or says that the application wants it
    await this.totp.removeDevice({ userId, deviceName: 'phone' });
  }

  // @ts-expect-error a maximum age is a number of seconds, or a duration
  @RequireTotp({ maxAge: 'five minutes' })
  wrongAge(): string {
    return 'refused when the class is loaded';
  }

  // @ts-expect-error what is optional is left out
  @RequireTotp({ enrolment: 'optional' })
  wrongEnrolment(): string {
    return 'refused when the class is loaded';
  }
}

export class Administrators extends TotpEnrolmentPolicy {
  override requirement({ userId }: EnrolmentPolicyInput): 'required' | { requiredFrom: number } {
    return userId === 'admin' ? 'required' : { requiredFrom: Date.UTC(2030, 0) };
  }
}

export class IssueToken extends TotpCompletionHook {
  override completed({ session, method, completedAt }: CompletedSession): { token: string } {
    return { token: JSON.stringify({ sub: session.getUserId(), ...completionClaims({ method, completedAt }) }) };
  }
}

export class Mail extends TotpEventDestination {
  readonly name = 'mail';

  override async deliver(event: AnyTotpEvent): Promise<void> {
    const until: number | null | undefined = event.name === 'totp.user.locked' ? event.until : undefined;
    await Promise.resolve(until);
  }
}

export class CookieSessions extends RequestSessionAdapter {
  protected override createSession(request: unknown, user: RequestUser): TotpSession {
    return super.createSession(request, { ...user, tenantId: 'acme' });
  }
}

export class Tokens extends TotpTokenSessionAdapter {
  protected override getHandle(payload: unknown): string {
    return super.getHandle(payload).toLowerCase();
  }
}

export class Claims extends TotpClaimSessionAdapter {
  protected override getCompletedAt(payload: unknown): number | undefined {
    return super.getCompletedAt(payload);
  }
}

export class DatabaseSessions extends TotpDatabaseSessionAdapter {
  protected override getExpiry(store: object): number {
    return super.getExpiry(store) + this.clock.now();
  }
}

// @ts-expect-error a session says when it completed TOTP
export class Forgetful extends TotpSession {
  readonly userId = 'alice';
  readonly handle = 'handle';
  override complete(): Promise<void> {
    return Promise.resolve();
  }
}

// @ts-expect-error a cipher opens what it has sealed
export class OneWay extends TotpSecretCipher {
  override seal(secret: Uint8Array, binding: SecretBinding): Promise<string> {
    return Promise.resolve(`key:${secret.length}:${binding.purpose}`);
  }
}

export const contracts: readonly ContractTest[] = [
  ...accountStoreContract(() => new InMemoryTotpAccountStore()),
  // @ts-expect-error a name is not a cipher
  ...secretCipherContract(() => 'KeyRingSecretCipher'),
];

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
