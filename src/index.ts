/** The public surface of nestjs-totp, name by name. */

// The module and its options
export { TotpModule } from './totp.module.js';
export {
  InjectTotpOptions,
  type TotpConfig,
  type TotpLockoutOptions,
  type TotpModuleAsyncOptions,
  type TotpModuleOptions,
  type TotpModuleStatics,
  type TotpOptionsFactory,
} from './totp.options.js';

// The recipe
export { TotpService } from './totp.service.js';
export type {
  ActingSession,
  CallContext,
  CreateDeviceAnswer,
  CreateDeviceInput,
  DeviceSummary,
  ImportDeviceAnswer,
  ImportDeviceInput,
  ListDevicesAnswer,
  RecipeInterface,
  RemoveDeviceInput,
  UpdateDeviceInput,
  UserContext,
  UserStatus,
  VerifyDeviceInput,
  VerifyTOTPInput,
} from './totp.recipe.js';
export type { CreateAnswer, RemoveAnswer, RenameAnswer } from './accounts/enrolment.js';
export type { EnrolmentAnswer, InvalidTotp, LimitReached, SignInAnswer } from './accounts/verification.js';

// HTTP and sessions
export {
  type APIInput,
  type APIInterface,
  type APIOptions,
  type CreateDeviceResponse,
  type GeneralErrorResponse,
  TotpApi,
} from './http/totp.api.js';
export { RecipeTotpApi } from './http/recipe-api.js';
export { RequireTotp, type RequireTotpOptions, TotpGuard, WithoutTotp } from './http/totp.guard.js';
export { SessionContainer, type TotpSession, TotpSessionAdapter } from './http/session.js';
export { RequestSessionAdapter } from './http/request-session-adapter.js';
export { TotpTokenSessionAdapter } from './http/token-session-adapter.js';

// What may be replaced
export { SystemTotpClock, TotpClock } from './totp.clock.js';
export { TotpUserDirectory, type UserIdentifierInfoAnswer } from './totp.directory.js';
export { type LoadedAccount, TotpAccountStore } from './storage/account-store.js';
export type { Account, Algorithm, Budget, Device, Lock } from './accounts/account.js';
export { type SecretOwner, TotpSecretCipher } from './secrets/secret-cipher.js';
export { TotpEventPublisher } from './events/event-publisher.js';

// Persistence
export { TOTP_ENTITIES, TOTP_MIGRATIONS } from './storage/index.js';

// Events
export {
  type AnyTotpEvent,
  type EventOrigin,
  TotpCodeAcceptedEvent,
  TotpCodeRejectedEvent,
  TotpCodeReplayedEvent,
  TotpDeviceCreatedEvent,
  TotpDeviceRemovedEvent,
  TotpDeviceRenamedEvent,
  TotpDeviceVerifiedEvent,
  TotpEvent,
  type TotpEventMap,
  TotpUserLockedEvent,
  TotpUserUnlockedEvent,
} from './events/catalogue.js';
export { OnTotpEvent } from './events/on-totp-event.js';

// Errors
export {
  TotpArgumentError,
  TotpConfigurationError,
  TotpError,
  TotpSecretError,
  TotpStepUpRequiredError,
  TotpStorageError,
} from './totp.errors.js';
