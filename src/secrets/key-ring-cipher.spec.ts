/** S1: secrets are sealed with an AEAD, under a named key, for one device of one user. */
import { createDecipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { TotpSecretError } from '../shared/errors.js';
import { readKeyRing, type TotpSealingKeys } from './key-ring.js';
import type { SecretBinding } from './secret-cipher.js';
import { KeyRingSecretCipher } from './key-ring-cipher.js';
import { PlainTextSecretCipher } from './plain-text-cipher.js';

const [oldKey, newKey] = [randomBytes(32), randomBytes(32)].map((key) => key.toString('base64')) as [string, string];
const settings = { purpose: 'device', algorithm: 'SHA1', digits: 6, period: 30, skew: 1 } as const;
const ann: SecretBinding = { userId: 'ann', deviceId: 'd1', ...settings };
const secret = randomBytes(20);

const cipherWith = (option: TotpSealingKeys) => new KeyRingSecretCipher(option);
const cipher = cipherWith({ keys: { new: newKey, old: oldKey }, current: 'new' });

/** The error of a text that must not open; it must tell nothing of the secret. */
async function refusal(sealed: string, owner = ann, by = cipher): Promise<string> {
  const error = await by.open(sealed, owner).then(
    () => new Error('It opened.'),
    (failure: unknown) => failure,
  );
  if (!(error instanceof TotpSecretError)) throw error as Error;
  expect(error.code).toBe('TOTP_SECRET');
  for (const form of ['base64', 'hex', 'latin1'] as const) expect(error.message).not.toContain(secret.toString(form));
  return error.message;
}

describe('a sealed secret', () => {
  it('opens for its owner, whatever the secret and the owner are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 16, maxLength: 64 }),
        fc.string({ unit: 'binary', minLength: 1 }),
        fc.uuid(),
        async (bytes, userId, deviceId) => {
          const sealed = await cipher.seal(bytes, { userId, deviceId, ...settings });
          expect(sealed).toMatch(/^new:v1\.[\w-]{56,124}$/);
          expect(Uint8Array.from(await cipher.open(sealed, { userId, deviceId, ...settings }))).toEqual(bytes);
        },
      ),
    );
  });

  it('S1: is AES-256-GCM with a nonce of 96 bits, a tag of 128, and version, key, user, device and settings authenticated', async () => {
    const sealed = await cipher.seal(secret, ann);
    const bytes = Buffer.from(sealed.split('.')[1] ?? '', 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(newKey, 'base64'), bytes.subarray(0, 12));
    const authenticated = 'nestjs-totp:v1:new:["device","ann","d1","SHA1",6,30,1]';
    decipher.setAAD(Buffer.from(authenticated)).setAuthTag(bytes.subarray(-16));
    expect(Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])).toEqual(secret);
  });

  it('never looks the same twice', async () => {
    const sealed = await Promise.all(Array.from({ length: 1000 }, () => cipher.seal(secret, ann)));
    const nonces = sealed.map((text) =>
      Buffer.from(text.split('.')[1] ?? '', 'base64url')
        .toString('hex')
        .slice(0, 24),
    );
    expect(new Set(nonces).size).toBe(1000);
  });

  it.each([
    ['for another user', { userId: 'bob' }],
    ['for another device', { deviceId: 'd2' }],
    ['for a user and device whose concatenation is the same', { userId: 'an', deviceId: 'nd1' }],
    ['for a user whose id contains the quotes', { userId: 'ann","d1', deviceId: '' }],
    ['with another algorithm', { algorithm: 'SHA256' }],
    ['with another number of digits', { digits: 8 }],
    ['with another period', { period: 300 }],
    ['with another skew', { skew: 2 }],
    ['with period and skew exchanged', { period: 1, skew: 30 }],
  ] as const)('does not open %s', async (_, changed) => {
    const message = await refusal(await cipher.seal(secret, ann), { ...ann, ...changed });
    expect(message).toContain('another user or device, the settings of its device were changed');
  });

  it('S1: does not open when any one character of it was changed, or any of its end is missing', async () => {
    const sealed = await cipher.seal(secret, ann);
    for (let at = 0; at < sealed.length; at++) {
      await refusal(sealed.slice(0, at));
      for (const character of ['A', 'B', '-', '_', '=', '.', ':', ' ', 'é']) {
        if (sealed[at] !== character) await refusal(sealed.slice(0, at) + character + sealed.slice(at + 1));
      }
    }
    for (const more of ['A', '=', '.', '\n']) await refusal(sealed + more);
  });

  it('S1: does not open when a bit of it is flipped', async () => {
    const [head = '', payload = ''] = (await cipher.seal(secret, ann)).split('.');
    for (let bit = 0; bit < 48 * 8; bit++) {
      const bytes = Buffer.from(payload, 'base64url');
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await refusal(`${head}.${bytes.toString('base64url')}`);
    }
  });

  it('does not open under the name of another key', async () => {
    const sealed = await cipher.seal(secret, ann);
    const same = cipherWith({ keys: { renamed: newKey }, current: 'renamed' });
    expect(await refusal(sealed.replace('new:', 'renamed:'), ann, same)).toContain('cannot be decrypted');
  });

  it.each(['', 'x', 'new:', 'new:v1.', 'new:v2.AAAA', 'NEW:v1.AAAA', 'new', `new:v1.${'A'.repeat(36)}`])(
    'is not %j',
    async (text) => {
      await refusal(text);
    },
  );
});

