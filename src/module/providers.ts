/** The providers of the module: its defaults, then the application's own, because the last provider of a token wins. */
import { Logger, type Provider, type Type } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { EmitterTotpEventPublisher, TotpEventPublisher } from '../events/publisher.js';
import { OptionEnrolmentPolicy, TotpEnrolmentPolicy } from '../sessions/enrolment-policy.js';
import { NoCompletionHook, TotpCompletionHook } from '../http/completion-hook.js';
import { RecipeTotpApi } from '../http/recipe-api.js';
import { RequestSessionAdapter } from '../sessions/request-session-adapter.js';
import { TotpSessionAdapter } from '../sessions/session-adapter.js';
import { SessionCompletions } from '../storage/session-completions.js';
import { API_OVERRIDE, TotpApi } from '../http/totp.api.js';
import { serveRoutes } from '../http/totp.controller.js';
import { TotpErrorsInterceptor } from '../sessions/errors-interceptor.js';
import { TotpSessionGuard } from '../sessions/session-guard.js';
import { NoSessionHeaders, SessionHeaders, SessionHeaderWriter } from '../sessions/session-headers.js';
import { TotpGuard } from '../sessions/totp.guard.js';
import { FailSafeTotpMetrics, TotpMetrics } from '../metrics/metrics.js';
import { openTelemetryMetrics, openTelemetryTraceContext, TRACE_CONTEXT } from '../metrics/opentelemetry.js';
import { TotpHealthIndicator } from '../operations/health.js';
import { TotpKeyRotation } from '../operations/key-rotation.js';
import { DESTINATION_NAMES, isDestinationName, type TotpEventDestination } from '../outbox/destination.js';
import { DurableHandlers } from '../outbox/durable-handlers.js';
import { HandlerTotpEventDestination } from '../outbox/handler-destination.js';
import { TotpOutbox } from '../outbox/outbox.js';
import { TotpOutboxAdmin } from '../outbox/admin.js';
import { TotpOutboxRelay } from '../outbox/relay.js';
import { TypeOrmTotpOutbox } from '../outbox/typeorm-outbox.js';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { AccountUpdater } from '../recipe/account-updater.js';
import { BrowserFunctions } from '../recipe/browser-functions.js';
import { DeviceSecrets } from '../recipe/device-secrets.js';
import { RecoveryFunctions } from '../recipe/recovery-functions.js';
import { RecoverySecrets } from '../recipe/recovery-secrets.js';
import { RuleRunner } from '../recipe/rule-runner.js';
import { TotpService } from '../recipe/totp.service.js';
import { AnonymousUserDirectory, TotpUserDirectory } from '../recipe/user-directory.js';
import { KeyRingSecretCipher } from '../secrets/key-ring-cipher.js';
import { PlainTextSecretCipher } from '../secrets/plain-text-cipher.js';
import { TotpSecretCipher } from '../secrets/secret-cipher.js';
import { SystemTotpClock, TotpClock } from '../shared/clock.js';
import { TotpAccountStore } from '../storage/account-store.js';
import { SuperTokensFrontToken } from '../supertokens/front-token.js';
import { TOTP_ENTITIES } from '../storage/index.js';
import { SessionCompletionStore } from '../storage/session-completion-store.js';
import { StoreConnection } from '../storage/sql/connection.js';
import { TypeOrmTotpAccountStore } from '../storage/typeorm-account-store.js';
import { authenticatorWarning, checkOptions, type ResolvedExtras, type ResolvedOptions } from './check-options.js';
import { guessingWarning } from './guessing-odds.js';
import { missingDataSource, missingEmitter } from './missing-parts.js';
import type { TotpModuleOptions } from './options.js';
import { fail, shown } from './schema.js';
import { StartUp } from './start-up.js';
import { superTokensProviders } from './super-tokens.js';
import {
  APPLICATION_DIRECTORY,
  EVENT_DESTINATIONS,
  EXTRAS_OF_MODULE,
  GIVEN_OPTIONS,
  SERVED_ROUTES,
  TOTP_CONTROLLER,
} from './tokens.js';
import { ContextualUserDirectory } from './user-directory.js';

const logger = new Logger('TotpModule');

