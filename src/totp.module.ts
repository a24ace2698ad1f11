import { type DynamicModule, Inject, Logger, Module, type NestModule, type Provider, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { EmitterTotpEventPublisher, TotpEventPublisher } from './events/event-publisher.js';
import { adaptToFastify } from './http/fastify.js';
import { RecipeTotpApi } from './http/recipe-api.js';
import { RequestSessionAdapter } from './http/request-session-adapter.js';
import { TotpSessionAdapter } from './http/session.js';
import { SessionCompletions } from './http/session-completions.js';
import { TotpApi } from './http/totp.api.js';
import { createTotpController, serveRoutes } from './http/totp.controller.js';
import { TotpGuard } from './http/totp.guard.js';
import { PlainTextSecretCipher } from './secrets/plain-text-cipher.js';
import { TotpSecretCipher } from './secrets/secret-cipher.js';
import { TotpAccountStore } from './storage/account-store.js';
import { TOTP_ENTITIES } from './storage/index.js';
import { StoreConnection } from './storage/store-connection.js';
import { SessionCompletionStore } from './storage/session-completion-store.js';
import { TypeOrmTotpAccountStore } from './storage/typeorm-account-store.js';
import { SystemTotpClock, TotpClock } from './totp.clock.js';
import { AnonymousUserDirectory, TotpUserDirectory } from './totp.directory.js';
import { TotpConfigurationError } from './totp.errors.js';
import {
  authenticatorWarning,
  checkAsyncOptions,
  checkOptions,
  TOTP_OPTIONS,
  type TotpConfig,
  type TotpModuleAsyncOptions,
  type TotpModuleOptions,
  type TotpModuleStatics,
  type TotpOptionsFactory,
  withoutStatics,
} from './totp.options.js';
import { TotpService } from './totp.service.js';

/** The controller class of this registration; null when no routes are served. */
const TOTP_CONTROLLER = Symbol('nestjs-totp controller');

const logger = new Logger('TotpModule');

/**
 * TOTP as a second factor for a Nest application.
 *
 * The application brings TypeORM, the event emitter and its own sign-in.
 *
 * @example
 * \@Module({
 *   imports: [
 *     TypeOrmModule.forRoot({ …, entities: [...TOTP_ENTITIES], migrations: TOTP_MIGRATIONS, migrationsRun: true }),
 *     EventEmitterModule.forRoot(),
 *     TotpModule.forRoot({ issuer: 'Acme', secrets: 'plain-text', guards: [SignedInGuard] }),
 *   ],
 * })
 * export class AppModule {}
 */
@Module({})
export class TotpModule implements NestModule {
  constructor(
    @Inject(TOTP_CONTROLLER) private readonly controller: Type<object> | null,
    @Inject(TotpApi) private readonly api: TotpApi,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  /** @throws TotpConfigurationError at start-up, naming what to write, when an option is missing, unknown, weak or wrong */
  static forRoot(options: TotpModuleOptions & TotpModuleStatics): DynamicModule {
    return register(options, [{ provide: TOTP_OPTIONS, useFactory: () => settled(withoutStatics(options)) }]);
  }

  /**
   * As `forRoot`, with options that come from a factory, such as a configuration service.
   *
   * @example
   * TotpModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ issuer: config.getOrThrow('APP_NAME') }),
   *   guards: [SignedInGuard],
   * })
   */
  static forRootAsync(options: TotpModuleAsyncOptions): DynamicModule {
    return register(options, optionsProviders(options));
  }

  /** Nest calls this when all providers are there, and just before it registers the routes. */
  configure(): void {
    if (this.controller === null) return;
    serveRoutes(this.controller, this.api);
    adaptToFastify(this.host.httpAdapter);
  }
}

function register(statics: TotpModuleStatics, options: Provider[]): DynamicModule {
  const { path = 'totp', guards = [], controllers = true, dataSource, global = true } = statics;
  // Tells the data source of the entities, for `autoLoadEntities`. The repositories that it returns are not needed.
  TypeOrmModule.forFeature(TOTP_ENTITIES, dataSource);
  const controller = controllers ? createTotpController(path, guards) : null;
  const providers: Provider[] = [
    ...options,
    { provide: TOTP_CONTROLLER, useValue: controller },
    {
      provide: StoreConnection,
      inject: [{ token: getDataSourceToken(dataSource), optional: true }],
      useFactory: (application?: DataSource) => new StoreConnection(application),
    },
    {
      provide: TotpAccountStore,
      inject: [StoreConnection],
      useFactory: async (connection: StoreConnection) => new TypeOrmTotpAccountStore(await connection.open()),
    },
    {
      provide: SessionCompletions,
      inject: [StoreConnection],
      useFactory: (connection: StoreConnection) => new SessionCompletionStore(connection),
    },
    { provide: TotpSecretCipher, inject: [TOTP_OPTIONS], useFactory: cipherFor },
    {
      provide: TotpEventPublisher,
      inject: [{ token: EventEmitter2, optional: true }],
      useFactory: publisherOver,
    },
    { provide: TotpClock, useClass: SystemTotpClock },
    { provide: TotpUserDirectory, useClass: AnonymousUserDirectory },
    { provide: TotpSessionAdapter, useClass: RequestSessionAdapter },
    TotpService,
    { provide: TotpApi, useClass: RecipeTotpApi },
    TotpGuard,
    // The last provider of a token is the one that counts.
    ...(statics.providers ?? []),
  ];
  return {
    module: TotpModule,
    global,
    imports: statics.imports ?? [],
    controllers: controller === null ? [] : [controller],
    providers,
    exports: [
      TOTP_OPTIONS,
      TotpService,
      TotpApi,
      TotpGuard,
      TotpClock,
      TotpSessionAdapter,
      TotpUserDirectory,
      TotpAccountStore,
      TotpSecretCipher,
      TotpEventPublisher,
    ],
  };
}

function optionsProviders(options: TotpModuleAsyncOptions): Provider[] {
  checkAsyncOptions(options);
  const { useFactory, useClass, useExisting, inject = [] } = options;
  if (useFactory !== undefined) {
    return [
      {
        provide: TOTP_OPTIONS,
        inject: [...inject],
        useFactory: async (...injected: unknown[]) => settled(await useFactory(...injected)),
      },
    ];
  }
  const token = useExisting ?? useClass ?? TOTP_OPTIONS;
  return [
    ...(useClass === undefined ? [] : [useClass]),
    {
      provide: TOTP_OPTIONS,
      inject: [token],
      useFactory: async (factory: TotpOptionsFactory) => settled(await factory.createTotpOptions()),
    },
  ];
}

function settled(options: TotpModuleOptions): TotpConfig {
  const config = checkOptions(options);
  const warning = authenticatorWarning(config);
  if (warning !== undefined) logger.warn(warning);
  return config;
}

function cipherFor(config: TotpConfig): TotpSecretCipher {
  if (config.secrets === undefined) {
    throw new TotpConfigurationError(
      'TotpModule: nothing is said of how secrets are kept. Provide a cipher that seals them, ' +
        'providers: [{ provide: TotpSecretCipher, useClass: YourCipher }], or, for tests and first steps only, ' +
        'write secrets: "plain-text".',
    );
  }
  logger.warn("Secrets are kept in plain text: whoever reads the database can make everybody's codes.");
  return new PlainTextSecretCipher();
}

function publisherOver(emitter?: EventEmitter2): TotpEventPublisher {
  if (emitter === undefined) {
    throw new TotpConfigurationError(
      'TotpModule: there is no event emitter. Add EventEmitterModule.forRoot() from @nestjs/event-emitter to the imports ' +
        'of your application, or provide a TotpEventPublisher of your own.',
    );
  }
  return new EmitterTotpEventPublisher(emitter);
}
