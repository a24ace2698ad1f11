/** Where accounts are kept: read whole, and written only if nobody else has written since. */
import type { Account } from '../accounts/account.js';
import type { AnyTotpEvent } from '../events/catalogue.js';

/** An account as it was read, and the mark by which the store knows whether it has changed since. */
export interface LoadedAccount {
  readonly account: Account;
  readonly revision: string;
}

/** An account as it is to be, in the place of the loaded one. */
export interface AccountChange {
  readonly userId: string;
  /** As in `commit`. */
  readonly revision: string | null;
  readonly account: Account;
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
  /** Reads a user's account; null when there is none. User ids compare byte for byte. */
  abstract load(userId: string): Promise<LoadedAccount | null>;

  /** Reads several accounts at once: at most 500. Users without an account are left out. */
  abstract loadMany(userIds: readonly string[]): Promise<ReadonlyMap<string, Account>>;

  /**
   * Writes an account, if it is still the one that was loaded.
   *
   * @param revision of the account that was loaded; null when there was none
   * @param events to put into the outbox with it; none without one
   * @returns whether it was written; false when somebody else was first: load and decide again
   */
  abstract commit(
    userId: string,
    revision: string | null,
    account: Account,
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

  /** Erases everything of a user; whether there was anything. */
  abstract remove(userId: string): Promise<boolean>;
}
