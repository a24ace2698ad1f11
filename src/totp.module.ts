/** The Nest module: registers the recipe, and runs the start-up checks. */
import {
  type DynamicModule,
  Inject,
  Module,
  type NestModule,
  type OnApplicationBootstrap,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { adaptToFastify } from './http/fastify.js';
import { checkAsyncOptions, checkSyncOptions } from './module/check-options.js';
import { ConfigurableModuleClass } from './module/definition.js';
import type { TotpModuleAsyncOptions, TotpModuleExtras, TotpModuleOptions } from './module/options.js';
import { StartUp } from './module/start-up.js';
import { TOTP_CONTROLLER } from './module/tokens.js';

/**
 * TOTP as a second factor for a Nest application.
 *
 * The application provides TypeORM, the event emitter and its own sign-in.
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
export class TotpModule extends ConfigurableModuleClass implements NestModule, OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(TOTP_CONTROLLER) private readonly controller: Type<object> | null,
    @Inject(StartUp) private readonly startUp: StartUp,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {
    super();
  }

  /**
   * Registers the module.
   *
   * @throws TotpConfigurationError when an option is missing, unknown, weak or wrong: immediately for those that shape the
   *   module, at start-up for the others
   */
  static override forRoot(options: TotpModuleOptions & TotpModuleExtras): DynamicModule {
    checkSyncOptions(options);
    return super.forRoot(options);
  }

  /**
   * Registers the module with options that come from a factory, such as a configuration service.
   *
   * @example
   * TotpModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ issuer: config.getOrThrow('APP_NAME') }),
   *   guards: [SignedInGuard],
   * })
   */
  static override forRootAsync(options: TotpModuleAsyncOptions): DynamicModule {
    checkAsyncOptions(options);
    return super.forRootAsync(options);
  }

  /** Called by Nest after it has created all providers, just before it registers the routes. */
  configure(): void {
    this.startUp.check();
    if (this.controller === null) return;
    adaptToFastify(this.host.httpAdapter);
  }

  /** In an application without HTTP, Nest does not call `configure`. */
  onModuleInit(): void {
    this.startUp.check();
  }

  /** @throws TotpConfigurationError when a key that stored secrets need is missing */
  async onApplicationBootstrap(): Promise<void> {
    await this.startUp.checkKeys();
  }
}
