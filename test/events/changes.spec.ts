/** No account changes without an event: every function of the recipe, and the import of other products' devices. */
import { type Account, type AccountChange, type AnyTotpEvent, type TotpService } from 'nestjs-totp';
import { importForeignDevices } from 'nestjs-totp-cli';
import { InMemoryTotpAccountStore, TestTotpClock, totpCode, TotpEventRecorder } from 'nestjs-totp/testing';
import { recipeOver } from '../support/recipe.js';

const userId = 'ann';
const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const recoveryCode = 'aBcDeFgHiJkLmNoPqRsT';
const phone = { userId, deviceName: 'phone', onBehalfOf: 'application' as const };
const foreign = {
  source: 'line 2',
  userId,
  account: undefined,
  issuer: undefined,
  deviceName: 'foreign',
  secret: new Uint8Array(20).fill(7),
  algorithm: 'SHA1' as const,
  digits: 6 as const,
  period: 30,
  skew: 1,
};

/** Remembers which events are committed together with which changes. */
class WatchedStore extends InMemoryTotpAccountStore {
  readonly commits: { readonly changes: readonly AccountChange[]; readonly events: readonly AnyTotpEvent[] }[] = [];

  override commit(
    user: string,
    revision: string | null,
    account: Account | 'erased',
    events: readonly AnyTotpEvent[] = [],
  ): Promise<boolean> {
    return this.commitAll([{ userId: user, revision, account }], events);
  }

  override async commitAll(changes: readonly AccountChange[], events: readonly AnyTotpEvent[] = []): Promise<boolean> {
    const isWritten = await super.commitAll(changes);
    if (isWritten) this.commits.push({ changes, events });
    return isWritten;
  }
}

type Call = (totp: TotpService, clock: TestTotpClock) => Promise<unknown>;
const now = (clock: TestTotpClock, steps = 0) => totpCode(secretKey, clock.now() + steps * 30_000);
const created: Call = (totp) => totp.createDevice({ userId, deviceName: 'new', onBehalfOf: 'application' });
const enrolled: Call = async (totp) => {
  const made = await totp.createDevice({ userId, deviceName: 'new', onBehalfOf: 'application' });
  const secret = made.status === 'OK' ? made.secret : '';
  await totp.verifyDevice({
    userId,
    deviceName: 'new',
    totp: totpCode(secret, new TestTotpClock().now()),
    onBehalfOf: 'application',
  });
};

/** Calls of each function that change the account in each way that it can; each begins with a phone and a wrong code. */
const CALLS: Readonly<Record<string, readonly Call[]>> = {
  createDevice: [created, (totp) => created(totp, new TestTotpClock()).then(() => created(totp, new TestTotpClock()))],
  updateDevice: [
    (totp) =>
      totp.updateDevice({ userId, existingDeviceName: 'phone', newDeviceName: 'tablet', onBehalfOf: 'application' }),
  ],
  listDevices: [(totp) => totp.listDevices({ userId })],
  removeDevice: [(totp) => totp.removeDevice(phone)],
  verifyDevice: [
    enrolled,
    (totp, clock) =>
      created(totp, clock).then(() =>
        totp.verifyDevice({ userId, deviceName: 'new', totp: 'x', onBehalfOf: 'application' }),
      ),
  ],
  verifyTOTP: [
    (totp, clock) => totp.verifyTOTP({ userId, totp: now(clock) }),
    (totp, clock) =>
      totp.verifyTOTP({ userId, totp: now(clock) }).then(() => totp.verifyTOTP({ userId, totp: now(clock) })),
    async (totp, clock) => {
      for (let n = 0; n < 5; n++) await totp.verifyTOTP({ userId, totp: 'x' });
      clock.advance(3_600);
      await totp.verifyTOTP({ userId, totp: now(clock) });
    },
  ],
  getUserIdentifierInfoForUserId: [(totp) => totp.getUserIdentifierInfoForUserId({ userId })],
  importDevice: [(totp) => totp.importDevice({ userId, secretKey: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' })],
  importDevices: [
    (totp) => totp.importDevices({ devices: [{ userId, secretKey: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' }] }),
  ],
  unlockUser: [(totp) => totp.unlockUser({ userId })],
  getStatus: [(totp) => totp.getStatus({ userId })],
  getStatuses: [(totp) => totp.getStatuses({ userIds: [userId] })],
  removeUser: [(totp) => totp.removeUser({ userId })],
  createRecoveryCodes: [(totp) => totp.createRecoveryCodes({ userId, onBehalfOf: 'application' })],
  importRecoveryCodes: [(totp) => totp.importRecoveryCodes({ userId, recoveryCodes: [recoveryCode] })],
  verifyRecoveryCode: [
    (totp) => totp.verifyRecoveryCode({ userId, recoveryCode: 'x' }),
    async (totp) => {
      await totp.importRecoveryCodes({ userId, recoveryCodes: [recoveryCode] });
      await totp.verifyRecoveryCode({ userId, recoveryCode, trustBrowser: {} });
    },
  ],
  getRecoveryCodes: [(totp) => totp.getRecoveryCodes({ userId })],
  createTemporaryCode: [(totp) => totp.createTemporaryCode({ userId })],
  forgetTrustedBrowsers: [
    async (totp, clock) => {
      await totp.verifyTOTP({ userId, totp: now(clock), trustBrowser: {} });
      await totp.forgetTrustedBrowsers({ userId, onBehalfOf: 'application' });
    },
  ],
  listTrustedBrowsers: [(totp) => totp.listTrustedBrowsers({ userId })],
  // That a browser was used is noted once a day, and is no event.
  verifyTrustedBrowser: [(totp) => totp.verifyTrustedBrowser({ userId, trustToken: 'x' })],
  importForeignDevices: [(totp) => importForeignDevices(totp, { devices: [foreign], refused: [] })],
};
const READS = [
  'getStatus',
  'getStatuses',
  'getUserIdentifierInfoForUserId',
  'listDevices',
  'getRecoveryCodes',
  'listTrustedBrowsers',
  'verifyTrustedBrowser',
];

async function setUp() {
  const [store, publisher, clock] = [new WatchedStore(), new TotpEventRecorder(), new TestTotpClock()];
  let functions: string[] = [];
  const { totp } = recipeOver({
    store,
    publisher,
    clock,
    events: { outbox: true, codeEvents: true },
    trustedBrowsers: {},
    override: {
      functions: (original) => {
        functions = Object.keys(original);
        return original;
      },
    },
  });
  await totp.importDevice({ ...phone, secretKey });
  await totp.verifyTOTP({ userId, totp: 'x' });
  store.commits.length = 0;
  publisher.clear();
  return { store, publisher, clock, totp, functions };
}

it('there is a call for every function of the recipe', async () => {
  const { functions } = await setUp();
  expect(Object.keys(CALLS).toSorted()).toEqual([...functions, 'importForeignDevices'].toSorted());
});

it.each(Object.entries(CALLS).flatMap(([name, calls]) => calls.map((call, n) => [name, n, call] as const)))(
  '%s (call %i) commits every change together with its events, and publishes the same events',
  async (name, _, call) => {
    const { store, publisher, clock, totp } = await setUp();
    await call(totp, clock);
    expect(store.commits.length > 0).toBe(!READS.includes(name));
    for (const { changes, events } of store.commits) {
      expect(events.length).toBeGreaterThan(0);
      expect(new Set(events.map((event) => event.userId))).toEqual(new Set(changes.map((change) => change.userId)));
    }
    expect(publisher.events).toEqual(store.commits.flatMap(({ events }) => events));
  },
);
