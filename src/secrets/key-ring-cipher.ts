/** The default cipher: AES-256-GCM under the keys of a ring. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { sealingKeyId } from './key-ids.js';
import { TotpSecretError } from '../shared/errors.js';
import { type KeyRing, readKeyRing, type TotpSealingKeys } from './key-ring.js';
import { PLAIN_TEXT, readPlainText } from './plain-text-cipher.js';
import { associatedData, type SecretBinding, TotpSecretCipher } from './secret-cipher.js';

/** The version of the format that follows the key's id. */
const VERSION = 'v1';
/** With random nonces of 96 bits, one key may seal 2^32 secrets (NIST SP 800-38D §8.3). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals secrets with AES-256-GCM (NIST SP 800-38D) under the keys of a ring.
 *
 * A sealed secret is `<key id>:v1.<nonce, ciphertext and tag in base64url>`. Version, key id and binding are
 * authenticated with it. It cannot be opened if it was changed, truncated or copied to another user or device, or if the
 * settings of its device were changed.
 *
 * @example
 * new KeyRingSecretCipher({ keys: { '2026-11': process.env.TOTP_KEY }, current: '2026-11' })
 */
export class KeyRingSecretCipher extends TotpSecretCipher {
  override readonly currentKeyId: string;
  override readonly keyIds: readonly string[];
  override readonly lostKeyIds: readonly string[];

  private readonly ring: KeyRing;

  /** @throws TotpConfigurationError when a key is missing or weak; the message says what to write */
  constructor(keys: TotpSealingKeys | KeyRing) {
    super();
    const ring = readKeyRing(keys);
    this.ring = ring;
    this.currentKeyId = ring.current;
    this.lostKeyIds = [...ring.keys].filter(([, key]) => key === null).map(([id]) => id);
    this.keyIds = [...ring.keys.keys(), ...(ring.acceptPlainText ? [PLAIN_TEXT] : [])];
  }

  override seal(secret: Uint8Array, binding: SecretBinding): Promise<string> {
    const keyId = this.currentKeyId;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key(keyId), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(authenticated(keyId, binding));
    const sealed = Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    return Promise.resolve(`${keyId}:${VERSION}.${sealed.toString('base64url')}`);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws must become a rejection
  override async open(sealed: string, binding: SecretBinding): Promise<Uint8Array> {
    const plain = readPlainText(sealed);
    if (plain !== undefined) return this.acceptPlainText(plain);

    const keyId = sealingKeyId(sealed) ?? fail('was not written by this module');
    const key = this.key(keyId);
    const bytes = readPayload(sealed.slice(keyId.length + 1));
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(authenticated(keyId, binding));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch {
      return fail(
        `cannot be decrypted with the key ${JSON.stringify(keyId)}: it was changed, it belongs to another user or device, ` +
          'the settings of its device were changed, or the value of this key has changed',
      );
    }
  }

  private key(keyId: string) {
    const key = this.ring.keys.get(keyId);
    if (key === undefined)
      return fail(`is encrypted with the key ${JSON.stringify(keyId)}, which is not in secrets.keys`);
    return (
      key ?? fail(`is encrypted with the key ${JSON.stringify(keyId)}, which is lost: its owner has to enrol again`)
    );
  }

  private acceptPlainText(secret: Uint8Array): Uint8Array {
    if (this.ring.acceptPlainText) return secret;
    return fail(
      'is in plain text: write secrets: { …, acceptPlainText: true } until "npx nestjs-totp-cli rotate-keys" is done',
    );
  }
}

/** Neither the version nor the id of a key contains a colon. */
function authenticated(keyId: string, binding: SecretBinding): Buffer {
  return Buffer.concat([Buffer.from(`nestjs-totp:${VERSION}:${keyId}:`), associatedData(binding)]);
}

function readPayload(payload: string): Buffer {
  const [version, text = ''] = payload.split('.', 2);
  const bytes = Buffer.from(text, 'base64url');
  // Node.js ignores invalid characters and unused trailing bits, so the bytes are encoded again and compared.
  const isIntact = payload === `${VERSION}.${bytes.toString('base64url')}`;
  if (version !== VERSION || !isIntact || bytes.length < NONCE_BYTES + TAG_BYTES) return fail('was damaged');
  return bytes;
}

function fail(problem: string): never {
  throw new TotpSecretError(`A stored secret ${problem}.`);
}
