/** The port that stores accounts: read whole, and written only if they are still the ones that were read. */
import type { Account } from '../accounts/account.js';
import type { AnyTotpEvent } from '../events/catalogue.js';

/**
 * The longest user id, in UTF-16 units. As JSON in ASCII a unit takes up to six bytes, and 60,000 bytes fit in a `text` column of
 * MySQL (65,535).
 */
export const MAX_USER_ID_LENGTH = 10_000;

/** An account as it was read, and the mark by which the store knows whether it has changed since. */
export interface LoadedAccount {
  readonly account: Account;
  readonly revision: string;
}

/** The account that replaces the loaded one. */
export interface AccountChange {
  readonly userId: string;
  /** As in `commit`. */
  readonly revision: string | null;
  /** `'erased'`: nothing of the user may be left. */
  readonly account: Account | 'erased';
}

/** Which keys the secrets of one account are sealed with: `keySetOf` of its devices. */
export type KeySet = string;

export interface AccountListing {
  /** For the next call of `listAccounts`. */
  readonly cursor: string;
  /** Undefined when the row is damaged. */
  readonly userId: string | undefined;
}

/**
 * The one place that the module keeps state in.
 *
 * The limits of the module are exact because `commit` is atomic: every answer rests on an account that was loaded, and
 * leaves the process only after the account that follows from it was committed in the loaded one's place. A store of your
 * own must keep that promise for all processes at once, must not take part in the caller's transaction, and must throw
 * when it does not know. With `events: { outbox: true }` it is also handed the events of a change, which it must keep together with
 * the change: both or neither.
 */
export abstract class TotpAccountStore {
  /**
   * Reads a user's account; null when there is none. User ids compare byte for byte.
   *
   * @throws TotpDamagedAccountError with the revision, when the stored account cannot be read: then `removeUser` can erase it
   */
  abstract load(userId: string): Promise<LoadedAccount | null>;

  /** Reads several accounts at once: at most 500. Users without an account are left out. */
  abstract loadMany(userIds: readonly string[]): Promise<ReadonlyMap<string, Account>>;

  /**
   * Writes or erases an account, if it is still the one that was loaded.
   *
   * The module's own store also deletes when the user's sessions completed TOTP, in the same transaction as the account.
   *
   * @param revision of the account that was loaded; null when there was none
   * @param account `'erased'` deletes everything of the user
   * @param events to put into the outbox with it; none without one
   * @returns whether it was written; false when another call was first: load and decide again
   * @throws TotpStorageError when the account could not be read back
   */
  abstract commit(
    userId: string,
    revision: string | null,
    account: Account | 'erased',
    events?: readonly AnyTotpEvent[],
  ): Promise<boolean>;

  /**
   * Writes several accounts, of different users, under the condition of `commit`: all of them or none.
   *
   * @param events of all of them, as in `commit`
   * @returns whether they were written; false when somebody else was first with one of them
   */
  abstract commitAll(changes: readonly AccountChange[], events?: readonly AnyTotpEvent[]): Promise<boolean>;

  /**
   * The next set of key ids, in an order of the store's own, that the secrets of an account are sealed with; undefined when
   * there is none after `after`. Must be fast whatever the number of accounts: it is asked at start-up and in health checks.
   */
  abstract nextKeySet(after: KeySet | undefined): Promise<KeySet | undefined>;

  /** How many accounts have exactly this set of key ids. */
  abstract countAccounts(keySet: KeySet): Promise<number>;

  /** Some of the accounts that have exactly this set of key ids, in an order of the store's own: those after `after`. */
  abstract listAccounts(keySet: KeySet, after: string | undefined, limit: number): Promise<readonly AccountListing[]>;

  /** The time that the store's own clock tells, in epoch ms; undefined when it has none. */
  abstract now(): Promise<number | undefined>;
}
