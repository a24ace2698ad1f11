import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { KeyRingSecretCipher, TotpDeviceCreatedEvent } from 'nestjs-totp';
import { readKeyRing } from '../../src/secrets/key-ring.js';
import { keyUri } from '../../src/otp/key-uri.js';
import { qrCodeImage } from '../../src/otp/qr-code.js';
import { newSecret, toBase32 } from '../../src/otp/secret.js';
import { PlainTextSecretCipher } from '../../src/secrets/plain-text-cipher.js';
import { holdsSecret, suiteLogger, takeLeaks } from './suite-log.js';

const key = randomBytes(32).toString('base64');
const secret = newSecret();
const base32 = toBase32(secret);
const uri = keyUri({ issuer: 'Acme', secret: base32, algorithm: 'SHA1', digits: 6, period: 30 });

describe('the log of the suite', () => {
  it('S4: is searched for secrets, sealed secrets, key URIs, QR codes and keys', async () => {
    const sealed = await new KeyRingSecretCipher(readKeyRing({ keys: { k1: key }, current: 'k1' })).seal(secret, {
      purpose: 'device',
      userId: 'ann',
      algorithm: 'SHA1',
      digits: 6,
      period: 30,
      skew: 1,
      deviceId: 'd1',
    });
    const plain = await new PlainTextSecretCipher().seal(secret);
    const hex = Buffer.from(secret).toString('hex');
    for (const text of [base32, hex, uri, await qrCodeImage(uri, 232), sealed, plain, key]) {
      suiteLogger.error({ inside: ['of', `"${text}"`] }, 'a message');
      suiteLogger.log(`before ${text} after`);
      expect(takeLeaks()).toHaveLength(2);
    }
  });

  it('has nothing against what applications log', () => {
    const origin = { occurredAt: 0, userId: 'ann', tenantId: 'public', sessionHandle: 'f'.repeat(64) };
    const fields = {
      algorithm: 'SHA1',
      digits: 6,
      period: 30,
      skew: 1,
      deviceId: crypto.randomUUID(),
      deviceName: 'My phone',
      imported: false,
      replaced: false,
    };
    const lines = [
      inspect(new TotpDeviceCreatedEvent(origin, fields)),
      new Error('INTERNAL_SERVER_ERROR_OF_A_LONG_NAME').stack ?? '',
      '[Nest] 4711  - LOG [RoutesResolver] TotpController {/totp}: +3ms',
      'A stored secret is encrypted with the key "2024-01", which is not in secrets.keys.',
    ];
    expect(lines.flatMap((text) => text.split('\n')).filter(holdsSecret)).toEqual([]);
  });
});
