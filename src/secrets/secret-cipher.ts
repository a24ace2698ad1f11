/** How secrets are kept: sealed text in the database, bytes while a code is compared. */
import { type Sealed, sealingKeyId } from './key-ids.js';
import { TotpSecretError } from '../shared/errors.js';

/** Whose secret it is. A cipher that seals binds the text to it, so that a row copied to someone else does not open. */
export interface SecretOwner {
  readonly userId: string;
  readonly deviceId: string;
}

/**
 * Seals the secrets before they are stored and opens them again.
 *
 * Both functions may be slow (a key service) and both may throw: then the call ends with that fault, and no code is
 * accepted or refused.
 */
export abstract class TotpSecretCipher {
  /**
   * @returns the text to store: the id of its key (1 to 16 of `a–z`, `0–9` and `-`), a colon, and what else `open` needs; at most
   *   1,000 characters of ASCII in all
   */
  abstract seal(secret: Uint8Array, owner: SecretOwner): Promise<string>;

  /**
   * @param sealed what `seal` returned
   * @throws TotpSecretError when the text was not sealed for this owner, or its key is not there
   */
  abstract open(sealed: string, owner: SecretOwner): Promise<Uint8Array>;

  /**
   * The id of the key that `seal` uses now: what is sealed with another one is sealed anew when it is used, and by
   * `TotpKeyRotation`. Undefined, the default, for a cipher whose secrets stay as they are.
   */
  readonly currentKeyId: string | undefined = undefined;

  /**
   * The ids of all keys that the cipher has, or knows to be lost. Other ids that stored secrets are sealed with are named at
   * start-up and in the health check. Undefined, the default, for a cipher that asks somebody else for its keys.
   */
  readonly keyIds: readonly string[] | undefined = undefined;

  /** Those of `keyIds` that are lost: what they sealed does not open any more, and nobody is told of it again. */
  readonly lostKeyIds: readonly string[] = [];
}

/** Seals a new secret, and checks what a cipher of the application's own made of it before it is stored. */
export async function sealSecret(cipher: TotpSecretCipher, secret: Uint8Array, owner: SecretOwner): Promise<string> {
  const sealed = await cipher.seal(secret, owner);
  if (sealingKeyId(sealed) === undefined || !/^[ -~]{3,1000}$/.test(sealed)) {
    throw new TotpSecretError(
      'TotpSecretCipher.seal must return the id of its key, of 1 to 16 letters a–z, digits and "-", then a colon and the ' +
        'sealed secret, in at most 1,000 characters of ASCII: "key1:q83vEjRW…".',
    );
  }
  return sealed;
}

/** Whether a secret is to be sealed anew, since its key is not the current one. */
export function isSealedWithOldKey(cipher: TotpSecretCipher, { sealedSecret }: Sealed): boolean {
  return cipher.currentKeyId !== undefined && sealingKeyId(sealedSecret) !== cipher.currentKeyId;
}
