import {
  account,
  after,
  context,
  DAY,
  device,
  lockedUntil,
  newDevice,
  NOW,
  policy,
} from '../../test/support/accounts.js';
import { type Account, hasVerifiedDevice, liveDevices, NEW_ACCOUNT } from './account.js';
import {
  decideCreate,
  decideImport,
  decideRemove,
  decideRename,
  deviceNameProblem,
  type DuplicateSecret,
} from './enrolment.js';

const untried = (name: string, createdAt = NOW) => device({ name, verified: false, createdAt });
const names = (user: Account) => user.devices.map(({ name }) => name);
const create = (user: Account | null, name?: string) => decideCreate(user, name, newDevice(), context);
const many = (count: number, verified = true) =>
  Array.from({ length: count }, (_, index) => device({ name: `device ${String(index)}`, verified }));

/** Texts that databases or people take for each other. */
const LOOKALIKES = ['a', 'A', 'a ', ' a', 'ä', 'a\u0308', 'ß', 'ss', 'ａ', '📱', '📱\uFE0F'];

describe('creating a device', () => {
  it('adds an unverified device to those that there are', () => {
    const user = account([device({ name: 'phone' })], { usedUntil: 7 });
    expect(create(user, 'tablet')).toEqual({
      answer: { status: 'OK', deviceName: 'tablet' },
      account: {
        ...user,
        devices: [
          ...user.devices,
          { ...newDevice(), name: 'tablet', verifiedAt: null, lastUsedAt: null, usedUntil: 0 },
        ],
      },
      events: [
        {
          name: 'totp.device.created',
          deviceId: newDevice().id,
          deviceName: 'tablet',
          imported: false,
          replaced: false,
        },
      ],
    });
  });

  describe('that was made before, as its id says', () => {
    const { id } = newDevice();
    const made = untried('phone', NOW - 1);
    const withMade = (fields = {}) => account([{ ...made, id, ...fields }]);

    it('changes nothing, and names the device', () => {
      const user = withMade();
      for (const name of [undefined, 'phone']) {
        const decision = create(user, name);
        expect(decision).toEqual({
          answer: { status: 'SAME_CREATION', device: user.devices[0] },
          account: null,
          events: [],
        });
      }
    });

    it('is refused when the device was verified, and under another name', () => {
      const refused = { status: 'DEVICE_ALREADY_EXISTS_ERROR' };
      const verified = withMade({ verifiedAt: NOW - 1 });
      const completed = { ...context, session: { handle: 'here', completedAt: NOW } };
      expect(decideCreate(verified, 'phone', newDevice(), completed).answer).toEqual(refused);
      expect(decideCreate(verified, undefined, newDevice(), completed).answer).toEqual(refused);
      expect(create(withMade(), 'tablet').answer).toEqual(refused);
    });

    it('is a new one when the device has expired', () => {
      const expired = withMade({ createdAt: NOW - 2 * policy.unverifiedLifetimeMs });
      expect(create(expired, 'phone')).toMatchObject({ answer: { status: 'OK' }, account: { devices: [{ id }] } });
    });

    it('needs a code first, like any other', () => {
      const user = account([device({ name: 'watch' }), { ...made, id }]);
      const signedIn = { ...context, session: { handle: 'here', completedAt: undefined } };
      expect(decideCreate(user, 'phone', newDevice(), signedIn).answer).toEqual({ status: 'STEP_UP_REQUIRED' });
    });
  });

  it('makes the account of a new user', () => {
    expect(after(create(null))).toEqual({
      ...NEW_ACCOUNT,
      devices: [{ ...newDevice(), name: 'TOTP Device 0', verifiedAt: null, lastUsedAt: null, usedUntil: 0 }],
    });
  });

  it.each([
    ['TOTP Device 0', []],
    ['TOTP Device 1', [device({ name: 'phone' })]],
    ['TOTP Device 1', [device({ name: 'phone' }), untried('TOTP Device 1')]],
    ['TOTP Device 3', [device({ name: 'TOTP Device 1' }), device({ name: 'TOTP Device 2' })]],
    ['TOTP Device 0', [untried('a'), untried('b')]],
  ])('without a name is named %s, next to %j', (expected, devices) => {
    expect(create(account(devices)).answer).toMatchObject({ status: 'OK', deviceName: expected });
  });

  it('M6: replaces an unverified device of the name, which goes to the end of the list', () => {
    const decision = create(account([untried('phone'), device({ name: 'tablet' })]), 'phone');
    expect(names(after(decision))).toEqual(['tablet', 'phone']);
    expect(after(decision).devices[1]?.id).toBe(newDevice().id);
    expect(decision.answer).toEqual({ status: 'OK', deviceName: 'phone', replaced: true });
    expect(decision.events).toEqual([expect.objectContaining({ replaced: true })]);
  });

  it('does not touch a verified device of the name', () => {
    expect(create(account([device({ name: 'phone' })]), 'phone')).toEqual({
      answer: { status: 'DEVICE_ALREADY_EXISTS_ERROR' },
      account: null,
      events: [],
    });
  });

  it('is refused at the cap, whether the devices are verified or not', () => {
    const refusal = {
      answer: { status: 'DEVICE_LIMIT_REACHED_ERROR', maxDevices: 10 },
      account: null,
      events: [],
    };
    expect(create(account(many(10)), 'eleventh')).toEqual(refusal);
    expect(create(account(many(10, false)), 'eleventh')).toEqual(refusal);
    expect(create(account(many(9)), 'tenth').answer.status).toBe('OK');
  });

  it('is possible at the cap in the place of an unverified device', () => {
    expect(names(after(create(account([...many(9), untried('phone')]), 'phone')))).toHaveLength(10);
  });

  it('forgets devices that expired: they neither count nor keep their name', () => {
    const user = account([...many(9), untried('old', NOW - DAY)]);
    const decision = create(user, 'old');
    expect(names(after(decision))).toEqual([...many(9).map(({ name }) => name), 'old']);
    expect(decision.events).toEqual([expect.objectContaining({ replaced: false })]);
  });

  it('M5: takes names that look alike for different ones', () => {
    const user = LOOKALIKES.reduce<Account | null>(
      (before, name) =>
        after(
          decideCreate(before, name, newDevice({ id: name }), { ...context, policy: { ...policy, maxDevices: 50 } }),
        ),
      null,
    );
    expect(user && names(user)).toEqual(LOOKALIKES);
  });
});

