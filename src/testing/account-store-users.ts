/** Users with accounts, for the tests of a store. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Account } from '../accounts/account.js';
import type { TotpAccountStore } from '../storage/account-store.js';
import { numbered } from './sample-accounts.js';

/** The name of a test of a store, and the test. */
export type StoreTest = readonly [name: string, run: (users: Users) => Promise<void>];

/** The users of one test, in the store under test. */
export class Users {
  constructor(readonly store: TotpAccountStore) {}

  async newUser(account: Account = numbered(1)): Promise<string> {
    const userId = randomUUID();
    assert.equal(await this.store.commit(userId, null, account), true);
    return userId;
  }

  async accountOf(userId: string): Promise<Account | undefined> {
    return (await this.store.load(userId))?.account;
  }

  async revisionOf(userId: string): Promise<string | null> {
    return (await this.store.load(userId))?.revision ?? null;
  }

  /** Writes without a conflict. */
  async overwrite(userId: string, account: Account | 'erased'): Promise<void> {
    assert.equal(await this.store.commit(userId, await this.revisionOf(userId), account), true);
  }
}
