/** The port that seals secrets before they are stored, and opens them while a code is compared. */
import type { Algorithm } from '../otp/settings.js';
import { sealingKeyId } from './key-ids.js';
import { TotpSecretError } from '../shared/errors.js';

/**
 * What a secret is for. A cipher must authenticate all of it with the secret, so that what was sealed for one purpose cannot be opened
 * for another.
 */
export type SecretBinding = DeviceBinding | RecoveryBinding;

/** The secret of one device of one user, and how its codes are made and checked. */
export interface DeviceBinding {
  readonly purpose: 'device';
  readonly userId: string;
  readonly deviceId: string;
  readonly algorithm: Algorithm;
  readonly digits: number;
  /** Seconds. */
  readonly period: number;
  /** Steps. */
  readonly skew: number;
}

/** The hashes of one set of recovery codes of one user, or of one temporary code. */
export interface RecoveryBinding {
  readonly purpose: 'recovery-codes' | 'temporary-code';
  readonly userId: string;
  /** The id of the set, or of the temporary code. */
  readonly setId: string;
}

/**
 * A binding as bytes, for an AEAD to authenticate as associated data (RFC 5116 §2.1). No two bindings have the same bytes.
 *
 * @example
 * const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associatedData(binding));
 */
export function associatedData(binding: SecretBinding): Buffer {
  const { purpose, userId } = binding;
  const details =
    purpose === 'device'
      ? [binding.deviceId, binding.algorithm, binding.digits, binding.period, binding.skew]
      : [binding.setId];
  // As JSON, so that no text can end in one field and go on in the next.
  return Buffer.from(JSON.stringify([purpose, userId, ...details]));
}

/**
 * Seals secrets before they are stored and opens them again: the secrets of devices, and the hashes of recovery codes.
 *
 * A cipher of your own must authenticate the binding, by passing `associatedData(binding)` to an AEAD (RFC 5116). Otherwise, anyone who
 * can write to the database can copy a secret to another user, or set the digits, period or skew of a device so that codes are easy
 * to guess.
 *
 * Both functions may be slow, as with a key service, and both may throw: then the call ends with that error, and no code is
 * accepted or rejected.
 */
export abstract class TotpSecretCipher {
  /**
   * @param secret 16 to 64 bytes of a device, or up to 528 bytes of recovery codes
   * @param binding what the secret is for; `open` gets the same
   * @returns the string to store: the id of its key (1 to 16 of `a–z`, `0–9` and `-`), a colon, and whatever else `open` needs; at most
   *   1,000 characters of ASCII in all for a device, and 4,000 for recovery codes
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
  const maxLength = binding.purpose === 'device' ? 1_000 : 4_000;
  if (sealingKeyId(sealed) === undefined || !/^[ -~]{3,}$/.test(sealed) || sealed.length > maxLength) {
    throw new TotpSecretError(
      'TotpSecretCipher.seal must return the id of its key, of 1 to 16 letters a–z, digits and "-", then a colon and the ' +
        `sealed secret, in at most ${maxLength.toLocaleString('en')} characters of ASCII: "key1:q83vEjRW…".`,
    );
  }
  return sealed;
}

/** Whether something is sealed with a key that is not the current one. */
export function isSealedWithOldKey(cipher: TotpSecretCipher, sealed: string): boolean {
  return cipher.currentKeyId !== undefined && sealingKeyId(sealed) !== cipher.currentKeyId;
}
