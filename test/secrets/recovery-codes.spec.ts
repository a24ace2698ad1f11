/** S2, R1: the hashes of recovery codes are sealed, bound to their user and set, and rotated with the secrets of devices. */
import { randomBytes } from 'node:crypto';
import { KeyRingSecretCipher, TotpSecretError, type TotpSealingKeys } from 'nestjs-totp';
import { InMemoryTotpAccountStore, TestTotpClock, totpCode } from 'nestjs-totp/testing';
import { recipeOver } from '../support/recipe.js';

const userId = 'ann';
const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const [oldKey, newKey] = [randomBytes(32), randomBytes(32)].map((key) => key.toString('base64')) as [string, string];
const clock = new TestTotpClock();

function serviceWith(store: InMemoryTotpAccountStore, keys: TotpSealingKeys) {
  return recipeOver({ store, clock, cipher: new KeyRingSecretCipher(keys) });
}

/** A user whose device and recovery codes are sealed with the old key. */
async function enrolled() {
  const store = new InMemoryTotpAccountStore();
  const { totp } = serviceWith(store, { keys: { old: oldKey }, current: 'old' });
  await totp.importDevice({ userId, deviceName: 'phone', secretKey });
  const made = await totp.createRecoveryCodes({ userId, onBehalfOf: 'application' });
  const codes = made.status === 'OK' ? made.recoveryCodes : [];
  const issued = await totp.createTemporaryCode({ userId });
  const temporaryCode = issued.status === 'OK' ? issued.temporaryCode : '';
  return { store, codes, temporaryCode };
}

const both = { keys: { new: newKey, old: oldKey }, current: 'new' };
const newOnly = { keys: { new: newKey }, current: 'new' };

it('S2: key rotation re-encrypts recovery codes and temporary codes, and the old key can then be removed', async () => {
  const { store, codes, temporaryCode } = await enrolled();
  const report = await serviceWith(store, both).rotation.run();
  expect(report).toMatchObject({ failed: 0, keys: [{ keyId: 'new', users: 1, state: 'current' }] });
  const { totp } = serviceWith(store, newOnly);
  for (const [recoveryCode, recoveryCodesLeft] of [
    [codes[0] ?? '', 7],
    [temporaryCode, 7],
  ] as const) {
    expect(await totp.verifyRecoveryCode({ userId, recoveryCode })).toEqual({ status: 'OK', recoveryCodesLeft });
  }
  expect(await totp.verifyTOTP({ userId, totp: totpCode(secretKey, clock.now()) })).toEqual({ status: 'OK' });
});

it('S2: recovery codes of a user without a device are rotated too', async () => {
  const { store } = await enrolled();
  const { totp, rotation } = serviceWith(store, both);
  await totp.removeDevice({ userId, deviceName: 'phone', onBehalfOf: 'application' });
  expect(await rotation.keys()).toEqual([{ keyId: 'old', users: 1, state: 'old' }]);
  await rotation.run();
  expect(await rotation.keys()).toEqual([{ keyId: 'new', users: 1, state: 'current' }]);
});

it('a set whose key is missing is a fault, never a wrong code, and start-up finds the missing key', async () => {
  const { store, codes } = await enrolled();
  const { totp, rotation } = serviceWith(store, newOnly);
  await expect(totp.verifyRecoveryCode({ userId, recoveryCode: codes[0] ?? '' })).rejects.toThrow(TotpSecretError);
  expect(await rotation.missingKeys()).toEqual(['old']);
});

it('a temporary code helps a user whose recovery codes are under a lost key, and so does a new set', async () => {
  const { store, codes } = await enrolled();
  const { totp } = serviceWith(store, { keys: { new: newKey, old: 'lost' }, current: 'new' });
  const issued = await totp.createTemporaryCode({ userId });
  const recoveryCode = issued.status === 'OK' ? issued.temporaryCode : '';
  expect(await totp.verifyRecoveryCode({ userId, recoveryCode })).toMatchObject({ status: 'OK' });
  await expect(totp.verifyRecoveryCode({ userId, recoveryCode: codes[0] ?? '' })).rejects.toThrow(TotpSecretError);
  const renewed = await totp.createRecoveryCodes({ userId, onBehalfOf: 'application' });
  const [first = ''] = renewed.status === 'OK' ? renewed.recoveryCodes : [];
  expect(await totp.verifyRecoveryCode({ userId, recoveryCode: first })).toMatchObject({ status: 'OK' });
});

it('S1, R1: a set that is copied to another user, or takes the place of another set, is a fault', async () => {
  const { store, codes } = await enrolled();
  const { totp } = serviceWith(store, both);
  const ann = await store.load(userId);
  await totp.importDevice({ userId: 'bob', deviceName: 'phone', secretKey: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' });
  const bob = await store.load('bob');
  if (ann === null || bob === null) throw new Error('There is no account.');
  const { recoveryCodes } = ann.account;
  await store.commit('bob', bob.revision, { ...bob.account, recoveryCodes });
  await expect(totp.verifyRecoveryCode({ userId: 'bob', recoveryCode: codes[0] ?? '' })).rejects.toThrow(
    TotpSecretError,
  );

  const exchanged = recoveryCodes && { ...recoveryCodes, id: 'another set' };
  await store.commit(userId, ann.revision, { ...ann.account, recoveryCodes: exchanged });
  await expect(totp.verifyRecoveryCode({ userId, recoveryCode: codes[0] ?? '' })).rejects.toThrow(TotpSecretError);
});
