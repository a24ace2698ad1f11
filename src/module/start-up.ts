/** The checks at start-up, after all providers are created: no configuration mistake may be silent. */
import { Inject, Injectable, Logger } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { NoCompletionHook, TotpCompletionHook } from '../http/completion-hook.js';
import { TotpKeyRotation } from '../operations/key-rotation.js';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { TotpUserDirectory } from '../recipe/user-directory.js';
import { isKeyId } from '../secrets/key-ring.js';
import { PLAIN_TEXT } from '../secrets/plain-text-cipher.js';
import { TotpClaimSessionAdapter } from '../sessions/claim-session-adapter.js';
import { TotpSessionAdapter } from '../sessions/session-adapter.js';
import { TotpClock } from '../shared/clock.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { logError } from '../shared/log-error.js';
import { property } from '../shared/unknown.js';
import type { ResolvedExtras, ResolvedOptions } from './check-options.js';
import { refuseUnheardHandlers } from './durable-handlers.js';
import { refuseMissingMethods, refuseScopes } from './provider-checks.js';
import { type Registration, registrationOf, registrations } from './registrations.js';
import { fail } from './schema.js';
import { EXTRAS_OF_MODULE } from './tokens.js';
import { ContextualUserDirectory } from './user-directory.js';

/** A clock that shows a time before 2001 counts seconds; one that shows a time after 2100 counts micro- or nanoseconds. */
const PLAUSIBLE_TIMES = [Date.UTC(2001, 0, 1), Date.UTC(2100, 0, 1)] as const;

/**
 * Injects only providers that are singletons in every application. If one were request-scoped through a dependency, Nest would call
 * the methods below on an instance that was never constructed.
 */
@Injectable()
export class StartUp {
  private readonly logger = new Logger('TotpModule');
  private isChecked = false;

  constructor(@Inject(DiscoveryService) private readonly discovery: DiscoveryService) {}

  /**
   * Checks the providers, and the handlers of events. Nest calls it before it registers the routes, or, in an application
   * without HTTP, when it initialises modules.
   *
   * @throws TotpConfigurationError that says what to write
   */
  check(): void {
    if (this.isChecked) return;
    const own = registrationOf(this.discovery, this);
    refuseSecondRegistration(own, registrations(this.discovery));
    refuseScopes(own);
    refuseMissingMethods(own);
    refuseImplausibleClock(own);
    refuseUnheardHandlers(this.discovery);
    this.warnWithoutDirectory(own);
    this.warnWithoutHook(own);
    this.isChecked = true;
  }

  /** @throws TotpConfigurationError when stored secrets need a key that is missing, so that this is found at start-up and not by a failing sign-in */
  async checkKeys(): Promise<void> {
    const rotation = registrationOf(this.discovery, this).instance<TotpKeyRotation>(TotpKeyRotation);
    const problem = await this.keyProblem(rotation).catch((error: unknown) => {
      logError(this.logger, 'The keys in use could not be checked', error);
      return undefined;
    });
    if (problem !== undefined) throw new TotpConfigurationError(`TotpModule: ${problem}`);
  }

  /** What is wrong with the keys, and what to do; undefined when they open the stored secrets. */
  private async keyProblem(keys: TotpKeyRotation): Promise<string | undefined> {
    const inUse = await keys.missingKeys();
    const missing = inUse.filter(isKeyId);
    const damaged = inUse.filter((id) => !isKeyId(id));
    // A damaged row must not prevent the application from starting.
    if (damaged.length > 0) this.logger.error(`Rows of totp_accounts contain invalid key ids: ${quoted(damaged)}`);
    if (missing.includes(PLAIN_TEXT)) {
      return 'users have secrets in plain text. Write secrets: { …, acceptPlainText: true } until "npx nestjs-totp-cli rotate-keys" is done.';
    }
    if (missing.length > 0) {
      return (
        `users have secrets under keys that are not in secrets.keys: ${quoted(missing)}. Put each back under its old id, then run ` +
        '"npx nestjs-totp-cli rotate-keys" to retire it. If a key is lost, write "lost" in its place: its users have to enrol again.'
      );
    }
    const wrong = await keys.wrongKeys();
    if (wrong.length > 0) {
      return (
        `these keys do not decrypt what was encrypted under their ids: ${quoted(wrong)}. Put back the keys that had these ids before. ` +
        'A new key needs a new id.'
      );
    }
    return undefined;
  }

  /** Only where the routes create devices: an application that calls `createDevice` may pass `userIdentifierInfo`. */
  private warnWithoutDirectory(own: Registration): void {
    const { controllers, providers } = own.instance<ResolvedExtras>(EXTRAS_OF_MODULE);
    const isGiven = providers.some((provider) => property(provider, 'provide') === TotpUserDirectory);
    const isOverridden = own.instance<TotpConfig>(TOTP_OPTIONS).functions !== undefined;
    if (!controllers || isGiven || isOverridden) return;
    // A test may have replaced it with `overrideProvider`.
    if (!(own.instance(TotpUserDirectory) instanceof ContextualUserDirectory)) return;
    this.logger.warn(
      'Without a user directory, authenticator apps show the accounts of several users, and of one user in several ' +
        'applications of this name, under the same label. Write providers: [{ provide: TotpUserDirectory, useClass: UserDirectory }], ' +
        'or useClass: AnonymousUserDirectory if that is intended.',
    );
  }

  /** A session whose token says whether it completed TOTP would be asked for codes for ever. */
  private warnWithoutHook(own: Registration): void {
    const { controllers } = own.instance<ResolvedExtras>(EXTRAS_OF_MODULE);
    const { apis } = own.instance<ResolvedOptions>(TOTP_OPTIONS);
    if (!controllers || apis !== undefined) return;
    if (!(own.instance(TotpSessionAdapter) instanceof TotpClaimSessionAdapter)) return;
    if (!(own.instance(TotpCompletionHook) instanceof NoCompletionHook)) return;
    this.logger.warn(
      'TotpClaimSessionAdapter reads from tokens whether their sessions completed TOTP, and nothing issues such tokens. Write ' +
        'providers: [{ provide: TotpCompletionHook, useClass: IssueToken }].',
    );
  }
}

function refuseImplausibleClock(own: Registration): void {
  const now: unknown = own.instance<TotpClock>(TotpClock).now();
  const [earliest, latest] = PLAUSIBLE_TIMES;
  if (typeof now === 'number' && now >= earliest && now <= latest) return;
  fail(
    `TotpClock.now() returned ${String(now)}, which is not the current time in milliseconds`,
    'Return epoch milliseconds, as Date.now() does',
  );
}

function refuseSecondRegistration(own: Registration, all: readonly Registration[]): void {
  const extras = (one: Registration) => one.instance<ResolvedExtras>(EXTRAS_OF_MODULE);
  const { global, path, controllers } = extras(own);
  for (const other of all) {
    if (other.isSameAs(own)) continue;
    const { global: isGlobal, path: samePath, controllers: hasRoutes } = extras(other);
    if (global && isGlobal) {
      fail(
        'the module is registered twice, and both times for the whole application, so other modules may get either registration',
        'Register it once, or write global: false in each registration and import it where it is used',
      );
    }
    if (controllers && hasRoutes && path === samePath) {
      fail(
        `the module is registered twice with the path "${path}", so only one registration can be reached`,
        'Write a different path in each registration',
      );
    }
  }
}

/** Ids are read from the database and may contain anything. */
function quoted(ids: readonly string[]): string {
  return ids.map((id) => JSON.stringify(id)).join(', ');
}