/** The providers that other modules may inject. */
const EXPORTS = [
  TOTP_OPTIONS,
  TotpService,
  TotpKeyRotation,
  TotpHealthIndicator,
  TotpApi,
  TotpGuard,
  TotpSessionGuard,
  TotpErrorsInterceptor,
  SessionHeaderWriter,
  TotpClock,
  TotpSessionAdapter,
  TotpEnrolmentPolicy,
  TotpUserDirectory,
  TotpAccountStore,
  TotpSecretCipher,
  TotpEventPublisher,
  TotpOutboxRelay,
  TotpOutboxAdmin,
];

export function exportsOf({ superTokens }: ResolvedExtras) {
  return superTokens === false ? EXPORTS : [...EXPORTS, SuperTokensFrontToken];
}

/** @param controller null when no routes are served */
export function providersOf(extras: ResolvedExtras, controller: Type<object> | null): Provider[] {
  return [
    {
      provide: TOTP_OPTIONS,
      inject: [GIVEN_OPTIONS],
      useFactory: (options: TotpModuleOptions) => resolvedOptions(options, extras),
    },
    { provide: EXTRAS_OF_MODULE, useValue: extras },
    { provide: TOTP_CONTROLLER, useValue: controller },
    {
      provide: SERVED_ROUTES,
      inject: [TotpApi],
      // As soon as there are APIs: an application may describe its routes (`SwaggerModule.createDocument`) before Nest registers them.
      useFactory: (api: TotpApi) => {
        if (controller !== null) serveRoutes(controller, api);
      },
    },
    StartUp,
    ...storage(extras),
    ...outbox(extras),
    { provide: TotpSecretCipher, inject: [TOTP_OPTIONS], useFactory: cipherFor },
    {
      provide: TotpEventPublisher,
      inject: [{ token: EventEmitter2, optional: true }, DiscoveryService],
      useFactory: (emitter: EventEmitter2 | undefined, discovery: DiscoveryService) =>
        new EmitterTotpEventPublisher(emitter ?? missingEmitter(discovery)),
    },
    { provide: TotpMetrics, inject: [TotpClock], useFactory: openTelemetryMetrics },
    { provide: TRACE_CONTEXT, useFactory: openTelemetryTraceContext },
    { provide: TotpClock, useClass: SystemTotpClock },
    { provide: TotpUserDirectory, useClass: ContextualUserDirectory },
    { provide: APPLICATION_DIRECTORY, useClass: AnonymousUserDirectory },
    { provide: TotpSessionAdapter, useClass: RequestSessionAdapter },
    { provide: TotpEnrolmentPolicy, useClass: OptionEnrolmentPolicy },
    { provide: TotpCompletionHook, useClass: NoCompletionHook },
    { provide: SessionHeaders, useClass: NoSessionHeaders },
    SessionHeaderWriter,
    DeviceSecrets,
    RecoverySecrets,
    AccountUpdater,
    RuleRunner,
    BrowserFunctions,
    RecoveryFunctions,
    TotpService,
    TotpKeyRotation,
    TotpHealthIndicator,
    { provide: API_OVERRIDE, inject: [TOTP_OPTIONS], useFactory: ({ apis }: ResolvedOptions) => apis },
    { provide: TotpApi, useClass: RecipeTotpApi },
    TotpGuard,
    TotpSessionGuard,
    TotpErrorsInterceptor,
    ...superTokensProviders(extras),
    ...extras.providers.map(behindContextualDirectory),
  ];
}

function storage({ dataSource }: ResolvedExtras): Provider[] {
  return [
    {
      provide: StoreConnection,
      inject: [{ token: getDataSourceToken(dataSource), optional: true }, DiscoveryService],
      useFactory: (application: DataSource | undefined, discovery: DiscoveryService) =>
        new StoreConnection(application, TOTP_ENTITIES, () => missingDataSource(discovery, dataSource)),
    },
    {
      provide: TotpAccountStore,
      inject: [StoreConnection, TotpOutbox],
      useFactory: async (connection: StoreConnection, events: TotpOutbox) =>
        new TypeOrmTotpAccountStore(await connection.open(), events),
    },
    {
      provide: SessionCompletions,
      inject: [StoreConnection],
      useFactory: (connection: StoreConnection) => new SessionCompletionStore(connection),
    },
  ];
}

