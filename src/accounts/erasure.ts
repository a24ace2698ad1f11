/** Erases everything that is stored about a user. */
import type { Account } from './account.js';
import type { Decision } from './decision.js';

export interface ErasureAnswer {
  readonly status: 'OK';
  readonly didUserExist: boolean;
}

/**
 * Erases an account, and reports it. Without an account, no event is reported, but the erasure is committed: session completions
 * of the user may be stored.
 *
 * @param account `'damaged'` when a stored account cannot be read
 */
export function decideErasure(account: Account | 'damaged' | null): Decision<ErasureAnswer> {
  if (account === null) return { answer: { status: 'OK', didUserExist: false }, account: 'erased', events: [] };
  const devicesRemoved = account === 'damaged' ? 0 : account.devices.length;
  return {
    answer: { status: 'OK', didUserExist: true },
    account: 'erased',
    events: [{ name: 'totp.user.removed', devicesRemoved }],
  };
}
