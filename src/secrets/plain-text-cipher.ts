import { Injectable } from '@nestjs/common';
import { TotpSecretError } from '../totp.errors.js';
import { TotpSecretCipher } from './secret-cipher.js';

const PREFIX = 'plain:';

/** Keeps secrets as they are: whoever reads the database has everybody's second factor. For tests and first steps. */
@Injectable()
export class PlainTextSecretCipher extends TotpSecretCipher {
  override seal(secret: Uint8Array): Promise<string> {
    return Promise.resolve(PREFIX + Buffer.from(secret).toString('base64'));
  }

  override open(sealed: string): Promise<Uint8Array> {
    if (!sealed.startsWith(PREFIX)) {
      return Promise.reject(
        new TotpSecretError('A stored secret is sealed, but the module is set up for plain text: provide its cipher.'),
      );
    }
    return Promise.resolve(Buffer.from(sealed.slice(PREFIX.length), 'base64'));
  }
}
