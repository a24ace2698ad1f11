/** Where accounts are kept: read whole, and written only if nobody else has written since. */
import type { Account } from '../accounts/account.js';

/** An account as it was read, and the mark by which the store knows whether it has changed since. */
export interface LoadedAccount {
  readonly account: Account;
  readonly revision: string;
}

/**
 * The one place that the module keeps state in.
 *
 * The limits of the module are exact because `commit` is atomic: every answer rests on an account that was loaded, and
 * leaves the process only after the account that follows from it was committed in the loaded one's place. A store of your
 * own must keep that promise for all processes at once, must not take part in the caller's transaction, and must throw
 * when it does not know.
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
   * @returns whether it was written; false when somebody else was first: load and decide again
   */
  abstract commit(userId: string, revision: string | null, account: Account): Promise<boolean>;

  /** Erases everything of a user; whether there was anything. */
  abstract remove(userId: string): Promise<boolean>;
}
