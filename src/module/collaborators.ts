/** The classes that an application may replace by providing its own under the same token. */
import type { Abstract } from '@nestjs/common';
import { TotpEnrolmentPolicy } from '../sessions/enrolment-policy.js';
import { TotpCompletionHook } from '../http/completion-hook.js';
import { TotpApi } from '../http/totp.api.js';
import { TotpSessionAdapter } from '../sessions/session-adapter.js';
import { TotpMetrics } from '../metrics/metrics.js';
import { TotpOutbox } from '../outbox/outbox.js';
import { TotpEventPublisher } from '../events/publisher.js';
import { TotpService } from '../recipe/totp.service.js';
import { TotpUserDirectory } from '../recipe/user-directory.js';
import { TotpSecretCipher } from '../secrets/secret-cipher.js';
import { SuperTokensSignOut } from '../supertokens/sign-out.js';
import { TotpClock } from '../shared/clock.js';
import { TotpAccountStore } from '../storage/account-store.js';

/** An abstract class that is the token of its provider. */
export type Collaborator = Abstract<object>;

/** The methods that the module calls on each, so that a provider without one fails at start-up and not at a sign-in. */
export const REQUIRED_METHODS: ReadonlyMap<Collaborator, readonly string[]> = new Map<Collaborator, readonly string[]>([
  [TotpClock, ['now'] satisfies (keyof TotpClock)[]],
  [TotpSecretCipher, ['seal', 'open'] satisfies (keyof TotpSecretCipher)[]],
  [TotpAccountStore, ['load', 'loadMany', 'commit', 'commitAll'] satisfies (keyof TotpAccountStore)[]],
  [TotpOutbox, ['add'] satisfies (keyof TotpOutbox)[]],
  [TotpMetrics, ['recordEvent', 'recordConflict', 'recordDelivery', 'observeBacklog'] satisfies (keyof TotpMetrics)[]],
  [TotpEventPublisher, ['publish'] satisfies (keyof TotpEventPublisher)[]],
  [TotpUserDirectory, ['getUserIdentifierInfo'] satisfies (keyof TotpUserDirectory)[]],
  [TotpSessionAdapter, ['resolve'] satisfies (keyof TotpSessionAdapter)[]],
  [TotpEnrolmentPolicy, ['requirement'] satisfies (keyof TotpEnrolmentPolicy)[]],
  [TotpCompletionHook, ['completed'] satisfies (keyof TotpCompletionHook)[]],
  [SuperTokensSignOut, ['signOut'] satisfies (keyof SuperTokensSignOut)[]],
  [TotpService, ['verifyTOTP'] satisfies (keyof TotpService)[]],
  [TotpApi, []],
]);

export const COLLABORATORS: readonly Collaborator[] = [...REQUIRED_METHODS.keys()];
