import { randomBytes } from 'node:crypto';
import { TotpSecretError } from '../shared/errors.js';
import { PlainTextSecretCipher } from './plain-text-cipher.js';

const cipher = new PlainTextSecretCipher();

describe('secrets in plain text', () => {
  it.each([16, 20, 64])('of %i bytes come back as they were', async (length) => {
    const secret = randomBytes(length);
    const sealed = await cipher.seal(secret);
    expect(sealed).toMatch(/^[ -~]{1,1000}$/);
    expect(Buffer.from(await cipher.open(sealed))).toEqual(secret);
  });

  it('L8, S4: are not made of what another cipher sealed; the fault tells nothing of it', async () => {
    const opening = cipher.open('sealed:abcdef');
    await expect(opening).rejects.toThrow(TotpSecretError);
    await expect(opening).rejects.toMatchObject({
      code: 'TOTP_SECRET',
      message: expect.not.stringContaining('abcdef'),
    });
  });
});
