/** What a rule depends on besides the account, and what it returns: the answer, the new account and the events. */
import type { Account, Policy } from './account.js';

/** What happened to an account, without the fields that every event has (`events/` adds those). */
export type AccountEvent =
  | {
      readonly name: 'totp.device.created';
      readonly deviceId: string;
      readonly deviceName: string;
      readonly imported: boolean;
      readonly replaced: boolean;
    }
  | { readonly name: 'totp.device.verified'; readonly deviceId: string; readonly deviceName: string }
  | { readonly name: 'totp.device.renamed'; readonly deviceId: string; readonly from: string; readonly to: string }
  | {
      readonly name: 'totp.device.removed';
      readonly deviceId: string;
      readonly deviceName: string;
      readonly wasVerified: boolean;
      readonly devicesLeft: number;
    }
  | {
      readonly name: 'totp.code.accepted';
      readonly deviceId: string;
      readonly deviceName: string;
      readonly stepOffset: number;
    }
  | { readonly name: 'totp.code.rejected'; readonly failures: number; readonly failuresLeft: number }
  | { readonly name: 'totp.code.replayed'; readonly deviceId: string }
  | {
      readonly name: 'totp.user.locked';
      readonly until: number | null;
      readonly lockNumber: number;
      readonly failures: number;
    }
  | { readonly name: 'totp.user.unlocked'; readonly reason: UnlockReason }
  | { readonly name: 'totp.user.suspected'; readonly failures: number }
  | { readonly name: 'totp.user.removed'; readonly devicesRemoved: number }
  | { readonly name: 'totp.recovery-codes.created'; readonly count: number; readonly replaced: boolean }
  | { readonly name: 'totp.recovery-code.used'; readonly left: number }
  | { readonly name: 'totp.recovery-code.rejected' }
  | { readonly name: 'totp.temporary-code.created'; readonly expiresAt: number }
  | { readonly name: 'totp.temporary-code.used' }
  | { readonly name: 'totp.browser.trusted'; readonly browserId: string; readonly expiresAt: number }
  | {
      readonly name: 'totp.browser.forgotten';
      readonly browserIds: readonly string[];
      readonly reason: ForgottenReason;
    };

/**
 * `manual`: by `unlockUser`. `expired`: a code was accepted after the lock had expired. `recovery`: a recovery code or a temporary
 * code was used.
 */
export type UnlockReason = 'manual' | 'expired' | 'recovery';

/**
 * `manual`: by the user or by the application. `device-removed`: a verified device was removed. `recovery`: a recovery code or a
 * temporary code was used. `limit`: the user trusted more browsers than allowed, and this was the oldest.
 */
export type ForgottenReason = 'manual' | 'device-removed' | 'recovery' | 'limit';

/** The input of every rule besides the account. */
export interface DecisionContext {
  /** Epoch ms, read once per call. */
  readonly now: number;
  readonly policy: Policy;
}

export interface Decision<Answer> {
  readonly answer: Answer;
  /**
   * The account to commit; `'erased'` to delete everything about the user; null when nothing changes. The answer may leave the
   * process only once this is committed.
   */
  readonly account: Account | 'erased' | null;
  readonly events: readonly AccountEvent[];
}

/** A decision that changes nothing. */
export function unchanged<Answer>(answer: Answer): Decision<Answer> {
  return { answer, account: null, events: [] };
}
