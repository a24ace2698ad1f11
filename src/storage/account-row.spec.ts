import fc from 'fast-check';
import { account, device, NOW } from '../../test/support/accounts.js';
import { type Account, NEW_ACCOUNT } from '../accounts/account.js';
import { TotpStorageError } from '../shared/errors.js';
import { ACCOUNT_COLUMNS, fromRow, readUserId, toRow } from './account-row.js';

const SECRET = 'a-sealed-secret';

/** The columns as a database returns them. */
function rowOf(user: Account): Record<string, unknown> {
  const { check, extras } = toRow(user);
  return Object.fromEntries(ACCOUNT_COLUMNS.map((column, n) => [column, [...check, extras][n]]));
}

const user = account([device({ name: 'phone', sealedSecret: SECRET }), device({ name: '📱', verified: false })], {
  budget: { failures: 7, recentFailures: [NOW, NOW + 1], lock: { number: 1, until: NOW } },
  usedUntil: NOW,
});

/** An account in which nothing is empty. */
const full = account([device()], {
  vigilance: { forgivenAt: NOW, firstCode: { deviceId: 'id', step: 1, sessionHandle: null } },
  recoveryCodes: { id: 'set', sealedHashes: 'k:x', notation: 'exact', total: 8, used: [0, 7], createdAt: NOW },
  temporaryCode: { id: 'code', sealedHashes: 'k:y', createdAt: NOW, expiresAt: NOW + 1 },
  trustedBrowsers: [
    { id: 'b', tokenHash: 'hash', createdAt: NOW, lastUsedAt: NOW, expiresAt: NOW + 1, userAgent: 'Firefox' },
  ],
});

function withDevice(fields: object): object {
  return { devices: JSON.stringify([{ ...user.devices[0], ...fields }]) };
}

function withExtras(fields: object): object {
  const { recoveryCodes, temporaryCode, trustedBrowsers, vigilance } = full;
  const extras = { firstCode: vigilance.firstCode, recoveryCodes, temporaryCode, trustedBrowsers };
  return { extras: JSON.stringify({ ...extras, ...fields }) };
}

