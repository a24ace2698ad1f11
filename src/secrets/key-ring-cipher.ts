import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { sealingKeyId } from './key-ids.js';
import { TotpSecretError } from '../shared/errors.js';
import type { KeyRing } from './key-ring.js';
import { PLAIN_TEXT, readPlainText } from './plain-text-cipher.js';
import { type SecretOwner, TotpSecretCipher } from './secret-cipher.js';

/** The form of what stands after the key's id, so that there can be another one some day. */
const VERSION = 'v1';
/** A random nonce of 96 bits is good for 2^32 secrets under one key (NIST SP 800-38D §8.3). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals secrets with AES-256-GCM (NIST SP 800-38D) under the keys of a ring.
 *
 * A sealed text is `<key id>:v1.<nonce, ciphertext and tag in base64url>`. Version, key id, user id and device id are
 * authenticated with it, so a text that was changed, cut short, or copied to another user or device does not open.
 */
export class KeyRingSecretCipher extends TotpSecretCipher {
  override readonly currentKeyId: string;
  override readonly keyIds: readonly string[];
  override readonly lostKeyIds: readonly string[];

  constructor(private readonly ring: KeyRing) {
    super();
    this.currentKeyId = ring.current;
    this.lostKeyIds = [...ring.keys].filter(([, key]) => key === null).map(([id]) => id);
    this.keyIds = [...ring.keys.keys(), ...(ring.acceptPlainText ? [PLAIN_TEXT] : [])];
  }

  override seal(secret: Uint8Array, owner: SecretOwner): Promise<string> {
    const keyId = this.currentKeyId;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key(keyId), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(boundTo(keyId, owner));
    const sealed = Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    return Promise.resolve(`${keyId}:${VERSION}.${sealed.toString('base64url')}`);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws becomes a rejection
  override async open(sealed: string, owner: SecretOwner): Promise<Uint8Array> {
    const plain = readPlainText(sealed);
    if (plain !== undefined) return this.acceptPlainText(plain);

    const keyId = sealingKeyId(sealed) ?? fail('is not of this module');
    const key = this.key(keyId);
    const bytes = readPayload(sealed.slice(keyId.length + 1));
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(boundTo(keyId, owner));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch {
      return fail(
        `does not open with the key ${JSON.stringify(keyId)}: it was changed, or it belongs to another user or device, ` +
          'or the key is another one than it was',
      );
    }
  }

  private key(keyId: string) {
    const key = this.ring.keys.get(keyId);
    if (key === undefined) return fail(`is sealed with the key ${JSON.stringify(keyId)}, which is not in secrets.keys`);
    return key ?? fail(`is sealed with the key ${JSON.stringify(keyId)}, which is lost: its owner has to enrol anew`);
  }

  private acceptPlainText(secret: Uint8Array): Uint8Array {
    if (this.ring.acceptPlainText) return secret;
    return fail(
      'is in plain text: write secrets: { …, acceptPlainText: true } until "npx nestjs-totp rotate-keys" is done',
    );
  }
}

/** JSON keeps the parts apart, whatever they contain. */
function boundTo(keyId: string, { userId, deviceId }: SecretOwner): Buffer {
  return Buffer.from(JSON.stringify(['nestjs-totp', VERSION, keyId, userId, deviceId]));
}

function readPayload(payload: string): Buffer {
  const [version, text = ''] = payload.split('.', 2);
  const bytes = Buffer.from(text, 'base64url');
  // Node skips what is not Base64, and bits at the end that mean nothing: then it is not what was stored.
  const isIntact = payload === `${VERSION}.${bytes.toString('base64url')}`;
  if (version !== VERSION || !isIntact || bytes.length < NONCE_BYTES + TAG_BYTES) return fail('was damaged');
  return bytes;
}

function fail(problem: string): never {
  throw new TotpSecretError(`A stored secret ${problem}.`);
}
