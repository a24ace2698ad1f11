/** The promises of a `TotpAccountStore`, kept by the database's and by the one for tests alike. */
import { type TotpAccountStore, TotpDamagedAccountError } from 'nestjs-totp';
import { accountStoreContract, InMemoryTotpAccountStore } from 'nestjs-totp/testing';
import { databases, type TestDatabase } from '../support/databases.js';
import { embeddedEngines } from '../support/embedded-engines.js';
import { recipeOver } from '../support/recipe.js';
import { useTables } from './tables.js';

const stores = [
  ...[...databases, ...embeddedEngines].map(({ name, open }) => ({ name, useStore: () => useStoreOn(open) })),
  { name: 'memory', useStore: useMemory },
];

function useStoreOn(open: TestDatabase['open']): () => TotpAccountStore {
  const tables = useTables(open);
  return () => tables().store;
}

function useMemory(): () => TotpAccountStore {
  const store = new InMemoryTotpAccountStore();
  return () => store;
}

describe.each(stores)('the account store on $name', ({ name, useStore }) => {
  const store = useStore();

  it.each(accountStoreContract(store))('$name', ({ run }) => run());

  it('M5: user ids that differ in case, in white space or in how a letter is written are different users', async () => {
    const [contract] = accountStoreContract(store).filter(({ name }) =>
      name.startsWith('user ids that differ in a byte'),
    );
    await expect(contract?.run()).resolves.toBeUndefined();
  });

  it('has the clock of its database', async () => {
    const now = await store().now();
    if (name === 'memory') expect(now).toBeUndefined();
    else expect(Math.abs(Number(now) - Date.now())).toBeLessThan(60_000);
  });
});

describe.each(databases)('an account on $name that can no longer be read', ({ open }) => {
  const tables = useTables(open);

  it('is erased by removeUser, and not by a revision that it does not have', async () => {
    const { store, own } = tables();
    const { totp } = recipeOver({ store });
    await totp.importDevice({ userId: 'ann', secretKey: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' });
    await own.query("UPDATE totp_accounts SET devices = 'damaged'");
    await expect(totp.listDevices({ userId: 'ann' })).rejects.toThrow(TotpDamagedAccountError);
    expect(await store.commit('ann', 'another revision', 'erased')).toBe(false);
    expect(await totp.removeUser({ userId: 'ann' })).toEqual({ status: 'OK', didUserExist: true });
    expect(await totp.listDevices({ userId: 'ann' })).toEqual({ status: 'OK', devices: [] });
  });
});
