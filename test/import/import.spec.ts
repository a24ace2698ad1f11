/** Devices of many users at once: together or not at all, once or a hundred times. */
import { jest } from '@jest/globals';
import { TotpArgumentError, TotpStorageError } from 'nestjs-totp';
import { type ForeignDevices, importForeignDevices } from 'nestjs-totp-cli';
import { TestTotpClock, TotpEventRecorder, totpCode } from 'nestjs-totp/testing';
import { toBase32 } from '../../src/otp/secret.js';
import { cipherUnder } from '../secrets/keys.js';
import { driverError, FaultyConnection } from '../faults/faulty-connection.js';
import { useTables } from '../storage/tables.js';
import { databases } from '../support/databases.js';
import { recipeOver } from '../support/recipe.js';

const secretOf = (name: string) => Buffer.from(`for tests only: ${name}`.padEnd(20, '.'));

function found(...names: string[]): ForeignDevices {
  return {
    devices: names.map((name, n) => ({
      source: `line ${n + 2}`,
      userId: name.split('/')[0],
      account: undefined,
      issuer: undefined,
      deviceName: name.split('/')[1],
      secret: secretOf(name),
      algorithm: 'SHA1',
      digits: 6,
      period: 30,
      skew: undefined,
    })),
    refused: [],
  };
}

