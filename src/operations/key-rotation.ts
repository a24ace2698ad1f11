/** Re-encrypts stored secrets under the current key, and reports which keys are in use. */
import { Inject, Injectable } from '@nestjs/common';
import { type Account, sealedParts } from '../accounts/account.js';
import { keySetOf, NO_KEYS, sealingKeyId, UNKNOWN_KEYS } from '../secrets/key-ids.js';
import { AccountUpdater } from '../recipe/account-updater.js';
import { DeviceSecrets } from '../recipe/device-secrets.js';
import { RecoverySecrets } from '../recipe/recovery-secrets.js';
import { TotpSecretCipher } from '../secrets/secret-cipher.js';
import { type AccountListing, type KeySet, TotpAccountStore } from '../storage/account-store.js';
import {
  TotpArgumentError,
  TotpConfigurationError,
  TotpDamagedAccountError,
  TotpStorageError,
} from '../shared/errors.js';
import { BACKGROUND_STATEMENTS, Semaphore } from '../shared/semaphore.js';
import { yieldToEventLoop } from '../shared/timers.js';

/** A key that stored secrets are sealed with. */
export interface TotpKeyUse {
  readonly keyId: string;
  /** How many users have a secret that is sealed with it. */
  readonly users: number;
  /**
   * `missing`: the cipher does not have it, so these users' codes cannot be checked. `unknown`, with an empty `keyId`: for users with a
   * secret that names no key, and so was not written by this module.
   */
  readonly state: 'current' | 'old' | 'missing' | 'unknown';
}

export interface TotpKeyRotationOptions {
  /** How many users are listed at a time, and between two reports of progress: 1–10,000, default 500. */
  readonly batchSize?: number;
  /** Ends the run after the current batch. Another run continues from there. */
  readonly signal?: AbortSignal;
  /** Called after each batch. */
  readonly onProgress?: (progress: TotpKeyRotationProgress) => void;
  /** Only counts, and changes nothing. */
  readonly dryRun?: boolean;
}

export interface TotpKeyRotationProgress {
  /** Users with a secret under an old key, when the run began. */
  readonly total: number;
  /** Users that were processed, including those that failed. */
  readonly done: number;
  readonly failed: number;
}

export interface TotpKeyRotationReport extends TotpKeyRotationProgress {
  /** Whether `signal` ended the run before it was complete. */
  readonly aborted: boolean;
  /** The first 100 users whose secrets could not be re-encrypted, and why. */
  readonly failures: readonly { readonly userId: string; readonly reason: string }[];
  /** The keys that are in use after the run. */
  readonly keys: readonly TotpKeyUse[];
}

const MAX_FAILURES_TOLD = 100;
/** Accounts to try for each set of keys: enough that one damaged row is not mistaken for a wrong key. */
const TRIED_USERS = 5;

/**
 * Re-encrypts the secrets of all users under the current key, while the application runs.
 *
 * A secret is also re-encrypted when one of its codes is accepted. This is for all others, so that the old key can be removed. A run
 * may be stopped, killed or repeated, and several runs may overlap: the rows themselves record which keys they use. As always, an
 * account is written only if it is still the one that was read.
 */
@Injectable()
export class TotpKeyRotation {
  constructor(
    @Inject(TotpAccountStore) private readonly store: TotpAccountStore,
    @Inject(TotpSecretCipher) private readonly cipher: TotpSecretCipher,
    @Inject(AccountUpdater) private readonly accounts: AccountUpdater,
    @Inject(DeviceSecrets) private readonly secrets: DeviceSecrets,
    @Inject(RecoverySecrets) private readonly recovery: RecoverySecrets,
  ) {}

  /**
   * @example
   * const report = await rotation.run({ onProgress: ({ done, total }) => console.log(`${done} of ${total}`) });
   * if (report.failed === 0) console.log('The old keys can be removed.', report.keys);
   * @returns the counts and the users that failed, whose accounts are unchanged
   * @throws TotpStorageError when the database fails: another run continues where this one ended
   * @throws TotpConfigurationError when the cipher has no current key
   */
  async run({
    batchSize = 500,
    signal,
    onProgress,
    dryRun = false,
  }: TotpKeyRotationOptions = {}): Promise<TotpKeyRotationReport> {
    if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 10_000) {
      throw new TotpArgumentError('batchSize must be a whole number from 1 to 10,000');
    }
    const { currentKeyId } = this.cipher;
    if (currentKeyId === undefined) {
      throw new TotpConfigurationError(
        'TotpKeyRotation: the cipher has no keys to rotate. Write secrets: { keys, current }, or give your TotpSecretCipher a currentKeyId.',
      );
    }
    const outdated = (await this.keySets()).filter(({ keySet }) => keySet !== currentKeyId);
    const total = outdated.reduce((sum, { users }) => sum + users, 0);
    const failures: { userId: string; reason: string }[] = [];
    let [done, failed] = [0, 0];

