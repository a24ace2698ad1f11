/** The promises of a `TotpSecretCipher`, as tests for an application's own cipher. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { toBase32 } from '../otp/secret.js';
import {
  type DeviceBinding,
  type RecoveryBinding,
  sealSecret,
  type SecretBinding,
  type TotpSecretCipher,
} from '../secrets/secret-cipher.js';
import { sealingKeyId } from '../secrets/key-ids.js';
import { TotpSecretError } from '../shared/errors.js';
import type { ContractTest } from './contract.js';

const DEVICE: DeviceBinding = {
  purpose: 'device',
  userId: 'user',
  deviceId: 'name-1',
  algorithm: 'SHA1',
  digits: 6,
  period: 30,
  skew: 1,
};
const CODES: RecoveryBinding = { purpose: 'recovery-codes', userId: 'ann', setId: 'set-1' };

const otherBindings: readonly (readonly [string, SecretBinding, SecretBinding])[] = [
  ['another user', DEVICE, { ...DEVICE, userId: 'bob' }],
  ['another device', DEVICE, { ...DEVICE, deviceId: 'name-2' }],
  ['a user and a device that read the same', DEVICE, { ...DEVICE, userId: 'username', deviceId: '-1' }],
  ['a user id that ends the field', DEVICE, { ...DEVICE, userId: 'user","name-1', deviceId: '' }],
  ['another algorithm', DEVICE, { ...DEVICE, algorithm: 'SHA256' }],
  ['another number of digits', DEVICE, { ...DEVICE, digits: 8 }],
  ['another period', DEVICE, { ...DEVICE, period: 300 }],
  ['another skew', DEVICE, { ...DEVICE, skew: 2 }],
  ['exchanged period and skew', DEVICE, { ...DEVICE, period: 1, skew: 30 }],
  ['another user of recovery codes', CODES, { ...CODES, userId: 'bob' }],
  ['another set of recovery codes', CODES, { ...CODES, setId: 'set-2' }],
  ['another purpose', CODES, { ...CODES, purpose: 'temporary-code' }],
];

/**
 * The promises of `TotpSecretCipher`: what was sealed opens with the same binding only, and not at all when it was changed.
 *
 * @param cipher called by each test; with the key that `seal` uses
 */
export function secretCipherContract(cipher: () => TotpSecretCipher): readonly ContractTest[] {
  return [
    ...[16, 20, 64].map((length) => ({
      name: `a secret of ${String(length)} bytes opens as it was sealed`,
      run: () => opensAsSealed(cipher(), randomBytes(length), DEVICE),
    })),
    {
      name: '528 bytes of recovery codes open as they were sealed',
      run: () => opensAsSealed(cipher(), randomBytes(528), CODES),
    },
    {
      name: 'any user id can own a secret',
      run: () => opensAsSealed(cipher(), randomBytes(20), { ...DEVICE, userId: 'ä"\\\u0000📱'.repeat(1_000) }),
    },
    { name: 'what is stored does not show the secret', run: () => hidesSecret(cipher()) },
    ...otherBindings.map(([what, binding, other]) => ({
      name: `a secret does not open with ${what}`,
      run: () => refusesBinding(cipher(), binding, other),
    })),
    { name: 'a secret does not open when any character of it was changed', run: () => refusesChanges(cipher()) },
    { name: 'a secret does not open when its end is missing', run: () => refusesCuts(cipher()) },
    { name: 'the key ids are those of the keys', run: () => namesKeys(cipher()) },
  ];
}

async function opensAsSealed(cipher: TotpSecretCipher, secret: Uint8Array, binding: SecretBinding): Promise<void> {
  // Also checks the form of what was sealed.
  const sealed = await sealSecret(cipher, secret, binding);
  assert.deepEqual(Uint8Array.from(await cipher.open(sealed, binding)), Uint8Array.from(secret));
}

async function hidesSecret(cipher: TotpSecretCipher): Promise<void> {
  const secret = randomBytes(20);
  const sealed = await cipher.seal(secret, DEVICE);
  const forms = [...(['hex', 'base64', 'base64url', 'latin1'] as const).map((form) => secret.toString(form))];
  for (const form of [...forms, toBase32(secret)]) {
    assert.ok(!sealed.toLowerCase().includes(form.toLowerCase()), 'the sealed text contains the secret');
  }
}

async function refusesBinding(cipher: TotpSecretCipher, binding: SecretBinding, other: SecretBinding): Promise<void> {
  const sealed = await cipher.seal(randomBytes(20), binding);
  await assert.rejects(async () => cipher.open(sealed, other), TotpSecretError);
}

async function refusesChanges(cipher: TotpSecretCipher): Promise<void> {
  const secret = randomBytes(20);
  const sealed = await cipher.seal(secret, DEVICE);
  for (let at = 0; at < sealed.length; at++) {
    // In Base64 the last letters may differ in bits that are not used, and hexadecimal digits may be capitals: any other secret is a fault.
    const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
    const opened = await opens(cipher, changed);
    if (opened !== undefined) assert.deepEqual(Uint8Array.from(opened), Uint8Array.from(secret));
  }
}

async function refusesCuts(cipher: TotpSecretCipher): Promise<void> {
  const sealed = await cipher.seal(randomBytes(20), DEVICE);
  for (const length of [0, 1, sealed.indexOf(':') + 1, sealed.length >> 1, sealed.length - 4]) {
    assert.equal(await opens(cipher, sealed.slice(0, length)), undefined);
  }
}

/** Undefined when it does not: a key service may have an error of its own for what it did not wrap. */
function opens(cipher: TotpSecretCipher, sealed: string): Promise<Uint8Array | undefined> {
  return cipher.open(sealed, DEVICE).catch(() => undefined);
}

async function namesKeys(cipher: TotpSecretCipher): Promise<void> {
  const sealed = await cipher.seal(randomBytes(20), DEVICE);
  const { currentKeyId, keyIds } = cipher;
  if (currentKeyId !== undefined) assert.equal(sealingKeyId(sealed), currentKeyId);
  if (keyIds !== undefined) assert.ok(keyIds.includes(sealingKeyId(sealed) ?? ''), 'keyIds has the id of the key');
  for (const lost of cipher.lostKeyIds) assert.ok(keyIds?.includes(lost), 'keyIds has the lost keys too');
}