describe('importing a device', () => {
  const importInto = (user: Account | null, name?: string, duplicate?: DuplicateSecret) =>
    decideImport(user, name, newDevice(), duplicate, context);

  it('adds a verified device', () => {
    const decision = importInto(null);
    expect(after(decision).devices).toEqual([
      { ...newDevice(), name: 'TOTP Device 0', verifiedAt: NOW, lastUsedAt: null, usedUntil: 0 },
    ]);
    expect(decision.events).toEqual([expect.objectContaining({ imported: true, replaced: false })]);
  });

  it('goes by the rules of creating: names, verified namesakes and the cap', () => {
    expect(importInto(account([device({ name: 'phone' })]), 'phone').answer.status).toBe('DEVICE_ALREADY_EXISTS_ERROR');
    expect(importInto(account(many(10))).answer.status).toBe('DEVICE_LIMIT_REACHED_ERROR');
    expect(importInto(account([untried('phone')]), 'phone').events).toEqual([
      expect.objectContaining({ imported: true, replaced: true }),
    ]);
  });

  it('W2: takes a secret once only, so that no code of it is accepted twice', () => {
    const phone = device({ name: 'phone' });
    expect(importInto(account([phone]), 'tablet', { kind: 'same', device: phone })).toEqual({
      answer: { status: 'SECRET_ALREADY_EXISTS_ERROR', deviceName: 'phone' },
      account: null,
      events: [],
    });
    expect(importInto(account([phone]), 'tablet', { kind: 'unreadable', device: phone })).toEqual({
      answer: { status: 'UNREADABLE_DEVICE_ERROR', deviceName: 'phone' },
      account: null,
      events: [],
    });
  });

  it('W6: remembers the codes that were used before the secret was removed', () => {
    const removed = after(decideRemove(account([device({ usedUntil: NOW })]), 'phone', context));
    expect(after(importInto(removed)).devices[0]?.usedUntil).toBe(NOW);
  });
});

