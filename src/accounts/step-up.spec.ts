import { account, context, device, MINUTE, NOW } from '../../test/support/accounts.js';
import { completedLately, type DeviceChange, needsStepUp } from './step-up.js';

const passwordAlone = { handle: 'session', completedAt: undefined };
const changes: DeviceChange[] = [
  { kind: 'create' },
  { kind: 'rename' },
  { kind: 'enrol', deviceName: 'untried' },
  { kind: 'remove', deviceName: 'phone' },
];
const user = account([device({ name: 'phone' }), device({ name: 'untried', verified: false })]);

describe.each(changes)('M1: to $kind a device', (change) => {
  it.each([
    ['never completed TOTP', undefined, true],
    ['completed it 20 minutes and a millisecond ago', NOW - 20 * MINUTE - 1, true],
    ['completed it 20 minutes ago', NOW - 20 * MINUTE, false],
    ['completed it just now', NOW, false],
    ['completed it before the clock was put back', NOW + MINUTE, false],
  ])('M1: a session that %s: a code is needed: %j %j', (_, completedAt, isNeeded) => {
    expect(needsStepUp(user, change, { ...context, session: { handle: 'session', completedAt } })).toBe(isNeeded);
  });

  it.each([
    ['has no account', null],
    ['has no verified device', account([device({ name: 'phone', verified: false })])],
  ])('the session alone is enough while the user %s', (_, beginner) => {
    expect(needsStepUp(beginner, change, { ...context, session: passwordAlone })).toBe(false);
  });
});

it.each(['untried', 'unknown', 'Phone'])(
  'M1: to remove %j, which is no verified device, the session alone is enough',
  (deviceName) => {
    expect(needsStepUp(user, { kind: 'remove', deviceName }, { ...context, session: passwordAlone })).toBe(false);
  },
);

it.each([
  ['untried', true],
  ['unknown', true],
  ['phone', false],
])('M1: to verify %j, whether a code is needed first: %j, since a verified device stays as it is', (name, isNeeded) => {
  expect(needsStepUp(user, { kind: 'enrol', deviceName: name }, { ...context, session: passwordAlone })).toBe(isNeeded);
});

it('a completion of any age is lately enough for an unlimited one', () => {
  expect(completedLately(0, NOW, Infinity)).toBe(true);
});

it.each([undefined, null, '0', NaN, Infinity, -Infinity])(
  '%p is not a completion, whatever age is allowed',
  (completedAt) => {
    expect(completedLately(completedAt as number | undefined, NOW, Infinity)).toBe(false);
  },
);

it.each([1_000, Infinity])(
  'a completion in the future, left by a clock that was ahead, is none beyond what clocks differ by, with a maximum age of %d ms',
  (maxAge) => {
    expect(completedLately(NOW + 60_000, NOW, maxAge)).toBe(true);
    expect(completedLately(NOW + 60_001, NOW, maxAge)).toBe(false);
  },
);

it('a maximum age that is no number is met by no completion', () => {
  expect(completedLately(NOW, NOW, NaN)).toBe(false);
});