function outbox({ eventDestinations = [HandlerTotpEventDestination] }: ResolvedExtras): Provider[] {
  return [
    ...eventDestinations,
    {
      provide: EVENT_DESTINATIONS,
      inject: [...eventDestinations],
      useFactory: (...destinations: TotpEventDestination[]) => withDistinctNames(destinations),
    },
    {
      provide: DESTINATION_NAMES,
      inject: [ModuleRef],
      // Read lazily: a destination may inject TotpService, and so depend on the outbox.
      useFactory: (module: ModuleRef) => () =>
        module.get<readonly TotpEventDestination[]>(EVENT_DESTINATIONS).map(({ name }) => name),
    },
    DurableHandlers,
    TypeOrmTotpOutbox,
    { provide: TotpOutbox, useExisting: TypeOrmTotpOutbox },
    {
      provide: TotpOutboxRelay,
      inject: [TOTP_OPTIONS, TotpOutbox, EVENT_DESTINATIONS, StoreConnection, TotpClock, TotpMetrics],
      useFactory: relayOf,
    },
    {
      provide: TotpOutboxAdmin,
      inject: [TOTP_OPTIONS, TotpOutbox, DESTINATION_NAMES],
      useFactory: ({ events }: TotpConfig, { queue }: TotpOutbox, destinations: () => readonly string[]) =>
        new TotpOutboxAdmin(events.outbox && queue !== undefined ? { queue, destinations } : undefined),
    },
  ];
}

function resolvedOptions(options: TotpModuleOptions, { eventDestinations }: ResolvedExtras): ResolvedOptions {
  const config = checkOptions(options);
  for (const warning of [authenticatorWarning(config), guessingWarning(config)]) {
    if (warning !== undefined) logger.warn(warning);
  }
  if (eventDestinations !== undefined && !config.events.outbox) {
    logger.warn('The outbox is off, so eventDestinations get no events. Write events: { outbox: true }.');
  }
  return config;
}

/** Registers the application's directory under another token, for `ContextualUserDirectory`. */
function behindContextualDirectory(provider: Provider): Provider {
  return 'provide' in provider && provider.provide === TotpUserDirectory
    ? { ...provider, provide: APPLICATION_DIRECTORY }
    : provider;
}

function cipherFor({ secrets }: TotpConfig): TotpSecretCipher {
  if (secrets === undefined) {
    fail(
      'the option `secrets` is missing',
      'Write secrets: { keys: { "2026-11": process.env.TOTP_KEY }, current: "2026-11" } with a key from ' +
        '"npx nestjs-totp-cli keys generate", or provide a TotpSecretCipher of your own. For tests and first steps only, write ' +
        'secrets: "plain-text"',
    );
  }
  if (secrets !== 'plain-text') return new KeyRingSecretCipher(secrets);
  logger.warn("Secrets are kept in plain text: anyone who can read the database can make everyone's codes.");
  return new PlainTextSecretCipher();
}

function withDistinctNames(destinations: readonly TotpEventDestination[]): readonly TotpEventDestination[] {
  const names = destinations.map(({ name }) => name);
  const wrong = names.findIndex((name, n) => !isDestinationName(name) || names.indexOf(name) !== n);
  if (wrong === -1) return destinations;
  return fail(
    `an event destination is named ${shown(names[wrong])}`,
    'Give each a name of its own, of 1 to 32 of a–z, 0–9 and "-"',
  );
}

/** The relay of the outbox, which does nothing if the outbox delivers events itself. */
async function relayOf(
  { events, retryIf }: ResolvedOptions,
  { queue }: TotpOutbox,
  destinations: readonly TotpEventDestination[],
  connection: StoreConnection,
  time: TotpClock,
  metrics: TotpMetrics,
): Promise<TotpOutboxRelay> {
  if (!events.outbox || queue === undefined) return new TotpOutboxRelay(undefined);
  await connection.open();
  const { relay: isPolling, pollIntervalMs: pollInterval, deliveryTimeoutMs: deliveryTimeout, maxAttempts } = events;
  return new TotpOutboxRelay({
    queue,
    destinations,
    settings: { isPolling, pollInterval, deliveryTimeout, maxAttempts, retryIf },
    time,
    metrics: new FailSafeTotpMetrics(metrics),
  });
}
