/** The public API of nestjs-totp. */

// The module and its options
export { TotpModule } from './totp.module.js';
export {
  type EventSettings,
  InjectTotpOptions,
  type IssuerFunction,
  type TotpConfig,
  type TrustCookie,
} from './recipe/config.js';
export type {
  TotpEventOptions,
  TotpLockoutOptions,
  TotpModuleAsyncOptions,
  TotpModuleExtras,
  TotpModuleOptions,
  TotpOptionsFactory,
  TotpOverrideOptions,
  TotpRecoveryCodeOptions,
  TotpTrustCookieOptions,
  TotpSuperTokensOptions,
  TotpTrustedBrowserOptions,
  TotpVigilanceOptions,
} from './module/options.js';
export { guessingOdds, type GuessingInput } from './module/guessing-odds.js';
export type { TotpDuration } from './shared/duration.js';

// The recipe
export { TotpService } from './recipe/totp.service.js';
export { BrowserFunctions } from './recipe/browser-functions.js';
export { DeviceSecrets, type DeviceSettings, type SealedDevice } from './recipe/device-secrets.js';
export { RecoveryFunctions } from './recipe/recovery-functions.js';
export { RecoverySecrets } from './recipe/recovery-secrets.js';
export { RuleRunner } from './recipe/rule-runner.js';
export type {
  CallContext,
  CreateDeviceAnswer,
  CreateDeviceInput,
  CreateRecoveryCodesAnswer,
  CreateTemporaryCodeAnswer,
  CreateTemporaryCodeInput,
  ForgetTrustedBrowsersInput,
  GetStatusesInput,
  ImportDeviceAnswer,
  ImportDeviceInput,
  ImportDevicesAnswer,
  ImportDevicesInput,
  ImportRecoveryCodesAnswer,
  ImportRecoveryCodesInput,
  ListDevicesAnswer,
  NewTrust,
  OnBehalfOf,
  OperatorContext,
  RecipeInterface,
  RecoveryCodesAnswer,
  RemoveDeviceInput,
  StatusAnswer,
  StatusesAnswer,
  StepUpInput,
  TrustBrowserInput,
  TrustedBrowsersAnswer,
  UpdateDeviceInput,
  UserContext,
  VerifyDeviceInput,
  VerifyRecoveryCodeAnswer,
  VerifyRecoveryCodeInput,
  VerifyTOTPAnswer,
  VerifyTOTPInput,
  VerifyTrustedBrowserInput,
} from './recipe/recipe-interface.js';
export type { CallerSession, LiveSession } from './recipe/caller.js';
export type { RecoveryCodesSummary } from './accounts/recovery.js';
export type { ForgetAnswer, TrustAnswer, TrustedBrowserSummary } from './accounts/trust.js';
export type { CreateAnswer, ImportAnswer, RemoveAnswer, RenameAnswer } from './accounts/enrolment.js';
export type { ErasureAnswer } from './accounts/erasure.js';
export type { UnlockAnswer } from './accounts/lockout.js';
export type { DeviceSummary, UserStatus } from './accounts/status.js';
export type { ActingSession, DeviceChange } from './accounts/step-up.js';
export type { EnrolmentAnswer, InvalidTotp, LimitReached, SignInAnswer } from './accounts/verification.js';

// HTTP and sessions
export {
  type APIInput,
  type APIInterface,
  type APIOptions,
  type CreateDeviceResponse,
  type GeneralErrorResponse,
  type ReplayAnswer,
  TotpApi,
  type TrustInput,
  type VerifyTotpRequest,
} from './http/totp.api.js';
export {
  type EnrolmentPolicyInput,
  type EnrolmentRequirement,
  OptionEnrolmentPolicy,
  TotpEnrolmentPolicy,
} from './sessions/enrolment-policy.js';
export { type CompletedSession, NoCompletionHook, TotpCompletionHook } from './http/completion-hook.js';
export { isTotpRoute } from './http/own-route.js';
export { RecipeTotpApi } from './http/recipe-api.js';

