/** Codes and sealed secrets by `node:crypto` alone, written without a look at the module's own, so that each checks the other. */
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto';

export const PERIOD_MS = 30_000;
export const KEY_ID = 'bench';

/** Everything is made up here: nothing that this key seals is a secret. */
export const KEY = createHash('sha256').update('nestjs-totp bench').digest();
const key = createSecretKey(KEY);

/** The secret of everybody's n-th device: one code is then right for all users, so that callers spend no time on codes. */
const SECRETS = Array.from({ length: 10 }, (_, n) => createHash('sha1').update(`device ${n}`).digest());

/** @param {number} device which of the user's devices, from 0 */
export function secretOf(device) {
  return SECRETS[device];
}

/** The code of a step (RFC 4226 §5.3) as ASCII. */
export function codeOfStep(secret, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const hash = createHmac('sha1', secret).update(counter).digest();
  const number = hash.readUInt32BE(hash[hash.length - 1] & 0xf) & 0x7fffffff;
  return Buffer.from(String(number % 1_000_000).padStart(6, '0'), 'latin1');
}

/** The code that the user's first device shows at `now` (epoch ms). */
export function rightCode(now) {
  return codeOfStep(SECRETS[0], Math.floor(now / PERIOD_MS)).toString();
}

/** Six digits that no device shows at `now`, nor a step before or after. */
export function wrongCode(now) {
  const step = Math.floor(now / PERIOD_MS);
  const right = SECRETS.flatMap((secret) => [-1, 0, 1].map((offset) => codeOfStep(secret, step + offset).toString()));
  for (let n = 0; ; n++) {
    const code = String(n).padStart(6, '0');
    if (!right.includes(code)) return code;
  }
}

/** What the module stores of a secret: sealed under `KEY` and bound to its device, as `KeyRingSecretCipher` does, or plain. */
export function storedSecret(secret, { sealed, userId, device }) {
  if (!sealed) return `plain:${secret.toString('base64')}`;
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associatedData(userId, device));
  const bytes = Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  return `${KEY_ID}:v1.${bytes.toString('base64url')}`;
}

/** The secret of a device of which `storedSecret` made `sealedSecret`. */
export function openSecret(userId, device) {
  const { sealedSecret: stored } = device;
  if (stored.startsWith('plain:')) return Buffer.from(stored.slice('plain:'.length), 'base64');
  const bytes = Buffer.from(stored.slice(`${KEY_ID}:v1.`.length), 'base64url');
  const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 });
  cipher.setAAD(associatedData(userId, device)).setAuthTag(bytes.subarray(-16));
  return Buffer.concat([cipher.update(bytes.subarray(12, -16)), cipher.final()]);
}

function associatedData(userId, { id, algorithm, digits, period, skew }) {
  const binding = JSON.stringify(['device', userId, id, algorithm, digits, period, skew]);
  return Buffer.from(`nestjs-totp:v1:${KEY_ID}:${binding}`);
}
