import { randomBytes } from 'node:crypto';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { device, account, MINUTE, NOW } from '../../test/support/accounts.js';
import { recipeOver } from '../../test/support/recipe.js';
import type { Account } from '../accounts/account.js';
import { toBase32 } from '../otp/secret.js';
import { readKeyRing } from '../secrets/key-ring.js';
import { KeyRingSecretCipher } from '../secrets/key-ring-cipher.js';
import { PlainTextSecretCipher } from '../secrets/plain-text-cipher.js';
import type { TotpSecretCipher } from '../secrets/secret-cipher.js';
import { InMemoryTotpAccountStore, TestTotpClock, totpCode, TotpEventRecorder } from '../testing/index.js';
import { AnonymousUserDirectory, TotpUserDirectory, type UserIdentifierInfoAnswer } from './user-directory.js';
import {
  TotpArgumentError,
  TotpConfigurationError,
  TotpDamagedAccountError,
  TotpSecretError,
  TotpStepUpRequiredError,
  TotpStorageError,
} from '../shared/errors.js';
import type { TotpModuleOptions } from '../module/options.js';
import type { ActingSession } from '../accounts/step-up.js';
import type { CallContext } from './recipe-interface.js';
import type { TotpService } from './totp.service.js';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const userId = 'ann';
const phone = { userId, deviceName: 'phone', onBehalfOf: 'application' as const };

class CountingClock extends TestTotpClock {
  readings = 0;

  override now(): number {
    this.readings += 1;
    return super.now();
  }
}

/** Lets others be first: before a commit, what was queued happens. */
class ContendedStore extends InMemoryTotpAccountStore {
  readonly before: (() => Promise<unknown>)[] = [];
  commits = 0;
  private isContended = false;

  override async commit(user: string, revision: string | null, written: Account | 'erased'): Promise<boolean> {
    this.commits += 1;
    if (!this.isContended) {
      this.isContended = true;
      await this.before.shift()?.();
      this.isContended = false;
    }
    return super.commit(user, revision, written);
  }
}

class Directory extends TotpUserDirectory {
  readonly asked: CallContext[] = [];

  override getUserIdentifierInfo(input: CallContext): Promise<UserIdentifierInfoAnswer> {
    this.asked.push(input);
    return Promise.resolve(
      input.userId === userId ? { status: 'OK', info: 'ann@example.com' } : { status: 'UNKNOWN_USER_ID_ERROR' },
    );
  }
}

function setUp({
  directory = new AnonymousUserDirectory(),
  cipher = new PlainTextSecretCipher(),
  store = new ContendedStore(),
  ...options
}: Partial<TotpModuleOptions> & {
  readonly directory?: TotpUserDirectory;
  readonly cipher?: TotpSecretCipher;
  readonly store?: ContendedStore;
} = {}) {
  const clock = new CountingClock(NOW);
  const events = new TotpEventRecorder();
  const start = () => recipeOver({ store, cipher, clock, directory, publisher: events, ...options }).totp;
  const [totp, elsewhere] = [start(), start()];
  return {
    totp,
    clock,
    store,
    cipher,
    events,
    enrolled: () => totp.importDevice({ ...phone, secretKey: SECRET }),
    right: () => totp.verifyTOTP({ userId, totp: totpCode(SECRET, NOW) }),
    wrong: () => totp.verifyTOTP({ userId, totp: '000000' }),
    /** In another process, on the same database. */
    elsewhere: {
      totp: elsewhere,
      enrolled: () => elsewhere.importDevice({ ...phone, secretKey: SECRET }),
      right: () => elsewhere.verifyTOTP({ userId, totp: totpCode(SECRET, NOW) }),
      wrong: () => elsewhere.verifyTOTP({ userId, totp: '000000' }),
    },
  };
}

