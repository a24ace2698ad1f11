import { randomUUID } from 'node:crypto';
import type { Account } from '../accounts/account.js';
import { type LoadedAccount, TotpAccountStore } from '../storage/account-store.js';

/**
 * Keeps accounts in the memory of the process, with the same promises as the database: for tests that need none.
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

  override commit(userId: string, revision: string | null, account: Account): Promise<boolean> {
    const isUnchanged = (this.accounts.get(userId)?.revision ?? null) === revision;
    if (isUnchanged) this.accounts.set(userId, { account, revision: randomUUID() });
    return Promise.resolve(isUnchanged);
  }

  override remove(userId: string): Promise<boolean> {
    return Promise.resolve(this.accounts.delete(userId));
  }
}
