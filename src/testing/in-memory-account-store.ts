import { randomUUID } from 'node:crypto';
import { type Account, sealedParts } from '../accounts/account.js';
import { requireReadable } from '../storage/account-row.js';
import { keySetOf } from '../secrets/key-ids.js';
import {
  type AccountChange,
  type AccountListing,
  type KeySet,
  type LoadedAccount,
  TotpAccountStore,
} from '../storage/account-store.js';

/**
 * Keeps accounts in the memory of the process, with the same guarantees as the database, for tests without one.
 *
 * @example
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(TotpAccountStore).useClass(InMemoryTotpAccountStore);
 */
export class InMemoryTotpAccountStore extends TotpAccountStore {
  private readonly accounts = new Map<string, LoadedAccount>();

  override load(userId: string): Promise<LoadedAccount | null> {
    return Promise.resolve(this.accounts.get(userId) ?? null);
  }

  override loadMany(userIds: readonly string[]): Promise<ReadonlyMap<string, Account>> {
    const found = userIds.flatMap((userId) => {
      const loaded = this.accounts.get(userId);
      return loaded === undefined ? [] : [[userId, loaded.account] as const];
    });
    return Promise.resolve(new Map(found));
  }

  override commit(userId: string, revision: string | null, account: Account | 'erased'): Promise<boolean> {
    return this.commitAll([{ userId, revision, account }]);
  }

  override commitAll(changes: readonly AccountChange[]): Promise<boolean> {
    try {
      for (const { account } of changes) if (account !== 'erased') requireReadable(account);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    const areUnchanged = changes.every(
      ({ userId, revision }) => (this.accounts.get(userId)?.revision ?? null) === revision,
    );
    if (areUnchanged) {
      for (const { userId, account } of changes) {
        if (account === 'erased') this.accounts.delete(userId);
        else this.accounts.set(userId, { account, revision: randomUUID() });
      }
    }
    return Promise.resolve(areUnchanged);
  }

  override nextKeySet(after: KeySet | undefined): Promise<KeySet | undefined> {
    const all = [...this.accounts.values()].map(({ account }) => keySetOf(sealedParts(account))).sort();
    return Promise.resolve(all.find((keySet) => after === undefined || keySet > after));
  }

  override countAccounts(keySet: KeySet): Promise<number> {
    return Promise.resolve(this.usersOf(keySet).length);
  }

  override listAccounts(keySet: KeySet, after = '', limit = 1): Promise<readonly AccountListing[]> {
    const later = this.usersOf(keySet).filter((userId) => userId > after);
    return Promise.resolve(later.slice(0, limit).map((userId) => ({ cursor: userId, userId })));
  }

  override now(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  private usersOf(keySet: KeySet): string[] {
    const users = [...this.accounts].filter(([, { account }]) => keySetOf(sealedParts(account)) === keySet);
    return users.map(([userId]) => userId).sort();
  }
}
