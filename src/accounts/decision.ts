/** What a rule returns: the answer, the account as it is to be from now on, and what there is to tell others. */
import type { Account } from './account.js';

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
  | { readonly name: 'totp.user.removed'; readonly devicesRemoved: number };

/** `manual`: by `unlockUser`. `expired`: the lock had run out, and a code was accepted. */
export type UnlockReason = 'manual' | 'expired';

export interface Decision<Answer> {
  readonly answer: Answer;
  /** The account to commit; null when nothing changes. The answer may leave the process only once it is committed. */
  readonly account: Account | null;
  readonly events: readonly AccountEvent[];
}

/** A decision that changes nothing. */
export function unchanged<Answer>(answer: Answer): Decision<Answer> {
  return { answer, account: null, events: [] };
}
