/** Every function of `TotpService` in every situation in which it answers or writes something else. */
import { randomUUID } from 'node:crypto';
import type { TotpService } from 'nestjs-totp';
import { type TestTotpClock, totpCode } from 'nestjs-totp/testing';

export const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
export const WRONG_CODE = '000000';
const OTHER_SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const OK = { status: 'OK' };
const LOCK = 15 * 60;

/** The user who prepares a situation. */
export interface Setting {
  readonly totp: TotpService;
  readonly clock: TestTotpClock;
  readonly userId: string;
}

export type Call = (totp: TotpService) => Promise<object>;

export interface Operation {
  readonly name: string;
  /** Brings the user into the situation; the call that is then made. */
  readonly prepare: (setting: Setting) => Promise<Call>;
  /** What the call is answered. */
  readonly answer: object;
  /** What the same call is answered when it is made again. */
  readonly again: object;
  readonly events: readonly string[];
}

const invalid = (currentNumberOfFailedAttempts: number) => ({
  status: 'INVALID_TOTP_ERROR',
  currentNumberOfFailedAttempts,
  maxNumberOfFailedAttempts: 5,
});
const limitReached = expect.objectContaining({ status: 'LIMIT_REACHED_ERROR', retryAfterMs: LOCK * 1000 });
const device = (name: string, verified = true) => ({ name, period: 30, skew: 1, verified });

async function enrol({ totp, userId }: Setting): Promise<void> {
  await totp.importDevice({ userId, deviceName: 'phone', secretKey: SECRET });
}

async function fail(setting: Setting, failures: number): Promise<void> {
  const { totp, userId } = setting;
  for (let n = 0; n < failures; n++) await totp.verifyTOTP({ userId, totp: WRONG_CODE });
}

/** Makes a call of `verifyTOTP` after some failures. */
function signIn(failures: number, code: (clock: TestTotpClock) => string): Operation['prepare'] {
  return async (setting) => {
    const { userId, clock } = setting;
    await enrol(setting);
    await fail(setting, failures);
    return (totp) => totp.verifyTOTP({ userId, totp: code(clock) });
  };
}

const rightCode = (clock: TestTotpClock) => totpCode(SECRET, clock.now());
const wrongCode = () => WRONG_CODE;

/** Makes a call of `verifyDevice` for a device that was just created. */
function enrolByCode(code: (keyUri: string, clock: TestTotpClock) => string): Operation['prepare'] {
  return async ({ totp, userId, clock }) => {
    const made = await totp.createDevice({ userId, deviceName: 'new' });
    if (made.status !== 'OK') throw new Error(made.status);
    return (service) => service.verifyDevice({ userId, deviceName: 'new', totp: code(made.qrCodeString, clock) });
  };
}

/** Makes a call for a user with a verified device and one failure. */
function withPhone(call: (userId: string) => Call): Operation['prepare'] {
  return async (setting) => {
    await enrol(setting);
    await fail(setting, 1);
    return call(setting.userId);
  };
}

const create = (userId: string) => (totp: TotpService) =>
  totp.createDevice({ userId, deviceName: 'new', userIdentifierInfo: 'ann' });
const importOne = (userId: string) => (totp: TotpService) =>
  totp.importDevice({ userId, deviceName: 'new', secretKey: OTHER_SECRET });
const created = { status: 'OK', deviceName: 'new', secret: expect.any(String), qrCodeString: expect.any(String) };

