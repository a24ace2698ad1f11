/**
 * Recovery codes, and the temporary codes of a help desk: how a person signs in without an authenticator (NIST SP 800-63B-4 §3.1.2,
 * ASVS 6.5).
 *
 * A code has 120 random bits, so it cannot be guessed and needs no limit. So nobody who has only the password can shut the owner out:
 * a code is accepted during every lock, and ends it.
 */
import { type Account, FRESH_BUDGET, hasVerifiedDevice, type RecoveryCodes, type TemporaryCode } from './account.js';
import { type AccountEvent, type Decision, type DecisionContext, unchanged } from './decision.js';
import {
  CLOCK_DIFFERENCE_MS,
  type DeviceChangeContext,
  needsStepUp,
  STEP_UP_REQUIRED,
  type StepUpRequired,
} from './step-up.js';
import { forgetBrowsers, type NewTrustedBrowser, trust } from './trust.js';

/** A new set of codes whose hashes are sealed, before it has a time. */
export type NewRecoveryCodes = Omit<RecoveryCodes, 'used' | 'createdAt'>;

/** A new temporary code whose hash is sealed, before it has a time. */
export type NewTemporaryCode = Pick<TemporaryCode, 'id' | 'sealedHashes'>;

/** Which stored code an entered code is: a position in the set, the temporary code, or none. */
export type RecoveryMatch =
  { readonly kind: 'recovery'; readonly position: number } | { readonly kind: 'temporary' } | undefined;

export type CreateRecoveryCodesAnswer = { readonly status: 'OK' } | { readonly status: 'UNKNOWN_USER_ID_ERROR' };

export type CreateTemporaryCodeAnswer =
  { readonly status: 'OK'; /** Epoch ms. */ readonly expiresAt: number } | { readonly status: 'UNKNOWN_USER_ID_ERROR' };

export type RecoveryAnswer =
  | { readonly status: 'OK'; readonly recoveryCodesLeft: number }
  | { readonly status: 'INVALID_RECOVERY_CODE_ERROR' }
  | { readonly status: 'UNKNOWN_USER_ID_ERROR' };

/** What may be known of a set of codes. */
export interface RecoveryCodesSummary {
  /** Codes that were not used. */
  readonly left: number;
  readonly total: number;
  /** Epoch ms. */
  readonly createdAt: number;
}

/** Null without a set. */
export function summaryOfCodes(codes: RecoveryCodes | null): RecoveryCodesSummary | null {
  return codes && { left: codesLeft(codes), total: codes.total, createdAt: codes.createdAt };
}

/** Gives the user a new set of codes, which replaces the old one. */
export function decideCreateRecoveryCodes(
  account: Account | null,
  codes: NewRecoveryCodes,
  context: DeviceChangeContext,
): Decision<CreateRecoveryCodesAnswer | StepUpRequired> {
  if (needsStepUp(account, { kind: 'create-recovery-codes' }, context)) return unchanged(STEP_UP_REQUIRED);
  if (account === null || !hasVerifiedDevice(account)) return unchanged({ status: 'UNKNOWN_USER_ID_ERROR' });
  return {
    answer: { status: 'OK' },
    account: { ...account, recoveryCodes: { ...codes, used: [], createdAt: context.now } },
    events: [{ name: 'totp.recovery-codes.created', count: codes.total, replaced: account.recoveryCodes !== null }],
  };
}

/** Gives the user a temporary code, which replaces an earlier one. */
export function decideCreateTemporaryCode(
  account: Account | null,
  code: NewTemporaryCode,
  validForMs: number,
  { now }: DecisionContext,
): Decision<CreateTemporaryCodeAnswer> {
  if (account === null || !hasVerifiedDevice(account)) return unchanged({ status: 'UNKNOWN_USER_ID_ERROR' });
  const expiresAt = now + validForMs;
  return {
    answer: { status: 'OK', expiresAt },
    account: { ...account, temporaryCode: { ...code, createdAt: now, expiresAt } },
    events: [{ name: 'totp.temporary-code.created', expiresAt }],
  };
}

/**
 * Whether a temporary code is valid at `now`. One that was issued in the future, because the clock was put back since, is not: it
 * would be valid for longer than allowed.
 */
function isValid({ createdAt, expiresAt }: TemporaryCode, now: number): boolean {
  return now >= createdAt - CLOCK_DIFFERENCE_MS && now < expiresAt;
}

/**
 * What a recovery code or temporary code leads to, given which stored code it is.
 *
 * A code that is right ends every lock and the failure streak, and the trust in every browser: someone who needs a recovery code may have
 * lost more than the authenticator. A code that is wrong changes nothing.
 *
 * @param browser to trust from now on; undefined when the user did not ask for it
 */
export function decideRecovery(
  account: Account | null,
  match: RecoveryMatch,
  browser: NewTrustedBrowser | undefined,
  context: DecisionContext,
): Decision<RecoveryAnswer> {
  if (account === null || !hasVerifiedDevice(account)) return unchanged({ status: 'UNKNOWN_USER_ID_ERROR' });
  const used = useUp(account, match, context.now);
  if (used === undefined) {
    return {
      answer: { status: 'INVALID_RECOVERY_CODE_ERROR' },
      account: null,
      events: [{ name: 'totp.recovery-code.rejected' }],
    };
  }
  const unlocked: Account = {
    ...used.account,
    budget: FRESH_BUDGET,
    vigilance: { ...account.vigilance, firstCode: null },
  };
  const forgotten = forgetBrowsers(unlocked, 'recovery');
  const trusted = trust(forgotten.account, browser, context);
  return {
    answer: { status: 'OK', recoveryCodesLeft: codesLeft(used.account.recoveryCodes) },
    account: trusted.account,
    events: [
      used.event,
      ...(account.budget.lock === null ? [] : [{ name: 'totp.user.unlocked', reason: 'recovery' } as const]),
      ...forgotten.events,
      ...trusted.events,
    ],
  };
}

/** The account without the code; undefined when the code is none, was used, or has expired. */
function useUp(
  account: Account,
  match: RecoveryMatch,
  now: number,
): { readonly account: Account; readonly event: AccountEvent } | undefined {
  if (match === undefined) return undefined;
  if (match.kind === 'temporary') {
    if (account.temporaryCode === null || !isValid(account.temporaryCode, now)) return undefined;
    return { account: { ...account, temporaryCode: null }, event: { name: 'totp.temporary-code.used' } };
  }
  const codes = account.recoveryCodes;
  if (codes === null || codes.used.includes(match.position)) return undefined;
  const recoveryCodes = { ...codes, used: [...codes.used, match.position] };
  return {
    account: { ...account, recoveryCodes },
    event: { name: 'totp.recovery-code.used', left: codesLeft(recoveryCodes) },
  };
}

function codesLeft(codes: RecoveryCodes | null): number {
  return codes === null ? 0 : codes.total - codes.used.length;
}
