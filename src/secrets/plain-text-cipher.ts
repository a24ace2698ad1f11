/** Keeps secrets without encryption, for tests and first steps. */
import { Injectable } from '@nestjs/common';
import { TotpSecretError } from '../shared/errors.js';
import { TotpSecretCipher } from './secret-cipher.js';

/** Stored before a secret in plain text, in place of a key's id. */
export const PLAIN_TEXT = 'plain';

/**
 * Keeps secrets as they are: anyone who reads the database has every user's second factor. For tests and first steps.
 *
 * It authenticates nothing: anyone who can write to the database can change the secret and the settings of a device, and copy
 * a device to another user.
 */
@Injectable()
export class PlainTextSecretCipher extends TotpSecretCipher {
  override readonly keyIds = [PLAIN_TEXT];

  override seal(secret: Uint8Array): Promise<string> {
    return Promise.resolve(`${PLAIN_TEXT}:${Buffer.from(secret).toString('base64')}`);
  }

  override async open(sealed: string): Promise<Uint8Array> {
    const secret = readPlainText(sealed);
    if (secret !== undefined) return Promise.resolve(secret);
    throw new TotpSecretError(
      'A stored secret is encrypted, but the module is configured for plain text: write its keys in the option secrets.',
    );
  }
}

/** A secret that is stored in plain text; undefined when it is sealed. */
export function readPlainText(sealed: string): Uint8Array | undefined {
  if (!sealed.startsWith(`${PLAIN_TEXT}:`)) return undefined;
  return Buffer.from(sealed.slice(PLAIN_TEXT.length + 1), 'base64');
}
