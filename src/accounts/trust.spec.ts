/** T1, T2: trusted browsers as plain values. */
import { account, after, context, DAY, device, HOUR, NOW, policy, SECOND } from '../../test/support/accounts.js';
import type { Account, TrustedBrowser } from './account.js';
import type { DeviceChangeContext } from './step-up.js';
import { decideRemove } from './enrolment.js';
import { completedLately } from './step-up.js';
import { browserSummaries, decideForget, decideTrust, trust } from './trust.js';
import { decideSignIn } from './verification.js';

const phone = device({ name: 'phone' });
const LIFETIME = 30 * DAY;
const on: DeviceChangeContext = { ...context, policy: { ...policy, trustLifetimeMs: LIFETIME, maxTrustedBrowsers: 3 } };
const browser = (id: string, fields: Partial<TrustedBrowser> = {}): TrustedBrowser => ({
  id,
  tokenHash: `hash of ${id}`,
  createdAt: NOW,
  lastUsedAt: NOW,
  expiresAt: NOW + LIFETIME,
  userAgent: null,
  ...fields,
});
const owner = (...trustedBrowsers: readonly TrustedBrowser[]) => account([phone], { trustedBrowsers });
const newBrowser = { id: 'new', tokenHash: 'hash of new', userAgent: 'Firefox' };
const ids = (user: Account) => user.trustedBrowsers.map(({ id }) => id);
const tokenOf = (id: string) => `hash of ${id}`;

describe('trusting a browser', () => {
  const signIn = (user: Account, matchedSteps: readonly number[], asked = true, given = on) =>
    decideSignIn(user, [{ device: phone, matchedSteps }], given, { browser: asked ? newBrowser : undefined });
  const step = NOW / (30 * SECOND);

  it('comes with an accepted code, if the user asked for it', () => {
    const decision = signIn(owner(), [step]);
    expect(after(decision).trustedBrowsers).toEqual([{ ...browser('new'), userAgent: 'Firefox' }]);
    expect(decision.events).toContainEqual({
      name: 'totp.browser.trusted',
      browserId: 'new',
      expiresAt: NOW + LIFETIME,
    });
    expect(after(signIn(owner(), [step], false)).trustedBrowsers).toEqual([]);
  });

  it.each([
    ['a wrong code', [], owner()],
    ['a replay', [step - 1], account([{ ...phone, usedUntil: NOW }])],
    ['the first of two codes', [step], { ...owner(), vigilance: { forgivenAt: NOW + 30 * DAY, firstCode: null } }],
  ])('does not come with %s', (_, steps, user) => {
    const decision = decideSignIn(user, [{ device: user.devices[0] ?? phone, matchedSteps: steps }], on, {
      browser: newBrowser,
    });
    expect(decision.answer.status).toBe('INVALID_TOTP_ERROR');
    expect(decision.account ?? user).toMatchObject({ trustedBrowsers: [] });
  });

  it('does not happen while the option is off', () => {
    expect(after(signIn(owner(), [step], true, context)).trustedBrowsers).toEqual([]);
  });

  it('T2: forgets the oldest when there are too many, and those whose time is over first', () => {
    const full = owner(browser('a', { createdAt: NOW - DAY }), browser('b'), browser('c'));
    const trusted = trust(full, newBrowser, on);
    expect(ids(trusted.account)).toEqual(['b', 'c', 'new']);
    expect(trusted.events[0]).toEqual({ name: 'totp.browser.forgotten', browserIds: ['a'], reason: 'limit' });

    const expired = owner(browser('a', { expiresAt: NOW }), browser('b'), browser('c'));
    expect(trust(expired, newBrowser, on).events).toEqual([expect.objectContaining({ name: 'totp.browser.trusted' })]);
  });
});

