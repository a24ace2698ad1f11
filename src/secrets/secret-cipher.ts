/** The port that seals secrets before they are stored, and opens them while a code is compared. */
import type { Algorithm } from '../otp/settings.js';
import { type Sealed, sealingKeyId } from './key-ids.js';
import { TotpSecretError } from '../shared/errors.js';

/**
 * What a secret is for: one device of one user, and how its codes are made and checked. A cipher must authenticate
 * all of it with the secret, so that a sealed secret cannot be opened for another device or with other settings.
 */
export interface SecretBinding {
  readonly userId: string;
  readonly deviceId: string;
  readonly algorithm: Algorithm;
  readonly digits: number;
  /** Seconds. */
  readonly period: number;
  /** Steps. */
  readonly skew: number;
}

/**
 * Seals the secrets before they are stored and opens them again.
 *
 * A cipher of your own must authenticate every field of the binding, such as by passing it to an AEAD as associated data
 * (RFC 5116). Otherwise, anyone who can write to the database can copy a secret to another user, or set the digits, period or skew of a
 * device so that codes are easy to guess.
 *
 * Both functions may be slow, as with a key service, and both may throw: then the call ends with that error, and no code is
 * accepted or rejected.
 */
export abstract class TotpSecretCipher {
  /**
   * @param binding what the secret is for; `open` gets the same
   * @returns the string to store: the id of its key (1 to 16 of `a–z`, `0–9` and `-`), a colon, and whatever else `open` needs; at most
   *   1,000 characters of ASCII in all
   */
  abstract seal(secret: Uint8Array, binding: SecretBinding): Promise<string>;

  /**
   * @param sealed what `seal` returned
   * @throws TotpSecretError when it was not sealed with this binding, or its key is missing
   */
  abstract open(sealed: string, binding: SecretBinding): Promise<Uint8Array>;

  /**
   * The id of the key that `seal` uses now: a secret sealed with another key is resealed when it is used, and by
   * `TotpKeyRotation`. Undefined, the default, for a cipher that never reseals.
   */
  readonly currentKeyId: string | undefined = undefined;

  /**
   * The ids of all keys that the cipher has, or knows to be lost. Start-up and the health check report every other id that
   * stored secrets are sealed with. Undefined, the default, for a cipher that asks another service for its keys.
   */
  readonly keyIds: readonly string[] | undefined = undefined;

  /** Those of `keyIds` that are lost: what they sealed can no longer be opened, which start-up does not report. */
  readonly lostKeyIds: readonly string[] = [];
}

/** Seals a secret, and checks what an application's own cipher returned before it is stored. */
export async function sealSecret(
  cipher: TotpSecretCipher,
  secret: Uint8Array,
  binding: SecretBinding,
): Promise<string> {
  const sealed = await cipher.seal(secret, binding);
  if (sealingKeyId(sealed) === undefined || !/^[ -~]{3,1000}$/.test(sealed)) {
    throw new TotpSecretError(
      'TotpSecretCipher.seal must return the id of its key, of 1 to 16 letters a–z, digits and "-", then a colon and the ' +
        'sealed secret, in at most 1,000 characters of ASCII: "key1:q83vEjRW…".',
    );
  }
  return sealed;
}

/** Whether a secret is sealed with a key that is not the current one. */
export function isSealedWithOldKey(cipher: TotpSecretCipher, { sealedSecret }: Sealed): boolean {
  return cipher.currentKeyId !== undefined && sealingKeyId(sealedSecret) !== cipher.currentKeyId;
}
