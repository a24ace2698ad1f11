/** Makes recovery codes and temporary codes, seals their hashes, and recognises them. No other code opens those hashes. */
import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Account, CodeNotation, RecoveryCodes, TemporaryCode } from '../accounts/account.js';
import type { NewRecoveryCodes, NewTemporaryCode, RecoveryMatch } from '../accounts/recovery.js';
import { findCode, hashCodes, newRecoveryCode } from '../secrets/recovery-code.js';
import { isSealedWithOldKey, type RecoveryBinding, sealSecret, TotpSecretCipher } from '../secrets/secret-cipher.js';

type Purpose = RecoveryBinding['purpose'];

/** The part of a set of codes, or of a temporary code, that is sealed. */
type SealedSet = Pick<RecoveryCodes | TemporaryCode, 'id' | 'sealedHashes'>;

/** Every method throws what the cipher throws: a `TotpSecretError` for hashes that cannot be opened. */
@Injectable()
export class RecoverySecrets {
  constructor(@Inject(TotpSecretCipher) private readonly cipher: TotpSecretCipher) {}

  /** A set of new random codes. */
  async createSet(userId: string, count: number): Promise<{ codes: string[]; set: NewRecoveryCodes }> {
    const codes = Array.from({ length: count }, newRecoveryCode);
    return { codes, set: await this.sealSet(userId, codes, 'crockford') };
  }

  /** A set of codes that the user already has. */
  async sealSet(userId: string, codes: readonly string[], notation: CodeNotation): Promise<NewRecoveryCodes> {
    const sealed = await this.seal(userId, 'recovery-codes', hashCodes(codes, notation));
    return { ...sealed, notation, total: codes.length };
  }

  async createTemporary(userId: string): Promise<{ code: string; temporary: NewTemporaryCode }> {
    const code = newRecoveryCode();
    return { code, temporary: await this.seal(userId, 'temporary-code', hashCodes([code], 'crockford')) };
  }

  /**
   * Which of the user's codes a text is. It is compared with all of them, used ones included.
   *
   * @throws what the cipher throws, unless the code is found among what can be opened: a temporary code must help a user whose
   *   recovery codes are sealed with a lost key
   */
  async find(userId: string, account: Account, entered: string): Promise<RecoveryMatch> {
    const { recoveryCodes: codes, temporaryCode: temporary } = account;
    const found = await Promise.allSettled([
      codes && this.positionOf(userId, 'recovery-codes', codes, entered, codes.notation),
      temporary && this.positionOf(userId, 'temporary-code', temporary, entered, 'crockford'),
    ]);
    const [position, temporaryPosition] = found.map((one) => (one.status === 'fulfilled' ? one.value : null));
    if (typeof position === 'number') return { kind: 'recovery', position };
    if (typeof temporaryPosition === 'number') return { kind: 'temporary' };
    const failure = found.find((one) => one.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    return undefined;
  }

  /** The account with the hashes of its codes sealed under the current key; the same object if they already are. */
  async reseal(userId: string, account: Account): Promise<Account> {
    const recoveryCodes = await this.resealSet(userId, 'recovery-codes', account.recoveryCodes);
    const temporaryCode = await this.resealSet(userId, 'temporary-code', account.temporaryCode);
    const isUnchanged = recoveryCodes === account.recoveryCodes && temporaryCode === account.temporaryCode;
    return isUnchanged ? account : { ...account, recoveryCodes, temporaryCode };
  }

  /** What an account has sealed here, and whether the cipher can open it with the keys that it has. */
  parts(userId: string, { recoveryCodes, temporaryCode }: Account): { sealed: string; isOpen: Promise<boolean> }[] {
    const part = (purpose: Purpose, set: SealedSet | null) =>
      set === null
        ? []
        : [{ sealed: set.sealedHashes, isOpen: this.open(userId, purpose, set).then(Boolean, () => false) }];
    return [...part('recovery-codes', recoveryCodes), ...part('temporary-code', temporaryCode)];
  }

  private async positionOf(userId: string, purpose: Purpose, set: SealedSet, entered: string, notation: CodeNotation) {
    return findCode(await this.open(userId, purpose, set), entered, notation);
  }

  private async resealSet<S extends SealedSet>(userId: string, purpose: Purpose, set: S | null): Promise<S | null> {
    if (set === null || !isSealedWithOldKey(this.cipher, set.sealedHashes)) return set;
    const hashes = await this.open(userId, purpose, set);
    return { ...set, sealedHashes: await sealSecret(this.cipher, hashes, { purpose, userId, setId: set.id }) };
  }

  private async seal(userId: string, purpose: Purpose, hashes: Uint8Array): Promise<SealedSet> {
    const id = randomUUID();
    return { id, sealedHashes: await sealSecret(this.cipher, hashes, { purpose, userId, setId: id }) };
  }

  private open(userId: string, purpose: Purpose, { id, sealedHashes }: SealedSet): Promise<Uint8Array> {
    return this.cipher.open(sealedHashes, { purpose, userId, setId: id });
  }
}
