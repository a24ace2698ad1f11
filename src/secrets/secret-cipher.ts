/** How secrets are kept: sealed text in the database, bytes while a code is compared. */

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
  /** @returns the text to store: at most 1,000 characters of ASCII */
  abstract seal(secret: Uint8Array, owner: SecretOwner): Promise<string>;

  /**
   * @param sealed what `seal` returned
   * @throws TotpSecretError when the text was not sealed for this owner, or its key is not there
   */
  abstract open(sealed: string, owner: SecretOwner): Promise<Uint8Array>;
}
