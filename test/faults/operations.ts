/** Every function of `TotpService` in every situation in which it answers or writes something else. */
import { randomUUID } from 'node:crypto';
import type { TotpService } from 'nestjs-totp';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';

export const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
export const WRONG_CODE = '000000';
const RECOVERY_CODE = 'aBcDeFgHiJkLmNoPqRsT';
const OTHER_SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const OK = { status: 'OK' };
const LOCK = 15 * 60;

/** The user who prepares a situation. */
interface Setting {
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
    const made = await totp.createDevice({ userId, deviceName: 'new', onBehalfOf: 'application' });
    if (made.status !== 'OK') throw new Error(made.status);
    return (service) =>
      service.verifyDevice({
        userId,
        deviceName: 'new',
        totp: code(made.qrCodeString, clock),
        onBehalfOf: 'application',
      });
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

/** Makes a call for a locked user with a recovery code. */
function withCodes(call: (userId: string) => Call): Operation['prepare'] {
  return async (setting) => {
    const { totp, userId } = setting;
    await enrol(setting);
    await totp.importRecoveryCodes({ userId, recoveryCodes: [RECOVERY_CODE] });
    await fail(setting, 5);
    return call(userId);
  };
}

/** Makes a call for a user with a trusted browser. */
function trusting(call: (userId: string, trustToken: string) => Call): Operation['prepare'] {
  return async (setting) => {
    const { totp, userId, clock } = setting;
    await enrol(setting);
    const answer = await totp.verifyTOTP({ userId, totp: rightCode(clock), trustBrowser: {} });
    return call(userId, answer.status === 'OK' ? (answer.trustToken ?? '') : '');
  };
}

const create = (userId: string) => (totp: TotpService) =>
  totp.createDevice({ userId, deviceName: 'new', userIdentifierInfo: 'ann', onBehalfOf: 'application' });
const importOne = (userId: string) => (totp: TotpService) =>
  totp.importDevice({ userId, deviceName: 'new', secretKey: OTHER_SECRET });
const created = { status: 'OK', deviceName: 'new', secret: expect.any(String), qrCodeString: expect.any(String) };

export const operations: readonly Operation[] = [
  {
    name: 'createDevice of a new user',
    prepare: ({ userId }) => Promise.resolve(create(userId)),
    answer: created,
    again: { ...created, replaced: true },
    events: ['totp.device.created'],
  },
  {
    name: 'createDevice of a user with a device',
    prepare: withPhone(create),
    answer: created,
    again: { ...created, replaced: true },
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
      (userId) => (totp) =>
        totp.updateDevice({ userId, existingDeviceName: 'phone', newDeviceName: 'new', onBehalfOf: 'application' }),
    ),
    answer: OK,
    again: { status: 'UNKNOWN_DEVICE_ERROR' },
    events: ['totp.device.renamed'],
  },
  {
    name: 'removeDevice',
    prepare: withPhone(
      (userId) => (totp) => totp.removeDevice({ userId, deviceName: 'phone', onBehalfOf: 'application' }),
    ),
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
    answer: { status: 'OK', devices: [expect.objectContaining({ name: 'phone', verified: true })] },
    again: { status: 'OK', devices: [expect.objectContaining({ name: 'phone', verified: true })] },
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
    name: 'createRecoveryCodes',
    prepare: withPhone((userId) => (totp) => totp.createRecoveryCodes({ userId, onBehalfOf: 'application' })),
    answer: { status: 'OK', recoveryCodes: Array(8).fill(expect.any(String)) },
    again: { status: 'OK', recoveryCodes: Array(8).fill(expect.any(String)) },
    events: ['totp.recovery-codes.created'],
  },
  {
    name: 'verifyRecoveryCode with a right code',
    prepare: withCodes((userId) => (totp) => totp.verifyRecoveryCode({ userId, recoveryCode: RECOVERY_CODE })),
    answer: { status: 'OK', recoveryCodesLeft: 0 },
    again: { status: 'INVALID_RECOVERY_CODE_ERROR' },
    events: ['totp.recovery-code.used', 'totp.user.unlocked'],
  },
  {
    name: 'verifyRecoveryCode with a wrong code',
    prepare: withCodes((userId) => (totp) => totp.verifyRecoveryCode({ userId, recoveryCode: 'wrong' })),
    answer: { status: 'INVALID_RECOVERY_CODE_ERROR' },
    again: { status: 'INVALID_RECOVERY_CODE_ERROR' },
    events: ['totp.recovery-code.rejected'],
  },
  {
    name: 'getRecoveryCodes',
    prepare: withCodes((userId) => (totp) => totp.getRecoveryCodes({ userId })),
    answer: expect.objectContaining({ status: 'OK', left: 1, total: 1 }),
    again: expect.objectContaining({ status: 'OK', left: 1, total: 1 }),
    events: [],
  },
  {
    name: 'createTemporaryCode',
    prepare: withPhone((userId) => (totp) => totp.createTemporaryCode({ userId })),
    answer: { status: 'OK', temporaryCode: expect.any(String), expiresAt: expect.any(Number) },
    again: { status: 'OK', temporaryCode: expect.any(String), expiresAt: expect.any(Number) },
    events: ['totp.temporary-code.created'],
  },
  {
    name: 'verifyTOTP with a right code that trusts the browser',
    prepare: withPhone(
      (userId) => (totp) => totp.verifyTOTP({ userId, totp: rightCode(new TestTotpClock()), trustBrowser: {} }),
    ),
    answer: { status: 'OK', trustToken: expect.any(String) },
    again: invalid(0),
    events: ['totp.code.accepted', 'totp.browser.trusted'],
  },
  {
    name: 'verifyTrustedBrowser',
    prepare: trusting((userId, trustToken) => (totp) => totp.verifyTrustedBrowser({ userId, trustToken })),
    answer: expect.objectContaining({ status: 'OK' }),
    again: expect.objectContaining({ status: 'OK' }),
    events: [],
  },
  {
    name: 'listTrustedBrowsers',
    prepare: trusting((userId) => (totp) => totp.listTrustedBrowsers({ userId })),
    answer: { status: 'OK', browsers: [expect.anything()] },
    again: { status: 'OK', browsers: [expect.anything()] },
    events: [],
  },
  {
    name: 'forgetTrustedBrowsers',
    prepare: trusting((userId) => (totp) => totp.forgetTrustedBrowsers({ userId, onBehalfOf: 'application' })),
    answer: { status: 'OK', forgotten: 1 },
    again: { status: 'OK', forgotten: 0 },
    events: ['totp.browser.forgotten'],
  },
  {
    name: 'removeUser',
    prepare: withPhone((userId) => (totp) => totp.removeUser({ userId })),
    answer: { status: 'OK', didUserExist: true },
    again: { status: 'OK', didUserExist: false },
    events: ['totp.user.removed'],
  },
];