    for (const { keySet } of dryRun ? [] : outdated) {
      for await (const batch of this.batches(keySet, batchSize, signal)) {
        const problems = await new Semaphore(BACKGROUND_STATEMENTS).map(batch, (listing) =>
          this.reseal(listing, keySet),
        );
        for (const problem of problems) {
          if (problem === undefined) continue;
          failed++;
          if (failures.length < MAX_FAILURES_TOLD) failures.push(problem);
        }
        done += batch.length;
        onProgress?.({ total, done, failed });
      }
    }
    const aborted = signal?.aborted === true && done < total;
    return { total, done, failed, failures, aborted, keys: await this.keys() };
  }

  /** The keys that stored secrets are sealed with. Counts all users, which takes some seconds for millions. */
  async keys(): Promise<TotpKeyUse[]> {
    const users = new Map<string, number>();
    for (const keySet of await this.keySets()) {
      for (const keyId of keySet.keySet.split(',')) users.set(keyId, (users.get(keyId) ?? 0) + keySet.users);
    }
    return [...users].sort().map(([keyId, count]) => ({ keyId, users: count, state: this.stateOf(keyId) }));
  }

  /** The ids of keys that stored secrets are sealed with and that the cipher does not have. Fast for any number of users. */
  async missingKeys(): Promise<string[]> {
    // A cipher that gets its keys from another service does not know which are missing.
    if (this.cipher.keyIds === undefined) return [];
    const inUse = new Set<string>();
    for await (const keySet of this.eachKeySet()) {
      for (const keyId of keySet.split(',')) inUse.add(keyId);
    }
    return [...inUse].filter((keyId) => this.stateOf(keyId) === 'missing').sort();
  }

  /**
   * The ids of keys that cannot open what was sealed under their ids: each was tried on a few accounts, and opened none. Fast for any
   * number of users.
   */
  async wrongKeys(): Promise<string[]> {
    const { keyIds = [], lostKeyIds } = this.cipher;
    const [opens, fails] = [new Set<string>(), new Set<string>()];
    for await (const keySet of this.eachKeySet()) {
      for (const { userId } of await this.store.listAccounts(keySet, undefined, TRIED_USERS)) {
        const loaded = userId === undefined ? null : await this.store.load(userId).catch(() => null);
        if (userId === undefined || loaded === null) continue;
        for (const { keyId, isOpen } of await this.tryKeys(userId, loaded.account)) (isOpen ? opens : fails).add(keyId);
      }
    }
    return [...fails].filter((id) => !opens.has(id) && keyIds.includes(id) && !lostKeyIds.includes(id)).sort();
  }

  /** Whether what an account has sealed can be opened, with the id of the key of each part. */
  private async tryKeys(userId: string, account: Account): Promise<{ keyId: string; isOpen: boolean }[]> {
    const parts = [
      ...account.devices.map((device) => ({
        sealed: device.sealedSecret,
        isOpen: this.secrets.canOpen(userId, device),
      })),
      ...this.recovery.parts(userId, account),
    ];
    return Promise.all(
      parts.map(async ({ sealed, isOpen }) => ({ keyId: sealingKeyId(sealed) ?? '', isOpen: await isOpen })),
    );
  }

  private stateOf(keyId: string): TotpKeyUse['state'] {
    const { currentKeyId, keyIds } = this.cipher;
    if (keyId === UNKNOWN_KEYS) return 'unknown';
    if (keyId === currentKeyId) return 'current';
    return keyIds === undefined || keyIds.includes(keyId) ? 'old' : 'missing';
  }

  private async *eachKeySet(): AsyncGenerator<KeySet> {
    for (
      let keySet = await this.store.nextKeySet(undefined);
      keySet !== undefined;
      keySet = await this.store.nextKeySet(keySet)
    ) {
      if (keySet !== NO_KEYS) yield keySet;
    }
  }

  private async keySets(): Promise<{ keySet: KeySet; users: number }[]> {
    const counted = [];
    for await (const keySet of this.eachKeySet())
      counted.push({ keySet, users: await this.store.countAccounts(keySet) });
    return counted;
  }

  /** Rows that cannot be re-encrypted keep their key set, so each batch starts after the last row of the previous one. */
  private async *batches(
    keySet: KeySet,
    size: number,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly AccountListing[]> {
    let after: string | undefined;
    while (signal?.aborted !== true) {
      const batch = await this.store.listAccounts(keySet, after, size);
      if (batch.length === 0) return;
      yield batch;
      after = batch.at(-1)?.cursor;
      await yieldToEventLoop(); // SQLite statements never return to the event loop
    }
  }

  /** Why a user's secrets could not be re-encrypted; undefined on success. */
  private async reseal(
    { userId, cursor }: AccountListing,
    keySet: KeySet,
  ): Promise<{ userId: string; reason: string } | undefined> {
    if (userId === undefined) return { userId: '', reason: `The user id of the row ${cursor} is damaged.` };
    try {
      await this.resealUser(userId, keySet);
      return undefined;
    } catch (error) {
      // A failure of the database is not specific to this user.
      if (error instanceof TotpStorageError && !(error instanceof TotpDamagedAccountError)) throw error;
      return { userId, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  private async resealUser(userId: string, notedKeySet: KeySet): Promise<void> {
    const failure = await this.accounts.rewrite(userId, async (account) => {
      if (account === null) return { answer: undefined, account };
      // What cannot be decrypted must not keep the rest of the account under the old key.
      const [recovery, ...devices] = await Promise.allSettled([
        this.recovery.reseal(userId, account),
        ...account.devices.map((device) => this.secrets.reseal(userId, device)),
      ]);
      const resealed: Account = {
        ...(recovery.status === 'fulfilled' ? recovery.value : account),
        devices: account.devices.map((device, n) => valueOf(devices[n]) ?? device),
      };
      const isChanged =
        resealed.recoveryCodes !== account.recoveryCodes ||
        resealed.temporaryCode !== account.temporaryCode ||
        resealed.devices.some((device, n) => device !== account.devices[n]) ||
        keySetOf(sealedParts(resealed)) !== notedKeySet;
      return {
        answer: [recovery, ...devices].find((outcome) => outcome.status === 'rejected'),
        account: isChanged ? resealed : null,
      };
    });
    if (failure !== undefined) throw failure.reason;
  }
}

function valueOf<T>(outcome: PromiseSettledResult<T> | undefined): T | undefined {
  return outcome?.status === 'fulfilled' ? outcome.value : undefined;
}
