/** The port that stores accounts. An account is read whole, and written only if it is still the one that was read. */
import type { Account } from '../accounts/account.js';
import type { AnyTotpEvent } from '../events/catalogue.js';

/**
 * The longest user id, in UTF-16 units. As JSON in ASCII a unit takes up to six bytes, and 60,000 bytes fit in a `text` column of
 * MySQL (65,535).
 */
export const MAX_USER_ID_LENGTH = 10_000;

/** An account as it was read, and the revision by which the store knows whether it has changed since. */
export interface LoadedAccount {
  readonly account: Account;
  readonly revision: string;
}

/** The account that replaces the loaded one. */
export interface AccountChange {
  readonly userId: string;
  /** As in `commit`. */
  readonly revision: string | null;
  /** `'erased'` deletes everything about the user. */
  readonly account: Account | 'erased';
}

/** Which keys one account is sealed with: `keySetOf` of its `sealedParts`. */
export type KeySet = string;

export interface AccountListing {
  /** Where the next call of `listAccounts` continues. */
  readonly cursor: string;
  /** Undefined when the row is damaged. */
  readonly userId: string | undefined;
}

/**
 * Holds all state of the module.
 *
 * The limits of the module are exact because `commit` is atomic: every answer depends on an account that was
 * loaded, and leaves the process only after the account that results from it has replaced the loaded one. A store of your own must
 * guarantee this across all processes, must not take part in the caller's transaction, and must throw when it does not know whether a
 * write succeeded. With `events: { outbox: true }`, it also receives the events of a change, which it must store atomically with the
 * change.
 */
export abstract class TotpAccountStore {
  /**
   * Reads a user's account; null when there is none. User ids are compared byte for byte.
   *
   * @throws TotpDamagedAccountError with the revision, when the stored account cannot be read; `removeUser` can still erase it
   */
  abstract load(userId: string): Promise<LoadedAccount | null>;

  /** Reads several accounts: at most 500. Omits users without an account. */
  abstract loadMany(userIds: readonly string[]): Promise<ReadonlyMap<string, Account>>;

  /**
   * Writes or erases an account, if it is still the one that was loaded.
   *
   * The module's own store also deletes when the user's sessions completed TOTP, in the same transaction as the account.
   *
   * @param revision of the account that was loaded; null when there was none
   * @param account `'erased'` deletes everything about the user
   * @param events to store in the outbox with it; empty without an outbox
   * @returns whether it was written; false when another call changed it first: load and decide again
   * @throws TotpStorageError when the account is invalid and could not be read back
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
   * @returns whether they were written; false when another call changed one of them first
   */
  abstract commitAll(changes: readonly AccountChange[], events?: readonly AnyTotpEvent[]): Promise<boolean>;

  /**
   * The next set of key ids, in any stable order, that the secrets of an account are sealed with; undefined when none comes
   * after `after`. Must be fast for any number of accounts: start-up and health checks call it.
   */
  abstract nextKeySet(after: KeySet | undefined): Promise<KeySet | undefined>;

  /** How many accounts have exactly this set of key ids. */
  abstract countAccounts(keySet: KeySet): Promise<number>;

  /** Some of the accounts that have exactly this set of key ids, in any stable order: those after `after`. */
  abstract listAccounts(keySet: KeySet, after: string | undefined, limit: number): Promise<readonly AccountListing[]>;

  /** The time of the store's own clock, in epoch ms; undefined when it has none. */
  abstract now(): Promise<number | undefined>;

  /** A name that changes when a replica of the server takes over; undefined where that cannot be known. */
  serverHistory?(): Promise<string | undefined>;
}
