/** Key rings for tests, and users whose secrets are sealed with them. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  type Account,
  type Device,
  KeyRingSecretCipher,
  type TotpAccountStore,
  type TotpSealingKeys,
  type TotpSecretCipher,
  type TotpService,
} from 'nestjs-totp';
import { TestTotpClock } from 'nestjs-totp/testing';
import { toBase32 } from '../../src/otp/secret.js';
import { readKeyRing } from '../../src/secrets/key-ring.js';
import { recipeOver } from '../support/recipe.js';

export const newKey = () => randomBytes(32).toString('base64');

const keys = { k1: newKey(), k2: newKey(), k3: newKey() };

/** A cipher with all of the keys, or some of them. */
export function cipherUnder(current: keyof typeof keys, ids = Object.keys(keys), more: Partial<TotpSealingKeys> = {}) {
  const known = Object.fromEntries(Object.entries(keys).filter(([id]) => ids.includes(id)));
  return new KeyRingSecretCipher(readKeyRing({ keys: known, current, ...more }));
}

/** The recipe over a store and a cipher, without an application. */
export function serviceOver(
  store: TotpAccountStore,
  cipher: TotpSecretCipher,
  clock = new TestTotpClock(),
): TotpService {
  return recipeOver({ store, cipher, clock }).totp;
}

export interface Owner {
  readonly userId: string;
  /** Base32, of each device. */
  readonly secrets: readonly string[];
}

/** Users with devices, each of them sealed with the cipher at its place. */
export async function enrolUsers(
  store: TotpAccountStore,
  count: number,
  ciphers: readonly TotpSecretCipher[],
): Promise<Owner[]> {
  const owners: Owner[] = [];
  for (let n = 0; n < count; n++) {
    const userId = `user ${n} ${randomUUID()}`;
    const secrets: string[] = [];
    for (const [d, cipher] of ciphers.entries()) {
      // Made of its number: a random one may have the same code twice in a row.
      const secretKey = toBase32(createHash('sha1').update(`${n} ${d}`).digest());
      secrets.push(secretKey);
      await serviceOver(store, cipher).importDevice({ userId, deviceName: `device ${d}`, secretKey });
    }
    owners.push({ userId, secrets });
  }
  return owners;
}

/** The ids of the keys that a user's secrets are under, in the order of the devices. */
export async function keysOf(store: TotpAccountStore, userId: string): Promise<(string | undefined)[]> {
  const loaded = await store.load(userId);
  return (loaded?.account.devices ?? []).map(({ sealedSecret }) => sealedSecret.split(':')[0]);
}

/** An account with one device changed, as anyone who can write to the database could. */
export function withDevice(account: Account, fields: Partial<Device>, n = 0): Account {
  return { ...account, devices: account.devices.map((device, d) => (d === n ? { ...device, ...fields } : device)) };
}

export function withSealedSecret(account: Account, sealedSecret: string, n = 0): Account {
  return withDevice(account, { sealedSecret }, n);
}
