/** R2 to R4, R6: recovery codes and temporary codes as plain values. */
import { account, after, context, DAY, device, HOUR, lockedUntil, MINUTE, NOW } from '../../test/support/accounts.js';
import { type Account, FRESH_BUDGET, type RecoveryCodes, type TrustedBrowser } from './account.js';
import {
  decideCreateRecoveryCodes,
  decideCreateTemporaryCode,
  decideRecovery,
  type NewRecoveryCodes,
  type RecoveryMatch,
} from './recovery.js';

const phone = device({ name: 'phone' });
const newCodes: NewRecoveryCodes = { id: 'new set', sealedHashes: 'k:new', notation: 'crockford', total: 8 };
const codes: RecoveryCodes = { ...newCodes, id: 'set', used: [], createdAt: NOW - DAY };
const temporary = { id: 'temporary', sealedHashes: 'k:t', createdAt: NOW, expiresAt: NOW + HOUR };
const browser: TrustedBrowser = {
  id: 'browser',
  tokenHash: 'hash',
  createdAt: NOW - DAY,
  lastUsedAt: NOW - DAY,
  expiresAt: NOW + DAY,
  userAgent: null,
};
const owner = (fields: Partial<Account> = {}) => account([phone], { recoveryCodes: codes, ...fields });
const code = (position: number): RecoveryMatch => ({ kind: 'recovery', position });
const use = (user: Account | null, match: RecoveryMatch, now = NOW) =>
  decideRecovery(user, match, undefined, { ...context, now });
const session = (completedAt: number | undefined) => ({ ...context, session: { handle: 'session', completedAt } });

describe('creating recovery codes', () => {
  it('stores the set and reports it', () => {
    const user = account([phone]);
    expect(decideCreateRecoveryCodes(user, newCodes, context)).toEqual({
      answer: { status: 'OK' },
      account: { ...user, recoveryCodes: { ...newCodes, used: [], createdAt: NOW } },
      events: [{ name: 'totp.recovery-codes.created', count: 8, replaced: false }],
    });
  });

  it('R4: makes every code of the earlier set useless', () => {
    const replaced = decideCreateRecoveryCodes(owner({ recoveryCodes: { ...codes, used: [0] } }), newCodes, context);
    expect(after(replaced).recoveryCodes).toEqual({ ...newCodes, used: [], createdAt: NOW });
    expect(replaced.events).toEqual([{ name: 'totp.recovery-codes.created', count: 8, replaced: true }]);
  });

  it('R4: needs a session that completed TOTP lately, or the authority of the application', () => {
    const create = (completedAt: number | undefined) =>
      decideCreateRecoveryCodes(owner(), newCodes, session(completedAt)).answer.status;
    expect(create(undefined)).toBe('STEP_UP_REQUIRED');
    expect(create(NOW - 20 * MINUTE - 1)).toBe('STEP_UP_REQUIRED');
    expect(create(NOW - 20 * MINUTE)).toBe('OK');
    expect(decideCreateRecoveryCodes(owner(), newCodes, context).answer.status).toBe('OK');
  });

  it.each([
    ['is unknown', null],
    ['has no device', account([])],
    ['has an unverified device only', account([device({ verified: false })])],
  ])('is refused for a user who %s', (_, user) => {
    const unknown = { answer: { status: 'UNKNOWN_USER_ID_ERROR' }, account: null, events: [] };
    expect(decideCreateRecoveryCodes(user, newCodes, context)).toEqual(unknown);
    expect(decideCreateTemporaryCode(user, { id: 't', sealedHashes: 'k:t' }, HOUR, context)).toEqual(unknown);
    expect(use(user, code(0))).toEqual(unknown);
  });
});

