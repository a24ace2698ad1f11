/** Erases everything that is stored about a user. */
import type { Account } from './account.js';
import type { Decision } from './decision.js';

export interface ErasureAnswer {
  readonly status: 'OK';
  readonly didUserExist: boolean;
}

/**
 * Without an account there is no event, but the erasure is committed all the same: sessions of the user may be stored.
 *
 * @param account `'damaged'` when it is stored and can no longer be read
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
