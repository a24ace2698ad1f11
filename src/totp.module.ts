import {
  type DynamicModule,
  Inject,
  Logger,
  Module,
  type NestModule,
  type OnApplicationBootstrap,
  type Provider,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { EmitterTotpEventDestination, type TotpEventDestination } from './outbox/destination.js';
import { EmitterTotpEventPublisher, TotpEventPublisher } from './events/publisher.js';
import { TotpOutbox } from './outbox/outbox.js';
import { TotpOutboxRelay } from './outbox/relay.js';
import { adaptToFastify } from './http/fastify.js';
import { RecipeTotpApi } from './http/recipe-api.js';
import { RequestSessionAdapter } from './http/request-session-adapter.js';
import { TotpSessionAdapter } from './http/session-adapter.js';
import { API_OVERRIDE, TotpApi } from './http/totp.api.js';
import { createTotpController, serveRoutes } from './http/totp.controller.js';
import { TotpGuard } from './http/totp.guard.js';
import { isKeyId } from './secrets/key-ring.js';
import { KeyRingSecretCipher } from './secrets/key-ring-cipher.js';
import { PLAIN_TEXT, PlainTextSecretCipher } from './secrets/plain-text-cipher.js';
import { TotpSecretCipher } from './secrets/secret-cipher.js';
import { TotpAccountStore } from './storage/account-store.js';
import { TOTP_ENTITIES } from './storage/index.js';
import { StoreConnection } from './storage/sql/connection.js';
import { SessionCompletionStore } from './storage/session-completion-store.js';
import { SessionCompletions } from './storage/session-completions.js';
import { TypeOrmTotpAccountStore } from './storage/typeorm-account-store.js';
import { TypeOrmTotpOutbox } from './outbox/typeorm-outbox.js';
import { SystemTotpClock, TotpClock } from './shared/clock.js';
import { AnonymousUserDirectory, TotpUserDirectory } from './recipe/user-directory.js';
import { TotpConfigurationError } from './shared/errors.js';
import { logError } from './shared/log-error.js';
import {
  authenticatorWarning,
  checkAsyncOptions,
  checkOptions,
  type ResolvedOptions,
  type TotpModuleAsyncOptions,
  type TotpModuleOptions,
  type TotpModuleStatics,
  type TotpOptionsFactory,
  withoutStatics,
} from './module/options.js';
import { TotpHealthIndicator } from './operations/health.js';
import { TotpKeyRotation } from './operations/key-rotation.js';
import { FailSafeTotpMetrics, TotpMetrics } from './metrics/metrics.js';
import { DeviceSecrets } from './recipe/device-secrets.js';
import { TOTP_OPTIONS, type TotpConfig } from './recipe/config.js';
import { openTelemetryMetrics } from './metrics/opentelemetry.js';
import { TotpService } from './recipe/totp.service.js';

/** The controller class of this registration; null when no routes are served. */
const TOTP_CONTROLLER = Symbol('nestjs-totp controller');

/** The destinations of the outbox, in the order in which they were named. */
const EVENT_DESTINATIONS = Symbol('nestjs-totp event destinations');

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
export class TotpModule implements NestModule, OnApplicationBootstrap {
  constructor(
    @Inject(TOTP_CONTROLLER) private readonly controller: Type<object> | null,
    @Inject(TotpApi) private readonly api: TotpApi,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(TotpKeyRotation) private readonly keys: TotpKeyRotation,
  ) {}

  /** @throws TotpConfigurationError at start-up, naming what to write, when an option is missing, unknown, weak or wrong */
  static forRoot(options: TotpModuleOptions & TotpModuleStatics): DynamicModule {
    return register(options, [{ provide: TOTP_OPTIONS, useFactory: () => settled(withoutStatics(options), options) }]);
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

  /** @throws TotpConfigurationError when users have secrets under a key that is not there, which a failing sign-in would tell else */
  async onApplicationBootstrap(): Promise<void> {
    const problem = await keyProblem(this.keys).catch((error: unknown) => {
      logError(logger, 'The keys in use could not be checked', error);
      return undefined;
    });
    if (problem !== undefined) throw new TotpConfigurationError(`TotpModule: ${problem}`);
  }
}

function register(statics: TotpModuleStatics, options: Provider[]): DynamicModule {
  const { path = 'totp', guards = [], controllers = true, dataSource, global = true } = statics;
  const { eventDestinations = [EmitterTotpEventDestination] } = statics;
  // Tells the data source of the entities, for `autoLoadEntities`. The repositories that it returns are not needed.
  TypeOrmModule.forFeature(TOTP_ENTITIES, dataSource);
  const controller = controllers ? createTotpController(path, guards) : null;
  const providers: Provider[] = [
    ...options,
    { provide: TOTP_CONTROLLER, useValue: controller },
    {
      provide: StoreConnection,
      inject: [{ token: getDataSourceToken(dataSource), optional: true }],
      useFactory: (application?: DataSource) => new StoreConnection(application, TOTP_ENTITIES),
    },
    {
      provide: TotpAccountStore,
      inject: [StoreConnection, TotpOutbox],
      useFactory: async (connection: StoreConnection, outbox: TotpOutbox) =>
        new TypeOrmTotpAccountStore(await connection.open(), outbox),
    },
    ...eventDestinations,
    {
      provide: EVENT_DESTINATIONS,
      inject: [...eventDestinations],
      useFactory: (...destinations: TotpEventDestination[]) => withDistinctNames(destinations),
    },
    {
      provide: TotpOutbox,
      inject: [StoreConnection, ModuleRef],
      // Asks for the destinations when there are events, since what they inject may itself need TotpService, and so the outbox.
      useFactory: (connection: StoreConnection, module: ModuleRef) =>
        new TypeOrmTotpOutbox(connection, () =>
          module.get<readonly TotpEventDestination[]>(EVENT_DESTINATIONS).map(({ name }) => name),
        ),
    },
    {
      provide: TotpOutboxRelay,
      inject: [TOTP_OPTIONS, TotpOutbox, EVENT_DESTINATIONS, TotpClock, StoreConnection, TotpMetrics],
      useFactory: relayOf,
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
    { provide: TotpMetrics, inject: [TotpClock], useFactory: openTelemetryMetrics },
    { provide: TotpClock, useClass: SystemTotpClock },
    { provide: TotpUserDirectory, useClass: AnonymousUserDirectory },
    { provide: TotpSessionAdapter, useClass: RequestSessionAdapter },
    DeviceSecrets,
    TotpService,
    TotpKeyRotation,
    TotpHealthIndicator,
    { provide: API_OVERRIDE, inject: [TOTP_OPTIONS], useFactory: ({ apis }: ResolvedOptions) => apis },
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
      TotpKeyRotation,
      TotpHealthIndicator,
      TotpApi,
      TotpGuard,
      TotpClock,
      TotpSessionAdapter,
      TotpUserDirectory,
      TotpAccountStore,
      TotpSecretCipher,
      TotpEventPublisher,
      TotpOutboxRelay,
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
        useFactory: async (...injected: unknown[]) => settled(await useFactory(...injected), options),
      },
    ];
  }
  const token = useExisting ?? useClass ?? TOTP_OPTIONS;
  return [
    ...(useClass === undefined ? [] : [useClass]),
    {
      provide: TOTP_OPTIONS,
      inject: [token],
      useFactory: async (factory: TotpOptionsFactory) => settled(await factory.createTotpOptions(), options),
    },
  ];
}

function settled(options: TotpModuleOptions, { eventDestinations }: TotpModuleStatics): ResolvedOptions {
  const config = checkOptions(options);
  const warning = authenticatorWarning(config);
  if (warning !== undefined) logger.warn(warning);
  if (eventDestinations !== undefined && !config.events.outbox) {
    logger.warn('No event goes to eventDestinations while the outbox is off: write events: { outbox: true }.');
  }
  return config;
}

/** What is wrong with the keys, and what to do; undefined when they open what is stored. */
async function keyProblem(keys: TotpKeyRotation): Promise<string | undefined> {
  const inUse = await keys.missingKeys();
  const missing = inUse.filter(isKeyId);
  const damaged = inUse.filter((id) => !isKeyId(id));
  // A row that somebody has damaged does not keep the application from starting.
  if (damaged.length > 0) logger.error(`Rows of totp_accounts name keys that cannot be: ${quoted(damaged)}`);
  if (missing.includes(PLAIN_TEXT)) {
    return 'users have secrets in plain text. Write secrets: { …, acceptPlainText: true } until "npx nestjs-totp rotate-keys" is done.';
  }
  if (missing.length > 0) {
    return (
      `users have secrets under keys that are not in secrets.keys: ${quoted(missing)}. Put each back, with its old id; ` +
      '"npx nestjs-totp rotate-keys" then makes it superfluous. Of a key that is lost, write its id with "lost" as the key: ' +
      'its users have to enrol anew.'
    );
  }
  const wrong = await keys.wrongKeys();
  if (wrong.length > 0) {
    return (
      `these keys do not open what was sealed under their names: ${quoted(wrong)}. Put back the keys that stood there before. A new key ` +
      'gets a new id, and opens nothing of the old one.'
    );
  }
  return undefined;
}

/** Ids come from the database here, where anything may stand. */
function quoted(ids: readonly string[]): string {
  return ids.map((id) => JSON.stringify(id)).join(', ');
}

function cipherFor(config: TotpConfig): TotpSecretCipher {
  if (config.secrets === undefined) {
    throw new TotpConfigurationError(
      'TotpModule: nothing is said of how secrets are kept. Write secrets: { keys: { "2026-11": process.env.TOTP_KEY }, ' +
        'current: "2026-11" } with a key from "npx nestjs-totp keys generate", or provide a TotpSecretCipher of your own. ' +
        'For tests and first steps only, there is secrets: "plain-text".',
    );
  }
  if (config.secrets !== 'plain-text') return new KeyRingSecretCipher(config.secrets);
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

function withDistinctNames(destinations: readonly TotpEventDestination[]): readonly TotpEventDestination[] {
  const names = destinations.map(({ name }) => name);
  const problem = names.find((name, n) => !/^[a-z0-9-]{1,32}$/.test(name) || names.indexOf(name) !== n);
  if (problem === undefined && names.length > 0) return destinations;
  throw new TotpConfigurationError(
    problem === undefined
      ? 'TotpModule: eventDestinations is empty, so events would go nowhere. Name a class that extends TotpEventDestination, or leave it out.'
      : `TotpModule: an event destination is named ${JSON.stringify(problem)}. Give each a name of its own, of 1 to 32 of a–z, 0–9 and "-".`,
  );
}

/** An outbox of the application's own hands on what is in it by itself. */
async function relayOf(
  { events }: TotpConfig,
  outbox: TotpOutbox,
  destinations: readonly TotpEventDestination[],
  clock: TotpClock,
  connection: StoreConnection,
  metrics: TotpMetrics,
): Promise<TotpOutboxRelay> {
  if (!events.outbox || !(outbox instanceof TypeOrmTotpOutbox)) return new TotpOutboxRelay(undefined);
  await connection.open();
  const relay = new TotpOutboxRelay({
    queue: outbox,
    destinations,
    settings: events,
    clock,
    metrics: new FailSafeTotpMetrics(metrics),
  });
  outbox.whenCommitted(() => {
    relay.nudge();
  });
  return relay;
}