describe('a cipher', () => {
  it('checks the keys that it is given, and takes those that were checked already', async () => {
    const keys = { keys: { new: newKey }, current: 'new' };
    expect(await new KeyRingSecretCipher(readKeyRing(keys)).open(await cipher.seal(secret, ann), ann)).toEqual(secret);
    expect(() => new KeyRingSecretCipher({ keys: { new: 'hunter2' }, current: 'new' })).toThrow('keys generate');
    const unchecked: object = { keys: new Map([['new', 'a passphrase of 32 characters...']]), current: 'new' };
    expect(() => new KeyRingSecretCipher(unchecked as TotpSealingKeys)).toThrow('has no key for current');
  });
});

describe('keys', () => {
  it('S2: an older one still opens what it sealed; the current one seals', async () => {
    const before = cipherWith({ keys: { old: oldKey }, current: 'old' });
    const sealed = await before.seal(secret, ann);
    expect(await cipher.open(sealed, ann)).toEqual(secret);
    expect(await cipher.seal(secret, ann)).toMatch(/^new:/);
    expect(cipher.currentKeyId).toBe('new');
    expect(cipher.keyIds).toEqual(['new', 'old']);
  });

  it('that are not there, or lost, are named', async () => {
    const sealed = await cipher.seal(secret, ann);
    const without = cipherWith({ keys: { old: oldKey }, current: 'old' });
    expect(await refusal(sealed, ann, without)).toContain('"new", which is not in secrets.keys');
    const lost = cipherWith({ keys: { old: oldKey, new: 'lost' }, current: 'old' });
    expect(await refusal(sealed, ann, lost)).toContain('"new", which is lost');
    expect(lost.keyIds).toEqual(['old', 'new']);
    expect(lost.lostKeyIds).toEqual(['new']);
  });

  it('plain text is taken only while the application moves away from it', async () => {
    const plain = await new PlainTextSecretCipher().seal(secret);
    expect(await refusal(plain)).toContain('acceptPlainText: true');
    const moving = cipherWith({ keys: { new: newKey }, current: 'new', acceptPlainText: true });
    expect(await moving.open(plain, ann)).toEqual(secret);
    expect(moving.keyIds).toEqual(['new', 'plain']);
    expect(await new PlainTextSecretCipher().open(await moving.seal(secret, ann)).catch(String)).toContain(
      'is encrypted',
    );
  });
});