describe.each(databases)('an import on $name', ({ open }) => {
  const tables = useTables(open);
  const clock = new TestTotpClock();
  const events = new TotpEventRecorder();
  const service = () =>
    recipeOver({ store: tables().store, cipher: cipherUnder('k1'), clock, publisher: events, maxDevices: 3 }).totp;
  const signIn = (userId: string, name = userId) =>
    service().verifyTOTP({ userId, totp: totpCode(toBase32(secretOf(name)), clock.now()) });
  const users = async () => {
    const { own } = tables();
    const rows = await own.query<unknown[]>(`SELECT 1 FROM ${own.driver.escape('totp_accounts')}`);
    return rows.length;
  };

  beforeEach(async () => {
    await tables().own.query(`DELETE FROM ${tables().own.driver.escape('totp_accounts')}`);
    events.clear();
  });
  afterEach(() => jest.restoreAllMocks());

  it('names the users who are left without a second factor, because every device of theirs was refused', async () => {
    const refusedOf = (userId: string) => ({ source: `line of ${userId}`, reason: 'a secret of 10 bytes', userId });
    await service().importDevice({ userId: 'protected', secretKey: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' });
    const { devices } = found('imported');
    const refused = ['unprotected', 'imported', 'protected', 'unprotected'].map(refusedOf);
    for (const dryRun of [true, false]) {
      const report = await importForeignDevices(service(), { devices, refused }, { dryRun });
      expect(report).toMatchObject({ imported: 1, unprotected: ['unprotected'] });
    }
  });

  it('makes verified devices of users, new ones and known ones, and reports each', async () => {
    await service().importDevice({ userId: 'ann', secretKey: toBase32(secretOf('other')), deviceName: 'old phone' });
    events.clear();
    const report = await importForeignDevices(service(), found('ann/phone', 'ann/tablet', 'bob', 'cem'));
    expect(report).toEqual({
      read: 4,
      imported: 4,
      alreadyThere: 0,
      refused: [],
      unprotected: [],
      shared: [],
      notes: [],
      aborted: false,
    });
    expect((await service().listDevices({ userId: 'ann' })).devices).toMatchObject([
      { name: 'old phone' },
      { name: 'phone', verified: true },
      { name: 'tablet', verified: true },
    ]);
    expect(events.events.map(({ name, userId }) => `${name} of ${userId}`)).toEqual([
      'totp.device.created of ann',
      'totp.device.created of ann',
      'totp.device.created of bob',
      'totp.device.created of cem',
    ]);
    expect(await signIn('ann', 'ann/tablet')).toEqual({ status: 'OK' });
    expect(await signIn('bob')).toEqual({ status: 'OK' });
  });

  it('leaves what is there already, so that it can be run again, and twice at once', async () => {
    const once = found('ann/phone', 'bob', 'cem', 'bob');
    const runs = await Promise.all([importForeignDevices(service(), once), importForeignDevices(service(), once)]);
    expect(runs.map(({ imported }) => imported).sort()).toEqual([0, 3]);
    expect(await importForeignDevices(service(), once)).toMatchObject({
      read: 4,
      imported: 0,
      alreadyThere: 4,
      refused: [],
    });
    expect((await service().listDevices({ userId: 'bob' })).devices).toHaveLength(1);
    expect(events.events).toHaveLength(3);
  });

  it('refuses a device by itself, with the reason, and imports the others', async () => {
    await service().importDevice({ userId: 'ann', secretKey: toBase32(secretOf('other')), deviceName: 'phone' });
    const { devices } = found('ann/phone', 'bob/1', 'bob/2', 'bob/3', 'bob/4', 'cem', 'dan');
    const input = { devices, refused: [{ source: 'line 9', reason: 'is not Base32' }] };
    const report = await importForeignDevices(service(), input, {
      userIdOf: ({ userId }) => (userId === 'cem' ? undefined : userId),
    });
    expect(report).toMatchObject({ read: 8, imported: 4, alreadyThere: 0 });
    expect(report.refused).toEqual([
      { source: 'line 9', reason: 'is not Base32' },
      { source: 'line 7', reason: 'the user it belongs to is unknown' },
      { source: 'line 2', reason: 'the user has another verified device of this name', userId: 'ann' },
      { source: 'line 6', reason: 'the user has 3 devices already, which is the maximum', userId: 'bob' },
    ]);
  });

  it.each([
    ['is too long', 'a'.repeat(10_001), 'the user id is longer than 10000 characters'],
    ['is no text', 'a\0', 'the user id contains NUL or unpaired surrogates'],
    ['is empty', '', 'the user it belongs to is unknown'],
  ])('refuses a device by itself when the user id that it is given %s', async (_, wrong, reason) => {
    const report = await importForeignDevices(service(), found('ann', 'bob', 'cem'), {
      userIdOf: ({ userId }) => (userId === 'bob' ? wrong : userId),
    });
    expect(report).toMatchObject({ read: 3, imported: 2 });
    expect(report.refused).toEqual([{ source: 'line 3', reason }]);
  });

  it('takes the longest user id that the service takes', async () => {
    const userIdOf = () => 'a'.repeat(10_000);
    expect(await importForeignDevices(service(), found('ann'), { userIdOf })).toMatchObject({
      imported: 1,
      refused: [],
    });
  });

  it('tells what it would do, and does nothing, when it is run dry', async () => {
    const report = await importForeignDevices(service(), found('ann', 'ann', 'bob'), { dryRun: true });
    expect(report).toMatchObject({ read: 3, imported: 2, alreadyThere: 1 });
    expect(await users()).toBe(0);
    expect(events.events).toEqual([]);
  });

  it('imports a batch together or not at all when a write of it fails, and the rest when it is run again', async () => {
    const { own } = tables();
    const failing = 'user three';
    // The third row of the second batch fails, whatever the database.
    const input = found('user 1', 'user 2', 'user 3', 'user one', 'user two', failing, 'user 9');
    const connection = new FaultyConnection(own);
    let writes = 0;
    connection.meetFault(1, Infinity, ({ sql, send }) =>
      sql.startsWith('INSERT') && ++writes === 6
        ? Promise.reject(driverError(sql, 'EIO', 'The disk is full.'))
        : send(),
    );
    const importing = importForeignDevices(service(), input, { batchSize: 3 });
    await expect(importing).rejects.toBeInstanceOf(TotpStorageError);
    connection.meetNoFault();
    expect(await users()).toBe(3);
    expect(events.events).toHaveLength(3);
    expect(await importForeignDevices(service(), input)).toMatchObject({ imported: 4, alreadyThere: 3 });
    expect(await signIn(failing)).toEqual({ status: 'OK' });
  });

  it('decides again when a user enrols in the middle of a batch', async () => {
    const { store } = tables();
    const commitAll = store.commitAll.bind(store);
    jest.spyOn(store, 'commitAll').mockImplementationOnce(async (changes) => {
      await service().createDevice({ userId: 'bob', deviceName: 'new phone', onBehalfOf: 'application' });
      return commitAll(changes);
    });
    expect(await importForeignDevices(service(), found('ann', 'bob/phone'))).toMatchObject({ imported: 2 });
    expect((await service().listDevices({ userId: 'bob' })).devices.map(({ name }) => name)).toEqual([
      'new phone',
      'phone',
    ]);
  });

  it('stops between batches, and tells how far it came', async () => {
    const stop = new AbortController();
    const seen: unknown[] = [];
    const report = await importForeignDevices(service(), found('a', 'b', 'c', 'd', 'e'), {
      batchSize: 2,
      signal: stop.signal,
      onProgress: (soFar) => {
        seen.push(soFar);
        if (soFar.read === 4) stop.abort();
      },
    });
    expect(seen).toEqual([
      { read: 2, imported: 2, alreadyThere: 0 },
      { read: 4, imported: 4, alreadyThere: 0 },
    ]);
    expect(report).toMatchObject({ read: 4, imported: 4, aborted: true });
  });

  it('is not stopped by who comes when nothing is left', async () => {
    const stop = new AbortController();
    const onProgress = () => {
      stop.abort();
    };
    const report = await importForeignDevices(service(), found('a', 'b'), { signal: stop.signal, onProgress });
    expect(report).toMatchObject({ imported: 2, aborted: false });
  });

  it('takes devices page by page', async () => {
    async function* pages() {
      yield found('ann', 'bob');
      yield await Promise.resolve({ devices: [], refused: [{ source: 'row 3', reason: 'is not verified' }] });
      yield found('cem');
    }
    const report = await importForeignDevices(service(), pages());
    expect(report).toMatchObject({ read: 4, imported: 3, refused: [{ source: 'row 3' }] });
  });

  it('takes any number of refusals', async () => {
    const refused = Array.from({ length: 200_000 }, (_, n) => ({ source: `line ${n + 2}`, reason: 'is not Base32' }));
    const report = await importForeignDevices(service(), { devices: [], refused });
    expect(report).toMatchObject({ read: 200_000, imported: 0 });
    expect(report.refused).toHaveLength(200_000);
  });

  it('reports a secret that several users have, without showing it', async () => {
    const distinct = found('ann', 'bob', 'ann', 'cem');
    const devices = distinct.devices.map((device) => ({ ...device, secret: secretOf('ann') }));
    async function* pages() {
      yield { devices: devices.slice(0, 2), refused: [] };
      yield await Promise.resolve({ devices: devices.slice(2), refused: [] });
    }
    const report = await importForeignDevices(service(), pages(), { batchSize: 1 });
    expect(report).toMatchObject({ imported: 3, alreadyThere: 1, refused: [] });
    const reason = 'has the same secret as line 2, which belongs to another user';
    expect(report.shared).toEqual([
      { source: 'line 3', reason },
      { source: 'line 5', reason },
    ]);
    expect(await importForeignDevices(service(), distinct)).toMatchObject({ shared: [] });
  });

  describe('of a secret that HMAC takes for one that is there', () => {
    const secret = Buffer.from(secretOf('ann'));
    const withZeros = Buffer.concat([secret, Buffer.alloc(3)]);
    const input = { userId: 'ann', deviceName: 'tablet', secretKey: toBase32(withZeros) };
    const there = { status: 'SECRET_ALREADY_EXISTS_ERROR', deviceName: 'phone' };

    beforeEach(() => service().importDevice({ userId: 'ann', deviceName: 'phone', secretKey: toBase32(secret) }));

    it.each(['SHA1', 'SHA256', 'SHA512'] as const)('is refused, under %s too', async (algorithm) => {
      expect(await service().importDevice({ ...input, algorithm })).toEqual(there);
      expect(await service().importDevices({ devices: [{ ...input, algorithm }] })).toMatchObject({ answers: [there] });
    });

    it('is refused within one call, and no code is accepted twice', async () => {
      const bobs = { ...input, userId: 'bob', deviceName: 'phone' };
      const devices = [
        { ...bobs, secretKey: toBase32(secret) },
        { ...bobs, deviceName: 'tablet' },
      ];
      expect(await service().importDevices({ devices })).toMatchObject({ answers: [{ status: 'OK' }, there] });
      expect(await signIn('bob', 'ann')).toEqual({ status: 'OK' });
      expect(await signIn('bob', 'ann')).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
    });

    it('is refused while an unverified device has it, whose first code would be accepted by both', async () => {
      const made = await service().createDevice({ userId: 'carl', deviceName: 'phone', onBehalfOf: 'application' });
      const secretKey = made.status === 'OK' ? made.secret : '';
      expect(await service().importDevice({ userId: 'carl', deviceName: 'tablet', secretKey })).toEqual(there);
    });

    it('is reported as one that another user has', async () => {
      const { devices } = found('ann/phone', 'bob/phone');
      const padded = devices.map((device, n) => ({ ...device, secret: n === 0 ? secret : withZeros }));
      const report = await importForeignDevices(service(), { devices: padded, refused: [] });
      expect(report.shared).toEqual([{ source: 'line 3', reason: expect.stringContaining('line 2') }]);
    });
  });

  it('refuses a secret that zeros fill up to 16 bytes', async () => {
    const secretKey = toBase32(Buffer.concat([Buffer.alloc(13, 'x'), Buffer.alloc(7)]));
    await expect(service().importDevice({ userId: 'ann', secretKey })).rejects.toThrow(
      'secretKey must be Base32 of 16 to 64 bytes',
    );
  });

  it('W2: takes no secret for a user one of whose secrets does not open, since it might be the same', async () => {
    const input = found('ann/phone', 'bob/phone');
    await importForeignDevices(service(), found('ann/phone'));
    const cipher = cipherUnder('k2', ['k2']);
    const withoutItsKey = recipeOver({ store: tables().store, cipher, clock, publisher: events }).totp;
    const report = await importForeignDevices(withoutItsKey, input);
    expect(report).toMatchObject({ imported: 1, alreadyThere: 0 });
    expect(report.refused).toEqual([
      { source: 'line 2', reason: expect.stringContaining('put its key back'), userId: 'ann' },
    ]);
    expect((await service().listDevices({ userId: 'ann' })).devices).toHaveLength(1);
  });

  it('lets others have their turn between batches', async () => {
    const stop = new AbortController();
    setImmediate(() => {
      stop.abort();
    });
    const names = Array.from({ length: 40 }, (_, n) => `user ${n}`);
    const report = await importForeignDevices(service(), found(...names), { batchSize: 2, signal: stop.signal });
    expect(report.aborted).toBe(true);
    expect(report.imported).toBeLessThan(40);
  });

  it('is refused when it cannot be, before anything is imported', async () => {
    const devices = ['ann', 'bob'].map((userId) => ({ userId, secretKey: toBase32(secretOf(userId)) }));
    const weak = { userId: 'cem', secretKey: 'ABCD' };
    await expect(service().importDevices({ devices: [...devices, weak] })).rejects.toBeInstanceOf(TotpArgumentError);
    const many = Array.from({ length: 1001 }, () => weak);
    await expect(service().importDevices({ devices: many })).rejects.toThrow('pass at most 1,000 devices at a time');
    for (const batchSize of [0, 1001, 1.5]) {
      await expect(importForeignDevices(service(), found('ann'), { batchSize })).rejects.toThrow('from 1 to 1,000');
    }
    expect(await users()).toBe(0);
  });
});