export const operations: readonly Operation[] = [
  {
    name: 'createDevice of a new user',
    prepare: ({ userId }) => Promise.resolve(create(userId)),
    answer: created,
    again: created,
    events: ['totp.device.created'],
  },
  {
    name: 'createDevice of a user with a device',
    prepare: withPhone(create),
    answer: created,
    again: created,
    events: ['totp.device.created'],
  },
  {
    name: 'importDevice of a new user',
    prepare: ({ userId }) => Promise.resolve(importOne(userId)),
    answer: { status: 'OK', deviceName: 'new' },
    again: { status: 'SECRET_ALREADY_EXISTS_ERROR', deviceName: 'new' },
    events: ['totp.device.created'],
  },
  {
    name: 'importDevice of a user with a device',
    prepare: withPhone(importOne),
    answer: { status: 'OK', deviceName: 'new' },
    again: { status: 'SECRET_ALREADY_EXISTS_ERROR', deviceName: 'new' },
    events: ['totp.device.created'],
  },
  {
    name: 'updateDevice',
    prepare: withPhone(
      (userId) => (totp) => totp.updateDevice({ userId, existingDeviceName: 'phone', newDeviceName: 'new' }),
    ),
    answer: OK,
    again: { status: 'UNKNOWN_DEVICE_ERROR' },
    events: ['totp.device.renamed'],
  },
  {
    name: 'removeDevice',
    prepare: withPhone((userId) => (totp) => totp.removeDevice({ userId, deviceName: 'phone' })),
    answer: { status: 'OK', didDeviceExist: true },
    again: { status: 'OK', didDeviceExist: false },
    events: ['totp.device.removed'],
  },
  {
    name: 'verifyDevice with a right code',
    prepare: enrolByCode((keyUri, clock) => totpCode(keyUri, clock.now())),
    answer: { status: 'OK', wasAlreadyVerified: false },
    again: { status: 'OK', wasAlreadyVerified: true },
    events: ['totp.device.verified'],
  },
  {
    name: 'verifyDevice with a wrong code',
    prepare: enrolByCode(() => 'wrong'),
    answer: invalid(1),
    again: invalid(2),
    events: ['totp.code.rejected'],
  },
  {
    name: 'verifyTOTP with a right code',
    prepare: signIn(0, rightCode),
    answer: OK,
    again: invalid(0),
    events: ['totp.code.accepted'],
  },
  {
    name: 'verifyTOTP with a right code after failures',
    prepare: signIn(4, rightCode),
    answer: OK,
    again: invalid(0),
    events: ['totp.code.accepted'],
  },
  {
    name: 'verifyTOTP with a right code after a lock',
    prepare: async (setting) => {
      setting.clock.advance(-LOCK);
      const call = await signIn(5, rightCode)(setting);
      setting.clock.advance(LOCK);
      return call;
    },
    answer: OK,
    again: invalid(0),
    events: ['totp.code.accepted', 'totp.user.unlocked'],
  },
  {
    name: 'verifyTOTP with a wrong code',
    prepare: signIn(0, wrongCode),
    answer: invalid(1),
    again: invalid(2),
    events: ['totp.code.rejected'],
  },
  {
    name: 'verifyTOTP with the wrong code that locks',
    prepare: signIn(4, wrongCode),
    answer: invalid(5),
    again: limitReached,
    events: ['totp.code.rejected', 'totp.user.locked'],
  },
  {
    name: 'verifyTOTP with a right code during a lock',
    prepare: signIn(5, rightCode),
    answer: limitReached,
    again: limitReached,
    events: [],
  },
  {
    name: 'verifyTOTP with a code for the second time',
    prepare: async (setting) => {
      const call = await signIn(0, rightCode)(setting);
      await call(setting.totp);
      return call;
    },
    answer: invalid(0),
    again: invalid(0),
    events: ['totp.code.replayed'],
  },
  {
    name: 'unlockUser',
    prepare: async (setting) => {
      await enrol(setting);
      await fail(setting, 5);
      return (totp) => totp.unlockUser({ userId: setting.userId });
    },
    answer: { status: 'OK', wasLocked: true },
    again: { status: 'OK', wasLocked: false },
    events: ['totp.user.unlocked'],
  },
  {
    name: 'listDevices',
    prepare: withPhone((userId) => (totp) => totp.listDevices({ userId })),
    answer: { status: 'OK', devices: [device('phone')] },
    again: { status: 'OK', devices: [device('phone')] },
    events: [],
  },
  {
    name: 'getStatus',
    prepare: withPhone((userId) => (totp) => totp.getStatus({ userId })),
    answer: expect.objectContaining({ status: 'OK', enrolled: true, failures: 1 }),
    again: expect.objectContaining({ status: 'OK', enrolled: true, failures: 1 }),
    events: [],
  },
  {
    name: 'getStatuses',
    prepare: withPhone((userId) => (totp) => totp.getStatuses({ userIds: [userId, randomUUID()] })),
    answer: {
      status: 'OK',
      users: [expect.objectContaining({ failures: 1 }), expect.objectContaining({ devices: [] })],
    },
    again: {
      status: 'OK',
      users: [expect.objectContaining({ failures: 1 }), expect.objectContaining({ devices: [] })],
    },
    events: [],
  },
  {
    name: 'removeUser',
    prepare: withPhone((userId) => (totp) => totp.removeUser({ userId })),
    answer: { status: 'OK', didUserExist: true },
    again: { status: 'OK', didUserExist: false },
    events: ['totp.user.removed'],
  },
];