describe('a row', () => {
  it.each([
    ['of a new user', NEW_ACCOUNT],
    ['of a locked user', user],
    ['of the largest settings', account([device({ algorithm: 'SHA512', digits: 8, period: 300, skew: 2 })])],
    ['of the smallest settings', account([device({ algorithm: 'SHA256', digits: 6, period: 15, skew: 0 })])],
    [
      'of a hard lock',
      account([], { budget: { failures: 100, recentFailures: [], lock: { number: 3, until: null } } }),
    ],
    ['with all else that an account may have', full],
  ])('%s is read as it was written', (_, written) => {
    expect(fromRow(rowOf(written))).toEqual(written);
  });

  it('is read from a database that returns a bigint as a text', () => {
    const row = rowOf(user);
    expect(fromRow({ ...row, usedUntil: String(row.usedUntil), lockedUntil: String(row.lockedUntil) })).toEqual(user);
  });

  it('is read from a database that returns a bigint as such', () => {
    expect(fromRow({ ...rowOf(user), usedUntil: BigInt(user.usedUntil) })).toEqual(user);
  });

  it('is read whatever the names of devices are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(fromRow(rowOf(account([device({ name })]))).devices[0]?.name).toBe(name);
      }),
    );
  });

  it('is ASCII, whatever the names of devices are, so that any character set will do', () => {
    const devices = String(rowOf(account(['ä', '📱', '\u2028'].map((name) => device({ name })))).devices);
    expect(devices).toContain('\\ud83d\\udcf1');
    expect(Buffer.byteLength(devices)).toBe(devices.length);
  });

  it('is refused when MySQL would cut it off', () => {
    const withName = (length: number) => account([device({ id: 'id', name: 'x'.repeat(length) })]);
    const rest = String(rowOf(withName(0)).devices).length;
    expect(rowOf(withName(65_535 - rest)).devices).toHaveLength(65_535);
    expect(() => toRow(withName(65_536 - rest))).toThrow(TotpStorageError);
    expect(() => toRow(withName(65_536 - rest))).toThrow('shorten their names, or lower maxDevices');
  });

  it.each([
    ['failures: missing', { failures: undefined }],
    ['failures: null', { failures: null }],
    ['failures: negative', { failures: -1 }],
    ['failures: a fraction', { failures: 1.5 }],
    ['failures: no number', { failures: 'many' }],
    ['failures: empty', { failures: '' }],
    ['lock number: beyond what is exact', { lockNumber: '9007199254740993' }],
    ['lock end: a text', { lockedUntil: 'tomorrow' }],
    ['used until: a date', { usedUntil: new Date() }],
    ['recent failures: no JSON', { recentFailures: '[1' }],
    ['recent failures: no list', { recentFailures: '{}' }],
    ['recent failures: texts', { recentFailures: '["1"]' }],
    ['recent failures: an object', { recentFailures: [1] }],
    ['recent failures: bytes', { recentFailures: Buffer.from('[1]') }],
    ['recent failures: null', { recentFailures: null }],
    ['devices: cut short', { devices: JSON.stringify(user.devices).slice(0, -2) }],
    ['devices: no list', { devices: '"phone"' }],
    ['devices: null in it', { devices: '[null]' }],
    ['devices: no secret', withDevice({ sealedSecret: undefined })],
    ['devices: a hash function that there is not', withDevice({ algorithm: 'MD5' })],
    ['devices: no hash function', withDevice({ algorithm: undefined })],
    ['devices: one digit', withDevice({ digits: 1 })],
    ['devices: seven digits', withDevice({ digits: 7 })],
    ['devices: nine digits', withDevice({ digits: 9 })],
    ['devices: digits as a string', withDevice({ digits: '6' })],
    ['devices: no period', withDevice({ period: 0 })],
    ['devices: a period that is too short', withDevice({ period: 14 })],
    ['devices: a period that is too long', withDevice({ period: 301 })],
    ['devices: a fraction as a period', withDevice({ period: 30.5 })],
    ['devices: a negative skew', withDevice({ skew: -1 })],
    ['devices: a skew that is too large', withDevice({ skew: 3 })],
    ['devices: a time of verification as a text', withDevice({ verifiedAt: '5' })],
    ['extras: not JSON', { extras: '{' }],
    ['extras: a list', { extras: '[]' }],
    ['first code: no step', withExtras({ firstCode: { deviceId: 'id', sessionHandle: null } })],
    ['first code: missing', withExtras({ firstCode: undefined })],
    ['recovery codes: another notation', withExtras({ recoveryCodes: { ...full.recoveryCodes, notation: 'morse' } })],
    ['recovery codes: positions as a text', withExtras({ recoveryCodes: { ...full.recoveryCodes, used: '0' } })],
    ['temporary code: missing', withExtras({ temporaryCode: undefined })],
    ['trusted browsers: no list', withExtras({ trustedBrowsers: {} })],
    ['trusted browsers: no hash', withExtras({ trustedBrowsers: [{ ...full.trustedBrowsers[0], tokenHash: null }] })],
    ['devices: used until null', withDevice({ usedUntil: null })],
    ['devices: an id that is a number', withDevice({ id: 7 })],
    ['devices: inherited fields', { devices: '[{"__proto__":{"id":"x"}}]' }],
  ])('L8, S4: that is damaged is a fault that tells nothing of it (%s)', (_, damage) => {
    const read = () => fromRow({ ...rowOf(user), ...damage });
    expect(read).toThrow(TotpStorageError);
    // The error is this message and nothing else: no cause, and no row.
    expect(read).toThrow(
      new TotpStorageError('A row of totp_accounts cannot be read: it was damaged or was not written by this module.'),
    );
  });
});

describe('the user id that of a row', () => {
  it.each(['ann', '', '"', '📱'])('is %j as it was written', (userId) => {
    expect(readUserId(JSON.stringify(userId))).toBe(userId);
  });

  it.each([undefined, null, '', '"ann', '7', '["ann"]', Buffer.from('"ann"')])(
    'is unknown when the column contains %j',
    (json) => {
      expect(readUserId(json)).toBeUndefined();
    },
  );
});