describe('a trusted browser', () => {
  const verify = (user: Account | null, tokenHash: string, now = NOW, given = on) =>
    decideTrust(user, tokenHash, { ...given, now });

  it('T1: counts as having completed TOTP when its code was entered, and never later', () => {
    const user = owner(browser('a'), browser('b', { createdAt: NOW - DAY }));
    expect(verify(user, tokenOf('b'), NOW + HOUR)).toMatchObject({
      answer: { status: 'OK', browserId: 'b', completedAt: NOW - DAY },
    });
    const used = verify(user, tokenOf('b'), NOW + 10 * DAY);
    expect(used.answer).toMatchObject({ completedAt: NOW - DAY });
    expect(completedLately(NOW - DAY, NOW, 20 * 60 * SECOND)).toBe(false);
  });

  it('is unknown with another token, to a user without an account, when its time is over, and when the option is off', () => {
    const user = owner(browser('a'));
    const unknown = { answer: { status: 'UNKNOWN_BROWSER_ERROR' }, account: null, events: [] };
    expect(verify(user, 'another')).toEqual(unknown);
    expect(verify(null, tokenOf('a'))).toEqual(unknown);
    expect(verify(user, tokenOf('a'), NOW + LIFETIME)).toEqual(unknown);
    expect(verify(user, tokenOf('a'), NOW + LIFETIME - 1).answer.status).toBe('OK');
    expect(verify(user, tokenOf('a'), NOW, context)).toEqual(unknown);
  });

  it('T2: is trusted for no longer than a shorter option allows, even if it was trusted before', () => {
    const shorter = { ...on, policy: { ...on.policy, trustLifetimeMs: DAY } };
    const user = owner(browser('a'));
    expect(verify(user, tokenOf('a'), NOW + DAY, shorter).answer.status).toBe('UNKNOWN_BROWSER_ERROR');
    expect(browserSummaries(user, shorter)).toEqual([
      { id: 'a', createdAt: NOW, lastUsedAt: NOW, expiresAt: NOW + DAY, userAgent: null },
    ]);
  });

  it('is noted as used at most once a day, so that a request usually writes nothing', () => {
    const user = owner(browser('a'), browser('b'));
    expect(verify(user, tokenOf('b'), NOW + DAY - 1).account).toBeNull();
    const used = after(verify(user, tokenOf('b'), NOW + DAY));
    expect(used.trustedBrowsers).toEqual([browser('a'), browser('b', { lastUsedAt: NOW + DAY })]);
  });
});

describe('forgetting browsers', () => {
  const user = owner(browser('a'), browser('b'));

  it.each([
    ['one', 'a', ['a'], ['b']],
    ['all', undefined, ['a', 'b'], []],
  ])('forgets %s, and reports it', (_, id, forgotten, left) => {
    const decision = decideForget(user, id, on);
    expect(decision.answer).toEqual({ status: 'OK', forgotten: forgotten.length });
    expect(ids(after(decision))).toEqual(left);
    expect(decision.events).toEqual([{ name: 'totp.browser.forgotten', browserIds: forgotten, reason: 'manual' }]);
  });

  it.each([
    ['an id that is none', user, 'c'],
    ['a user without browsers', owner(), undefined],
    ['a user without an account', null, undefined],
  ])('changes nothing for %s', (_, of, id) => {
    expect(decideForget(of, id, on)).toEqual({ answer: { status: 'OK', forgotten: 0 }, account: null, events: [] });
  });

  it('needs a session that completed TOTP lately: a thief of the password must not end the trust', () => {
    const session = { handle: 'session', completedAt: undefined };
    expect(decideForget(user, undefined, { ...on, session }).answer.status).toBe('STEP_UP_REQUIRED');
  });

  it('T2: comes with the removal of a verified device, and not of an unverified one', () => {
    const two = account([phone, device({ name: 'new', verified: false })], { trustedBrowsers: [browser('a')] });
    const removed = decideRemove(two, 'phone', on);
    expect(after(removed).trustedBrowsers).toEqual([]);
    expect(removed.events[1]).toEqual({
      name: 'totp.browser.forgotten',
      browserIds: ['a'],
      reason: 'device-removed',
    });
    expect(ids(after(decideRemove(two, 'new', on)))).toEqual(['a']);
  });
});