describe('a recovery code', () => {
  it('R2: is used once, and tells how many are left', () => {
    const used = use(owner(), code(3));
    expect(used.answer).toEqual({ status: 'OK', recoveryCodesLeft: 7 });
    expect(used.events).toEqual([{ name: 'totp.recovery-code.used', left: 7 }]);
    expect(after(used).recoveryCodes?.used).toEqual([3]);
    const again = use(after(used), code(3));
    expect(again).toEqual({
      answer: { status: 'INVALID_RECOVERY_CODE_ERROR' },
      account: null,
      events: [{ name: 'totp.recovery-code.rejected' }],
    });
    expect(use(after(used), code(4)).answer).toEqual({ status: 'OK', recoveryCodesLeft: 6 });
  });

  it('R3: that is wrong changes nothing, and costs no attempt', () => {
    expect(use(owner(), undefined)).toEqual({
      answer: { status: 'INVALID_RECOVERY_CODE_ERROR' },
      account: null,
      events: [{ name: 'totp.recovery-code.rejected' }],
    });
  });

  it.each([
    ['a lock', lockedUntil(NOW + HOUR)],
    ['a hard lock', lockedUntil(null)],
    ['a lock that has expired', lockedUntil(NOW - 1)],
  ])('R3: is accepted in %s, and ends it and the failure streak', (_, budget) => {
    const used = use(owner({ budget }), code(0));
    expect(used.answer.status).toBe('OK');
    expect(after(used).budget).toEqual(FRESH_BUDGET);
    expect(used.events).toContainEqual({ name: 'totp.user.unlocked', reason: 'recovery' });
  });

  it('ends a failure streak that has led to no lock without an event', () => {
    const used = use(owner({ budget: { failures: 3, recentFailures: [NOW], lock: null } }), code(0));
    expect(after(used).budget).toEqual(FRESH_BUDGET);
    expect(used.events).toHaveLength(1);
  });

  it('R3: ends the trust in every browser, and forgives no failure of the long run', () => {
    const firstCode = { deviceId: phone.id, step: 1, sessionHandle: null };
    const user = owner({ trustedBrowsers: [browser], vigilance: { forgivenAt: NOW + DAY, firstCode } });
    const used = use(user, code(0));
    expect(after(used)).toMatchObject({ trustedBrowsers: [], vigilance: { forgivenAt: NOW + DAY, firstCode: null } });
    expect(used.events).toContainEqual({
      name: 'totp.browser.forgotten',
      browserIds: ['browser'],
      reason: 'recovery',
    });
  });

  it('leaves the devices and their used codes as they are', () => {
    const user = owner({ usedUntil: NOW + HOUR });
    expect(after(use(user, code(0)))).toMatchObject({ devices: user.devices, usedUntil: NOW + HOUR });
  });
});

describe('a temporary code', () => {
  const helped = (fields: Partial<Account> = {}) => owner({ temporaryCode: temporary, ...fields });

  it('R6: is one at a time: a new one replaces the earlier one', () => {
    const issued = decideCreateTemporaryCode(helped(), { id: 'next', sealedHashes: 'k:next' }, 2 * HOUR, context);
    expect(issued.answer).toEqual({ status: 'OK', expiresAt: NOW + 2 * HOUR });
    expect(after(issued).temporaryCode).toEqual({
      id: 'next',
      sealedHashes: 'k:next',
      createdAt: NOW,
      expiresAt: NOW + 2 * HOUR,
    });
    expect(issued.events).toEqual([{ name: 'totp.temporary-code.created', expiresAt: NOW + 2 * HOUR }]);
  });

  it('R6: is used once, and leaves the recovery codes', () => {
    const used = use(helped(), { kind: 'temporary' });
    expect(used.answer).toEqual({ status: 'OK', recoveryCodesLeft: 8 });
    expect(used.events).toEqual([{ name: 'totp.temporary-code.used' }]);
    expect(after(used)).toMatchObject({ temporaryCode: null, recoveryCodes: codes });
    expect(use(after(used), { kind: 'temporary' }).answer.status).toBe('INVALID_RECOVERY_CODE_ERROR');
  });

  it('R6: ends with its time, and is not accepted long before it was issued either', () => {
    const at = (now: number) => use(helped(), { kind: 'temporary' }, now).answer.status;
    expect(at(NOW + HOUR - 1)).toBe('OK');
    expect(at(NOW + HOUR)).toBe('INVALID_RECOVERY_CODE_ERROR');
    expect(at(NOW - MINUTE)).toBe('OK');
    expect(at(NOW - MINUTE - 1)).toBe('INVALID_RECOVERY_CODE_ERROR');
  });

  it('works without recovery codes, and in a hard lock', () => {
    const user = helped({ recoveryCodes: null, budget: lockedUntil(null) });
    expect(use(user, { kind: 'temporary' }).answer).toEqual({ status: 'OK', recoveryCodesLeft: 0 });
  });
});