const failures = (count: number) => ({
  status: 'INVALID_TOTP_ERROR',
  currentNumberOfFailedAttempts: count,
  maxNumberOfFailedAttempts: 5,
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe('S2: a secret under an old key', () => {
  const [oldKey, newKey] = [randomBytes(32), randomBytes(32)].map((key) => key.toString('base64'));
  const ringOf = (current: 'old' | 'new') =>
    new KeyRingSecretCipher(readKeyRing({ keys: { old: oldKey ?? '', new: newKey ?? '' }, current }));

  function setUpKeys() {
    const before = setUp({ cipher: ringOf('old') });
    const after = setUp({ cipher: ringOf('new'), store: before.store });
    const sealedWith = async () => {
      const loaded = await before.store.load(userId);
      return loaded?.account.devices.map(({ sealedSecret }) => sealedSecret.split(':')[0]);
    };
    return { before, after, sealedWith };
  }

  it('S2: is re-encrypted by the write that an accepted code makes anyway', async () => {
    const { before, after, sealedWith } = setUpKeys();
    await before.enrolled();
    await before.totp.importDevice({ userId, deviceName: 'tablet', secretKey: 'KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU' });
    before.store.commits = 0;
    expect(await after.right()).toEqual({ status: 'OK' });
    expect(before.store.commits).toBe(1);
    expect(await sealedWith()).toEqual(['new', 'old']);
    after.clock.advance(30);
    expect(await after.totp.verifyTOTP({ userId, totp: totpCode(SECRET, NOW + 30_000) })).toEqual({ status: 'OK' });
  });

  it('is re-encrypted by the code that enrols its device', async () => {
    const { before, after, sealedWith } = setUpKeys();
    const made = await before.totp.createDevice(phone);
    const totp = made.status === 'OK' ? totpCode(made.qrCodeString, NOW) : '';
    expect(await after.totp.verifyDevice({ ...phone, totp, onBehalfOf: 'application' })).toEqual({
      status: 'OK',
      wasAlreadyVerified: false,
    });
    expect(await sealedWith()).toEqual(['new']);
  });

  it('stays as it is when a code is refused', async () => {
    const { before, after, sealedWith } = setUpKeys();
    await before.enrolled();
    expect(await after.wrong()).toEqual(failures(1));
    expect(await sealedWith()).toEqual(['old']);
  });

  it('still signs in when it cannot be re-encrypted, and that is logged', async () => {
    const { before, after, sealedWith } = setUpKeys();
    await before.enrolled();
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    jest.spyOn(after.cipher, 'seal').mockRejectedValue(new Error('The key service is away.'));
    expect(await after.right()).toEqual({ status: 'OK' });
    expect(await sealedWith()).toEqual(['old']);
    expect(logged).toHaveBeenCalledWith('A secret could not be re-encrypted', expect.stringContaining('key service'));
  });

  it.each(['', 'nothing of a key', 'Key1:x', 'k:', `k:${'x'.repeat(1_000)}`, 'k:é', 'k:a\nb'])(
    'is not stored as %j by a cipher of one’s own',
    async (sealed) => {
      const { totp, cipher, store } = setUp();
      jest.spyOn(cipher, 'seal').mockResolvedValue(sealed);
      await expect(totp.createDevice(phone)).rejects.toThrow('TotpSecretCipher.seal must return the id of its key');
      expect(await store.load(userId)).toBeNull();
    },
  );
});

describe('a call', () => {
  it('C3: reads the clock once, however often it has to decide again', async () => {
    const { clock, store, enrolled, elsewhere, right } = setUp();
    await enrolled();
    store.before.push(elsewhere.wrong, elsewhere.wrong);
    clock.readings = 0;
    expect(await right()).toEqual({ status: 'OK' });
    expect(clock.readings).toBe(3);
    expect(store.commits).toBe(1 + 2 + 3);
  });

  it('decides again on what others have committed meanwhile', async () => {
    const { store, enrolled, elsewhere, right } = setUp();
    await enrolled();
    store.before.push(elsewhere.right);
    expect(await right()).toEqual(failures(0));
  });

  it('is refused when others have spent the budget meanwhile', async () => {
    const { store, enrolled, elsewhere, right } = setUp();
    await enrolled();
    store.before.push(async () => {
      for (let n = 1; n <= 5; n++) expect(await elsewhere.wrong()).toEqual(failures(n));
    });
    expect(await right()).toMatchObject({ status: 'LIMIT_REACHED_ERROR', retryAfterMs: 15 * MINUTE });
  });

  it('gives up with a fault when nothing can ever be committed, and reports nothing', async () => {
    const { totp, store, events, enrolled, right } = setUp();
    await enrolled();
    events.clear();
    jest.spyOn(store, 'commit').mockResolvedValue(false);
    jest.spyOn(Math, 'random').mockReturnValue(0);
    await expect(right()).rejects.toThrow(TotpStorageError);
    jest.restoreAllMocks();
    expect(events.events).toEqual([]);
    expect(await totp.getStatus({ userId })).toMatchObject({ failures: 0 });
  });

  it.each(['load', 'commit'] as const)('L8: whose %s fails ends with that fault, and reports nothing', async (step) => {
    const { totp, store, events, enrolled, right, wrong } = setUp();
    await enrolled();
    events.clear();
    const fault = new TotpStorageError('gone');
    jest.spyOn(store, step).mockRejectedValue(fault);
    await expect(right()).rejects.toBe(fault);
    await expect(wrong()).rejects.toBe(fault);
    jest.restoreAllMocks();
    expect(events.events).toEqual([]);
    expect(await totp.getStatus({ userId })).toMatchObject({ failures: 0 });
    expect(await right()).toEqual({ status: 'OK' });
  });

  it('L8: whose secret does not open ends with that fault: nothing is accepted, refused or counted', async () => {
    const { totp, cipher, events, enrolled, right, wrong } = setUp();
    await enrolled();
    events.clear();
    const fault = new TotpSecretError('no key');
    jest.spyOn(cipher, 'open').mockRejectedValue(fault);
    await expect(right()).rejects.toBe(fault);
    await expect(wrong()).rejects.toBe(fault);
    expect(events.events).toEqual([]);
    expect(await totp.getStatus({ userId })).toMatchObject({ failures: 0 });
  });

  it('L8: that cannot seal its new secret creates nothing', async () => {
    const { totp, cipher } = setUp();
    const fault = new TotpSecretError('no key');
    jest.spyOn(cipher, 'seal').mockRejectedValue(fault);
    await expect(totp.createDevice(phone)).rejects.toBe(fault);
    expect(await totp.listDevices({ userId })).toEqual({ status: 'OK', devices: [] });
  });

  const publishers: [string, () => Promise<void>][] = [
    [
      'throws',
      () => {
        throw new Error('broker');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broker'))],
  ];

  it.each(publishers)('is answered, and the fault logged, when the publisher of events %s', async (_, publish) => {
    const { events, enrolled, right } = setUp();
    await enrolled();
    const logged = jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    Object.assign(events, { publish });
    expect(await right()).toEqual({ status: 'OK' });
    await new Promise(setImmediate);
    expect(logged.mock.calls).toEqual([
      ['TotpEventPublisher failed to publish totp.code.accepted', expect.stringContaining('broker')],
    ]);
  });

  it('takes fractions of a millisecond for the millisecond', async () => {
    const { clock, store, enrolled, wrong } = setUp();
    clock.set(NOW + 0.75);
    await enrolled();
    await wrong();
    expect((await store.load(userId))?.account).toMatchObject({
      budget: { recentFailures: [NOW] },
      devices: [{ createdAt: NOW }],
    });
  });

  it.each([NaN, Infinity, -1])('W8: is refused while the clock shows %d, and nothing is counted', async (time) => {
    const { totp, clock, enrolled, wrong } = setUp();
    await enrolled();
    clock.set(time);
    await expect(wrong()).rejects.toThrow(TotpConfigurationError);
    clock.set(NOW);
    expect(await totp.getStatus({ userId })).toMatchObject({ failures: 0 });
  });

  it('opens no secret during a lock', async () => {
    const { cipher, enrolled, right, wrong } = setUp();
    await enrolled();
    for (let n = 1; n <= 5; n++) await wrong();
    const open = jest.spyOn(cipher, 'open');
    expect(await right()).toMatchObject({ status: 'LIMIT_REACHED_ERROR' });
    expect(open).not.toHaveBeenCalled();
  });

  it.each(['', 'a\0b', 'a\uD83D', undefined, 7])('is refused for a user id that is no text (%j)', async (strange) => {
    const { totp } = setUp();
    const names = { deviceName: 'phone', existingDeviceName: 'phone', newDeviceName: 'tablet' };
    const input = { userId: strange as string, totp: '000000', ...names, onBehalfOf: 'application' as const };
    const calls = [
      () => totp.createDevice(input),
      () => totp.importDevice({ ...input, secretKey: SECRET }),
      () => totp.updateDevice(input),
      () => totp.listDevices(input),
      () => totp.removeDevice(input),
      () => totp.verifyDevice(input),
      () => totp.verifyTOTP(input),
      () => totp.unlockUser(input),
      () => totp.getStatus(input),
      () => totp.getStatuses({ userIds: [userId, input.userId] }),
      () => totp.removeUser(input),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(TotpArgumentError);
  });

  it.each([undefined, null, 123456])('is refused for a code that is no text (%j), and counts nothing', async (code) => {
    const { totp, enrolled } = setUp();
    await enrolled();
    await totp.createDevice({ userId, deviceName: 'tablet', onBehalfOf: 'application' });
    const input = { userId, totp: code as unknown as string };
    await expect(totp.verifyTOTP(input)).rejects.toThrow(TotpArgumentError);
    await expect(totp.verifyDevice({ ...input, deviceName: 'tablet', onBehalfOf: 'application' })).rejects.toThrow(
      TotpArgumentError,
    );
    expect(await totp.getStatus({ userId })).toMatchObject({ failures: 0 });
  });
});

describe('creating a device', () => {
  it('shows the secret and its key URI, with the account label of the user directory', async () => {
    const directory = new Directory();
    const { totp } = setUp({ directory });
    const userContext = { locale: 'de' };
    const made = await totp.createDevice({ userId, userContext, onBehalfOf: 'application' });
    expect(made).toEqual({
      status: 'OK',
      deviceName: 'TOTP Device 0',
      secret: expect.stringMatching(/^[A-Z2-7]{32}$/),
      qrCodeString: `otpauth://totp/Acme:ann%40example.com?secret=${'secret' in made ? made.secret : ''}&issuer=Acme&algorithm=SHA1&digits=6&period=30`,
    });
    expect(directory.asked).toEqual([{ userId, userContext }]);
    expect(directory.asked[0]?.userContext).toBe(userContext);
  });

  it('shows the name of the device in the label, when the option says so', async () => {
    const labelOf = async (directory: TotpUserDirectory) => {
      const { totp } = setUp({ directory, deviceNameInLabel: true });
      const made = await totp.createDevice({ userId, deviceName: 'Phone 2', onBehalfOf: 'application' });
      return 'qrCodeString' in made ? /totp\/([^?]*)/.exec(made.qrCodeString)?.[1] : undefined;
    };
    expect(await labelOf(new Directory())).toBe('Acme:ann%40example.com%20(Phone%202)');
    expect(await labelOf(new AnonymousUserDirectory())).toBe('Acme:Phone%202');
  });

  it('does not ask for what it is told', async () => {
    const directory = new Directory();
    const { totp } = setUp({ directory });
    const made = await totp.createDevice({ userId, userIdentifierInfo: 'Ann', onBehalfOf: 'application' });
    expect(made).toMatchObject({ qrCodeString: expect.stringContaining('/Acme:Ann?') });
    expect(directory.asked).toEqual([]);
  });

  it.each([
    { status: 'OK', info: null },
    { status: 'OK', info: 5 },
    { status: 'OK', info: '' },
    { status: 'OK', info: 'a\uD83D' },
    { status: 'OK' },
    { status: 'NO_SUCH_STATUS' },
    { info: 'ann@example.com' },
    'ann@example.com',
    null,
    undefined,
  ])('fails before anything is stored when the directory returns %j', async (answer) => {
    const directory = new Directory();
    jest.spyOn(directory, 'getUserIdentifierInfo').mockResolvedValue(answer as UserIdentifierInfoAnswer);
    const { totp, store, events } = setUp({ directory });
    const creating = totp.createDevice({ userId, onBehalfOf: 'application' });
    await expect(creating).rejects.toThrow(TotpConfigurationError);
    await expect(creating).rejects.toThrow('TotpUserDirectory.getUserIdentifierInfo did not return an answer');
    expect(await store.load(userId)).toBeNull();
    expect(events.events).toEqual([]);
  });

  it('is refused for a user whom the directory does not know', async () => {
    const { totp } = setUp({ directory: new Directory() });
    expect(await totp.createDevice({ userId: 'nobody', onBehalfOf: 'application' })).toEqual({
      status: 'UNKNOWN_USER_ID_ERROR',
    });
  });

  it('takes settings of its own, and otherwise the options', async () => {
    const { totp } = setUp({ defaultPeriod: 60, defaultSkew: 0, digits: 8, algorithm: 'SHA256' });
    const made = await totp.createDevice({ userId, deviceName: 'a', onBehalfOf: 'application' });
    await totp.createDevice({ userId, deviceName: 'b', period: 15, skew: 2, onBehalfOf: 'application' });
    expect(made).toMatchObject({ qrCodeString: expect.stringContaining('&algorithm=SHA256&digits=8&period=60') });
    const unverified = { verified: false, createdAt: NOW, verifiedAt: null, lastUsedAt: null };
    expect(await totp.listDevices({ userId })).toEqual({
      status: 'OK',
      devices: [
        { name: 'a', period: 60, skew: 0, ...unverified },
        { name: 'b', period: 15, skew: 2, ...unverified },
      ],
    });
  });

  it.each([
    ['a period too short', { period: 14 }],
    ['a period too long', { period: 301 }],
    ['half a second', { period: 30.5 }],
    ['a negative skew', { skew: -1 }],
    ['a skew too wide', { skew: 3 }],
    ['an empty name', { deviceName: '' }],
    ['a line break in a name', { deviceName: 'a\nb' }],
    ['a name too long', { deviceName: 'x'.repeat(257) }],
  ])('W1: is refused with %s', async (_, settings) => {
    const { totp } = setUp();
    await expect(totp.createDevice({ userId, ...settings, onBehalfOf: 'application' })).rejects.toThrow(
      TotpArgumentError,
    );
    await expect(totp.importDevice({ userId, secretKey: SECRET, ...settings })).rejects.toThrow(TotpArgumentError);
  });
});

describe('importing a device', () => {
  const base32 = (bytes: number) => toBase32(Buffer.alloc(bytes, 'x'));

  it.each([16, 20, 32, 64])('takes a secret of %i bytes', async (bytes) => {
    const { totp, clock } = setUp();
    const secretKey = base32(bytes);
    expect(await totp.importDevice({ ...phone, secretKey })).toEqual({ status: 'OK', deviceName: 'phone' });
    expect(await totp.verifyTOTP({ userId, totp: totpCode(secretKey, clock.now()) })).toEqual({ status: 'OK' });
  });

  it.each([
    ['that is empty', ''],
    ['that is no Base32', 'not base 32!'],
    ['of 80 bit', base32(10)],
    ['of 15 bytes', base32(15)],
    ['of 65 bytes', base32(65)],
  ])('C4, S4: refuses a secret %s, and does not repeat it', async (_, secretKey) => {
    const { totp, events } = setUp();
    const importing = totp.importDevice({ ...phone, secretKey });
    await expect(importing).rejects.toThrow(
      new TotpArgumentError('secretKey must be Base32 of 16 to 64 bytes, such as 32 letters from A–Z and 2–7'),
    );
    expect(events.events).toEqual([]);
  });

  it.each([{ algorithm: 'MD5' }, { algorithm: 'sha1' }, { digits: 7 }, { digits: '6' }])(
    'refuses %j, which no code could be made with',
    async (setting) => {
      const { totp } = setUp();
      const input = { ...phone, secretKey: SECRET, ...setting };
      await expect(Reflect.apply(totp.importDevice, totp, [input])).rejects.toThrow(TotpArgumentError);
      expect(await totp.listDevices({ userId })).toEqual({ status: 'OK', devices: [] });
    },
  );

  it('takes the settings that the secret has elsewhere', async () => {
    const { totp } = setUp();
    const settings = { algorithm: 'SHA512', digits: 8, period: 60 } as const;
    await totp.importDevice({ ...phone, secretKey: SECRET, ...settings, skew: 0 });
    expect(await totp.verifyTOTP({ userId, totp: totpCode(SECRET, NOW, settings) })).toEqual({ status: 'OK' });
  });

  it('W6: of a secret that was removed does not make its used codes good again', async () => {
    const { totp, enrolled, right } = setUp();
    await enrolled();
    expect(await right()).toEqual({ status: 'OK' });
    await totp.removeDevice(phone);
    await enrolled();
    expect(await right()).toEqual(failures(0));
    expect(await totp.verifyTOTP({ userId, totp: totpCode(SECRET, NOW + 30_000) })).toEqual({ status: 'OK' });
  });
});

describe('on behalf of a session', () => {
  const stale: ActingSession = { handle: 'session', completedAt: undefined };
  type Asking = { session: ActingSession } | { onBehalfOf: 'application' };
  const ours: Asking = { onBehalfOf: 'application' };
  const changes: [string, (totp: TotpService, asking: Asking) => Promise<object>, string][] = [
    ['createDevice', (totp, asking) => totp.createDevice({ userId, ...asking }), 'OK'],
    [
      'updateDevice',
      (totp, asking) => totp.updateDevice({ userId, existingDeviceName: 'phone', newDeviceName: 'new', ...asking }),
      'OK',
    ],
    ['removeDevice', (totp, asking) => totp.removeDevice({ userId, deviceName: 'phone', ...asking }), 'OK'],
    [
      'verifyDevice',
      (totp, asking) => totp.verifyDevice({ userId, deviceName: 'untried', totp: '000000', ...asking }),
      'INVALID_TOTP_ERROR',
    ],
  ];

  it.each(changes)('M1: %s needs a completed one, once there is a verified device', async (_, change, status) => {
    const { totp, store, enrolled } = setUp();
    await enrolled();
    await totp.createDevice({ userId, deviceName: 'untried', onBehalfOf: 'application' });
    const before = await store.load(userId);
    await expect(change(totp, { session: stale })).rejects.toThrow(TotpStepUpRequiredError);
    expect(await store.load(userId)).toEqual(before);
    expect(await change(totp, { session: { ...stale, completedAt: NOW } })).toMatchObject({ status });
  });

  it.each(changes)('M1: %s is not held up when the application itself asks', async (_, change, status) => {
    const { totp, enrolled } = setUp();
    await enrolled();
    await totp.createDevice({ userId, deviceName: 'untried', onBehalfOf: 'application' });
    expect(await change(totp, ours)).toMatchObject({ status });
  });

  it('M1: the rule is checked against the account that the change is made to', async () => {
    const { totp, store, elsewhere } = setUp();
    store.before.push(elsewhere.enrolled);
    await expect(totp.createDevice({ userId, deviceName: 'new', session: stale })).rejects.toThrow(
      TotpStepUpRequiredError,
    );
  });

  it('events carry the handle, and the tenant', async () => {
    const { totp, events, enrolled } = setUp();
    await enrolled();
    await totp.verifyTOTP({ userId, totp: totpCode(SECRET, NOW), tenantId: 'acme', session: stale });
    expect(events.events).toMatchObject([
      { name: 'totp.device.created', tenantId: 'public', sessionHandle: undefined },
      { name: 'totp.code.accepted', tenantId: 'acme', sessionHandle: 'session' },
    ]);
  });
});

describe('an issuer per tenant', () => {
  const issuer = ({ tenantId }: { tenantId: string }) => (tenantId === 'nameless' ? '' : `Acme ${tenantId}`);

  it('is in the key URI', async () => {
    const { totp } = setUp({ issuer });
    const issuers = ['public', 'north'].map(async (tenantId) => {
      const made = await totp.createDevice({ userId, tenantId, deviceName: tenantId, onBehalfOf: 'application' });
      return new URL('qrCodeString' in made ? made.qrCodeString : '').searchParams.get('issuer');
    });
    expect(await Promise.all(issuers)).toEqual(['Acme public', 'Acme north']);
  });

  it('that is no name is an error that says what to return, and creates no device', async () => {
    const { totp } = setUp({ issuer });
    await expect(totp.createDevice({ userId, tenantId: 'nameless', onBehalfOf: 'application' })).rejects.toThrow(
      'issuer({ tenantId: "nameless" }) returned an empty string. Return the name',
    );
    expect((await totp.listDevices({ userId })).devices).toEqual([]);
  });
});

it('the times of a device tell when it was added, verified and last used', async () => {
  const { totp, clock } = setUp();
  const made = await totp.createDevice({ userId, deviceName: 'phone', onBehalfOf: 'application' });
  const secret = made.status === 'OK' ? made.secret : '';
  const device = async () => (await totp.listDevices({ userId })).devices[0];
  expect(await device()).toMatchObject({ createdAt: NOW, verifiedAt: null, lastUsedAt: null });
  clock.set(NOW + MINUTE);
  await totp.verifyDevice({
    userId,
    deviceName: 'phone',
    totp: totpCode(secret, NOW + MINUTE),
    onBehalfOf: 'application',
  });
  expect(await device()).toMatchObject({ createdAt: NOW, verifiedAt: NOW + MINUTE, lastUsedAt: null });
  clock.set(NOW + 2 * MINUTE);
  await totp.verifyTOTP({ userId, totp: totpCode(secret, NOW + 2 * MINUTE) });
  expect(await device()).toMatchObject({ verifiedAt: NOW + MINUTE, lastUsedAt: NOW + 2 * MINUTE });
});

describe('the status of users', () => {
  it('is returned for a user whom the module does not know', async () => {
    expect(await setUp().totp.getStatus({ userId })).toEqual({
      status: 'OK',
      userId,
      devices: [],
      enrolled: false,
      lock: null,
      failures: 0,
      failuresLeft: 5,
      twoCodesRequired: false,
      recoveryCodes: null,
    });
  });

  it('includes failures, a lock, and a lock that has expired', async () => {
    const { totp, clock, enrolled, wrong } = setUp();
    await enrolled();
    await wrong();
    expect(await totp.getStatus({ userId })).toMatchObject({
      enrolled: true,
      failures: 1,
      failuresLeft: 4,
      lock: null,
    });
    for (let n = 2; n <= 5; n++) await wrong();
    const until = NOW + 15 * MINUTE;
    expect(await totp.getStatus({ userId })).toMatchObject({
      failures: 5,
      failuresLeft: 0,
      lock: { number: 1, until },
    });
    clock.set(until);
    expect(await totp.getStatus({ userId })).toMatchObject({ failures: 5, failuresLeft: 5, lock: null });
  });

  it('is returned for many users in the order asked for, and twice for a user that is named twice', async () => {
    const { totp, enrolled } = setUp();
    await enrolled();
    const { users } = await totp.getStatuses({ userIds: ['nobody', userId, 'nobody'] });
    expect(users.map((user) => [user.userId, user.enrolled])).toEqual([
      ['nobody', false],
      [userId, true],
      ['nobody', false],
    ]);
  });

  it('is returned for 500 users at a time', async () => {
    const { totp } = setUp();
    const userIds = Array.from({ length: 501 }, (_, n) => String(n));
    await expect(totp.getStatuses({ userIds })).rejects.toThrow(TotpArgumentError);
    expect((await totp.getStatuses({ userIds: userIds.slice(1) })).users).toHaveLength(500);
    expect(await totp.getStatuses({ userIds: [] })).toEqual({ status: 'OK', users: [] });
  });
});

describe('an administrator', () => {
  it('ends a hard lock', async () => {
    const { totp, store, events, right } = setUp();
    const sealedSecret = 'plain:' + Buffer.from('x'.repeat(20)).toString('base64');
    const budget = { failures: 100, recentFailures: [], lock: { number: 3, until: null } };
    await store.commit(userId, null, account([device({ sealedSecret })], { budget }));
    expect(await right()).toMatchObject({ status: 'LIMIT_REACHED_ERROR', retryAfterMs: 86_400_000 });
    expect(await totp.unlockUser({ userId })).toEqual({ status: 'OK', wasLocked: true });
    expect(await right()).toEqual(failures(1));
    expect(events.named('totp.user.unlocked')).toMatchObject([{ userId, reason: 'manual' }]);
  });

  it('erases a user only as loaded: what others commit meanwhile is not lost without an event', async () => {
    const { totp, store, events, enrolled, elsewhere } = setUp();
    await enrolled();
    events.clear();
    store.before.push(() => elsewhere.totp.createDevice({ userId, deviceName: 'tablet', onBehalfOf: 'application' }));
    expect(await totp.removeUser({ userId })).toEqual({ status: 'OK', didUserExist: true });
    expect(await store.load(userId)).toBeNull();
    expect(events.events).toMatchObject([
      { name: 'totp.device.created', deviceName: 'tablet' },
      { name: 'totp.user.removed', userId, tenantId: 'public', devicesRemoved: 2 },
    ]);
  });

  it('erases a user whose account can no longer be read, and reports it', async () => {
    const { totp, store, events } = setUp();
    const damaged = new TotpDamagedAccountError('damaged', 'a revision');
    jest.spyOn(store, 'load').mockRejectedValue(damaged);
    const commit = jest.spyOn(store, 'commit').mockResolvedValue(true);
    expect(await totp.removeUser({ userId })).toEqual({ status: 'OK', didUserExist: true });
    expect(commit).toHaveBeenCalledWith(userId, 'a revision', 'erased', []);
    expect(events.named('totp.user.removed')).toMatchObject([{ userId, devicesRemoved: 0 }]);
    await expect(totp.listDevices({ userId })).rejects.toBe(damaged);
  });

  it('erases everything of a user', async () => {
    const { totp, store, enrolled, wrong } = setUp();
    await enrolled();
    await wrong();
    expect(await totp.removeUser({ userId })).toEqual({ status: 'OK', didUserExist: true });
    expect(await store.load(userId)).toBeNull();
    expect(await totp.removeUser({ userId })).toEqual({ status: 'OK', didUserExist: false });
  });
});