// SuperTokens: its overrides, its pre-built screens, and its SDK
export { SessionHeaderWriter } from './sessions/session-headers.js';
export { superTokensCorsHeaders, type SuperTokensCorsHeaders } from './supertokens/cors.js';
export { type FrontTokenHeaders, type SignedInUser, SuperTokensFrontToken } from './supertokens/front-token.js';
export { superTokensOverride, type SuperTokensOverride } from './supertokens/override/override.js';
export type { OverrideLayer, SuperTokensOverrideBuilder } from './supertokens/override/builder.js';
export type { SuperTokensRequest, SuperTokensResponse } from './supertokens/override/request.js';
export type {
  RevokeSession,
  SuperTokensClaim,
  SuperTokensClaimValidator,
  SuperTokensPayload,
  SuperTokensSession,
} from './supertokens/override/session.js';
export type {
  SuperTokensApiInput,
  SuperTokensApiOptions,
  SuperTokensApis,
  SuperTokensFunctions,
} from './supertokens/override/types.js';
export { superTokensRecipe, type SuperTokensRecipe } from './supertokens/sdk/recipe.js';
export { type SuperTokensMultiFactorAuth, SuperTokensSessionAdapter } from './supertokens/sdk/session-adapter.js';
export { type SignOutInput, SuperTokensSignOut } from './supertokens/sign-out.js';
export { TotpGuard } from './sessions/totp.guard.js';
export type { TotpRefusal } from './sessions/refusals.js';
export { CurrentTotpSession, TotpSessionGuard } from './sessions/session-guard.js';
export { SocketRequest } from './sessions/transports.js';
export { RequireTotp, type RequireTotpOptions, WithoutTotp } from './sessions/require-totp.js';
export { SessionContainer, type SessionIdentity, TotpSession } from './sessions/session.js';
export { TotpSessionAdapter } from './sessions/session-adapter.js';
export { type RequestUser, RequestUserSessionAdapter } from './sessions/request-user.js';
export { RequestSession, RequestSessionAdapter } from './sessions/request-session-adapter.js';
export {
  type CompletionClaims,
  completionClaims,
  type CompletionClaimsInput,
  type CompletionMethod,
} from './sessions/completion-claims.js';
export { TotpClaimSessionAdapter } from './sessions/claim-session-adapter.js';
export { TotpDatabaseSessionAdapter } from './sessions/database-session-adapter.js';
export { TotpErrorsInterceptor } from './sessions/errors-interceptor.js';
export { TokenSession, TotpTokenSessionAdapter } from './sessions/token-session-adapter.js';

// What may be replaced
export { SystemTotpClock, TotpClock } from './shared/clock.js';
export { AnonymousUserDirectory, TotpUserDirectory, type UserIdentifierInfoAnswer } from './recipe/user-directory.js';
export {
  type AccountChange,
  type AccountListing,
  type KeySet,
  type LoadedAccount,
  TotpAccountStore,
} from './storage/account-store.js';
export { TypeOrmTotpAccountStore } from './storage/typeorm-account-store.js';
export { SessionCompletions } from './storage/session-completions.js';
export { SessionCompletionStore } from './storage/session-completion-store.js';
export type {
  Account,
  Budget,
  Device,
  FirstCode,
  Lock,
  RecoveryCodes,
  TemporaryCode,
  TrustedBrowser,
  Vigilance,
} from './accounts/account.js';
export {
  associatedData,
  type DeviceBinding,
  type RecoveryBinding,
  type SecretBinding,
  TotpSecretCipher,
} from './secrets/secret-cipher.js';
export { EmitterTotpEventPublisher, TotpEventPublisher } from './events/publisher.js';
export { NoTotpMetrics, TotpMetrics, type TotpOutboxBacklog } from './metrics/metrics.js';
export { openTelemetryMetrics } from './metrics/opentelemetry.js';

// Persistence
export { TOTP_ENTITIES, TOTP_INBOX_ENTITIES, TOTP_INBOX_MIGRATIONS, TOTP_MIGRATIONS } from './storage/index.js';

