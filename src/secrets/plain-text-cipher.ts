import { Injectable } from '@nestjs/common';
import { TotpSecretError } from '../shared/errors.js';
import { TotpSecretCipher } from './secret-cipher.js';

/** What stands in the place of a key's id before a secret in plain text. */
export const PLAIN_TEXT = 'plain';

/** Keeps secrets as they are: whoever reads the database has everybody's second factor. For tests and first steps. */
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
      'A stored secret is sealed, but the module is set up for plain text: provide its cipher.',
    );
  }
}

/** The secret of a text in plain text; undefined when it is sealed. */
export function readPlainText(sealed: string): Uint8Array | undefined {
  if (!sealed.startsWith(`${PLAIN_TEXT}:`)) return undefined;
  return Buffer.from(sealed.slice(PLAIN_TEXT.length + 1), 'base64');
}