describe('removing a device', () => {
  it('leaves the others, and reports how many', () => {
    const user = account([device({ name: 'phone' }), untried('new'), untried('old', NOW - DAY)]);
    expect(decideRemove(user, 'phone', context)).toEqual({
      answer: { status: 'OK', didDeviceExist: true },
      account: account([untried('new')]),
      events: [
        {
          name: 'totp.device.removed',
          deviceId: 'id of phone',
          deviceName: 'phone',
          wasVerified: true,
          devicesLeft: 1,
        },
      ],
    });
  });

  it('L7: forgets neither the failures nor a lock, not even with the last device', () => {
    const budget = lockedUntil(null);
    expect(after(decideRemove(account([device()], { budget }), 'phone', context)).budget).toEqual(budget);
  });

  it('W6: keeps the latest time up to which codes were used', () => {
    const user = account([device({ name: 'a', usedUntil: NOW }), device({ name: 'b', usedUntil: NOW - DAY })]);
    const once = after(decideRemove(user, 'a', context));
    expect(once.usedUntil).toBe(NOW);
    expect(after(decideRemove(once, 'b', context)).usedUntil).toBe(NOW);
  });

  it.each([
    ['is not there', account([device()]), 'tablet'],
    ['is there in another case', account([device()]), 'Phone'],
    ['expired', account([untried('old', NOW - DAY)]), 'old'],
    ['belongs to nobody', null, 'phone'],
  ])('changes nothing when the device %s', (_, user, name) => {
    expect(decideRemove(user, name, context)).toEqual({
      answer: { status: 'OK', didDeviceExist: false },
      account: null,
      events: [],
    });
  });
});

describe('renaming a device', () => {
  it('changes its name and nothing else', () => {
    const user = account([device({ name: 'phone', usedUntil: 7 }), device({ name: 'tablet' })], { usedUntil: 9 });
    expect(decideRename(user, 'phone', 'Phone', context)).toEqual({
      answer: { status: 'OK' },
      account: { ...user, devices: [device({ id: 'id of phone', name: 'Phone', usedUntil: 7 }), user.devices[1]] },
      events: [{ name: 'totp.device.renamed', deviceId: 'id of phone', from: 'phone', to: 'Phone' }],
    });
  });

  it('to the name that it has changes nothing', () => {
    expect(decideRename(account([device()]), 'phone', 'phone', context)).toEqual({
      answer: { status: 'OK' },
      account: null,
      events: [],
    });
  });

  it.each([
    ['verified', device({ name: 'tablet' }), 'DEVICE_ALREADY_EXISTS_ERROR'],
    ['unverified', untried('tablet'), 'DEVICE_ALREADY_EXISTS_ERROR'],
    ['expired', untried('tablet', NOW - DAY), 'OK'],
  ])('to the name of a device that is %s', (_, other, status) => {
    expect(decideRename(account([device(), other]), 'phone', 'tablet', context).answer).toEqual({ status });
  });

  it.each([
    ['never was', null],
    ['expired', account([untried('phone', NOW - DAY)])],
    ['has another name', account([device({ name: 'phone ' })])],
  ])('M4: is of an unknown device when it %s', (_, user) => {
    expect(decideRename(user, 'phone', 'tablet', context)).toEqual({
      answer: { status: 'UNKNOWN_DEVICE_ERROR' },
      account: null,
      events: [],
    });
  });
});

describe('an unverified device', () => {
  it('exists for a day, to the millisecond', () => {
    const user = account([untried('phone', NOW)]);
    expect(liveDevices(user, NOW + DAY - 1, policy)).toHaveLength(1);
    expect(liveDevices(user, NOW + DAY, policy)).toHaveLength(0);
  });

  it('W8: exists while the clock is behind the time at which it was made', () => {
    expect(liveDevices(account([untried('phone', NOW)]), NOW - DAY, policy)).toHaveLength(1);
  });

  it('is no second factor yet', () => {
    expect(hasVerifiedDevice(account([untried('phone')]))).toBe(false);
    expect(hasVerifiedDevice(account([untried('phone'), device()]))).toBe(true);
  });
});

describe('the name of a device', () => {
  it.each([...LOOKALIKES, 'x'.repeat(256), '📱'.repeat(256), 'Ann’s phone', 'телефон', "'; DROP TABLE users; --"])(
    'may be %j',
    (name) => {
      expect(deviceNameProblem(name)).toBeUndefined();
    },
  );

  it.each([
    ['', 'deviceName is required and must be a non-empty string'],
    ['x'.repeat(257), 'deviceName must not be longer than 256 characters'],
    ['a\nb', 'deviceName must not contain control characters'],
    ['a\0', 'deviceName must not contain control characters'],
    ['a\u007F', 'deviceName must not contain control characters'],
    ['a\u2028', 'deviceName must not contain control characters'],
    ['a\uD83D', 'deviceName must not contain control characters'],
  ])('must not be %j', (name, problem) => {
    expect(deviceNameProblem(name)).toBe(problem);
  });

  it('is called as the request calls it', () => {
    expect(deviceNameProblem('', 'newDeviceName')).toBe('newDeviceName is required and must be a non-empty string');
  });
});