// Keys and health
export { type KeyRing, readKeyRing, type TotpSealingKeys } from './secrets/key-ring.js';
export { KeyRingSecretCipher } from './secrets/key-ring-cipher.js';
export { PlainTextSecretCipher } from './secrets/plain-text-cipher.js';
export {
  TotpKeyRotation,
  type TotpKeyRotationOptions,
  type TotpKeyRotationProgress,
  type TotpKeyRotationReport,
  type TotpKeyUse,
} from './operations/key-rotation.js';
export { type TotpHealth, TotpHealthIndicator, type TotpHealthSettings } from './operations/health.js';

// Without a Nest application
export {
  openTotp,
  openTotpOutbox,
  type OpenTotpOptions,
  type StandaloneOutbox,
  type StandaloneTotp,
} from './module/standalone.js';

// What may be imported
export { deviceNameProblem } from './accounts/enrolment.js';
export {
  fromBase32,
  hmacKey,
  isSecret,
  MAX_SECRET_BYTES,
  MIN_SECRET_BYTES,
  MIN_SIGNIFICANT_BYTES,
  toBase32,
} from './otp/secret.js';
export { type Algorithm, ALGORITHMS, DIGITS, PERIOD_RANGE, SKEW_RANGE } from './otp/settings.js';
export { userIdProblem } from './recipe/arguments.js';

// Events
export {
  type AnyTotpEvent,
  type EventOrigin,
  type Operator,
  TotpBrowserForgottenEvent,
  TotpBrowserTrustedEvent,
  TotpCodeAcceptedEvent,
  TotpCodeRejectedEvent,
  TotpCodeReplayedEvent,
  TotpDeviceCreatedEvent,
  TotpDeviceRemovedEvent,
  TotpDeviceRenamedEvent,
  TotpDeviceVerifiedEvent,
  TotpEvent,
  TOTP_EVENT_NAMES,
  type TotpEventMap,
  type TotpEventName,
  TotpRecoveryCodeRejectedEvent,
  TotpRecoveryCodesCreatedEvent,
  TotpRecoveryCodeUsedEvent,
  TotpTemporaryCodeCreatedEvent,
  TotpTemporaryCodeUsedEvent,
  TotpUserLockedEvent,
  TotpUserRemovedEvent,
  TotpUserSuspectedEvent,
  TotpUserUnlockedEvent,
} from './events/catalogue.js';
export { OnTotpEvent, type OnTotpEventOptions } from './events/on-totp-event.js';
export { TotpEventDestination } from './outbox/destination.js';
export { HandlerTotpEventDestination } from './outbox/handler-destination.js';
export {
  ClientProxyTotpEventDestination,
  type ClientProxyTotpEventDestinationOptions,
  type TotpMessageClient,
} from './outbox/client-proxy-destination.js';
export { toCloudEvent, type TotpCloudEvent } from './outbox/cloud-event.js';
export {
  type FencedWrite,
  type LeaseToken,
  type OutboxEntry,
  type DeadLetterFilter,
  type DeadLetterPage,
  type DeadLetterPosition,
  type OutboxQueue,
  type TotpDeadLetter,
  TotpOutbox,
} from './outbox/outbox.js';
export { TypeOrmTotpOutbox } from './outbox/typeorm-outbox.js';
export { type ConsumedEvent, forgetEvents, rememberEvent } from './outbox/inbox.js';
export type { TotpAttemptHistory, TotpDeliveryFailure } from './outbox/attempt-history.js';
export { type DeadLetterListing, TotpOutboxAdmin } from './outbox/admin.js';
export type { DeliveryCounts, TotpFailedDelivery, TotpRetryIf } from './outbox/deliveries.js';
export { TotpOutboxRelay } from './outbox/relay.js';

// Errors
export {
  TotpArgumentError,
  TotpConfigurationError,
  TotpDamagedAccountError,
  TotpError,
  TotpSecretError,
  TotpStepUpRequiredError,
  TotpStorageError,
  TotpUndeliverableEventError,
} from './shared/errors.js';
