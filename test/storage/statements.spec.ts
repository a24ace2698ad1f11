/** Statements per call, as the architecture promises them: this is what the module costs. */
import { randomUUID } from 'node:crypto';
import type { TotpService } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { useApplication } from '../support/client.js';
import { databases } from '../support/databases.js';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

describe.each(databases)('on $name', ({ open }) => {
  const application = useApplication({ open, options: { trustedBrowsers: {} } });
  const right = (userId: string) => ({ userId, totp: totpCode(SECRET, application().clock.now()) });
  const wrong = (userId: string) => ({ userId, totp: '000000' });
  const phone = (userId: string) => ({ userId, deviceName: 'phone', onBehalfOf: 'application' as const });

  /** The first word of each statement that calls send to the database. */
  async function sentBy(call: (totp: TotpService) => Promise<object>, answer: object): Promise<string> {
    const { totp, statements } = application();
    statements.length = 0;
    expect(await call(totp)).toMatchObject(answer);
    return statements.map((statement) => statement.split(' ', 1)[0]).join(' ');
  }

  async function enrolled(failures = 0): Promise<string> {
    const userId = randomUUID();
    await application().totp.importDevice({ ...phone(userId), secretKey: SECRET });
    for (let n = 0; n < failures; n++) await application().totp.verifyTOTP(wrong(userId));
    return userId;
  }

  it.each([0, 3])('an accepted code takes one read and one write, after %i failures too', async (failures) => {
    const userId = await enrolled(failures);
    expect(await sentBy((totp) => totp.verifyTOTP(right(userId)), { status: 'OK' })).toBe('SELECT UPDATE');
  });

  it.each([0, 4])('a rejected code takes one read and one write, after %i failures too', async (failures) => {
    const userId = await enrolled(failures);
    const answer = { currentNumberOfFailedAttempts: failures + 1 };
    expect(await sentBy((totp) => totp.verifyTOTP(wrong(userId)), answer)).toBe('SELECT UPDATE');
  });

  it('a code during a lock takes one read, however often it is entered', async () => {
    const userId = await enrolled(5);
    for (const code of [wrong(userId), right(userId), wrong(userId)]) {
      expect(await sentBy((totp) => totp.verifyTOTP(code), { status: 'LIMIT_REACHED_ERROR' })).toBe('SELECT');
    }
  });

  it('a replayed code takes one read', async () => {
    const userId = await enrolled();
    await application().totp.verifyTOTP(right(userId));
    expect(await sentBy((totp) => totp.verifyTOTP(right(userId)), { status: 'INVALID_TOTP_ERROR' })).toBe('SELECT');
  });

  it('a code of an unknown user takes one read', async () => {
    const code = right(randomUUID());
    expect(await sentBy((totp) => totp.verifyTOTP(code), { status: 'UNKNOWN_USER_ID_ERROR' })).toBe('SELECT');
  });

  it('creating a device takes one read and one write', async () => {
    const userId = randomUUID();
    const OK = { status: 'OK' };
    expect(await sentBy((totp) => totp.createDevice(phone(userId)), OK)).toBe('SELECT INSERT');
    expect(await sentBy((totp) => totp.createDevice(phone(userId)), OK)).toBe('SELECT UPDATE');
  });

  it('verifying, renaming and removing a device take one read and one write', async () => {
    const userId = randomUUID();
    const made = await application().totp.createDevice(phone(userId));
    const totp = totpCode('qrCodeString' in made ? made.qrCodeString : '', application().clock.now());
    const OK = { status: 'OK' };
    const rename = { userId, existingDeviceName: 'phone', newDeviceName: 'tablet', onBehalfOf: 'application' as const };
    expect(
      await sentBy((service) => service.verifyDevice({ ...phone(userId), totp, onBehalfOf: 'application' }), OK),
    ).toBe('SELECT UPDATE');
    expect(
      await sentBy((service) => service.verifyDevice({ ...phone(userId), totp, onBehalfOf: 'application' }), OK),
    ).toBe('SELECT');
    expect(await sentBy((service) => service.updateDevice(rename), OK)).toBe('SELECT UPDATE');
    expect(
      await sentBy((service) => service.removeDevice({ userId, deviceName: 'tablet', onBehalfOf: 'application' }), OK),
    ).toBe('SELECT UPDATE');
  });

  it('listing devices, and the status of one or 500 users takes one read', async () => {
    const userId = await enrolled();
    const userIds = [userId, ...Array.from({ length: 499 }, () => randomUUID())];
    expect(await sentBy((totp) => totp.listDevices({ userId }), { devices: [{ name: 'phone' }] })).toBe('SELECT');
    expect(await sentBy((totp) => totp.getStatus({ userId }), { enrolled: true })).toBe('SELECT');
    expect(await sentBy((totp) => totp.getStatuses({ userIds }), { status: 'OK' })).toBe('SELECT');
  });

  it('creating a set of recovery codes and using a code take one read and one write, a wrong code and the count one read', async () => {
    const userId = await enrolled(5);
    const made = await application().totp.createRecoveryCodes({ userId, onBehalfOf: 'application' });
    const recoveryCode = made.status === 'OK' ? (made.recoveryCodes[0] ?? '') : '';
    const [OK, wrongCode] = [{ status: 'OK' }, { status: 'INVALID_RECOVERY_CODE_ERROR' }];
    expect(await sentBy((totp) => totp.createRecoveryCodes({ userId, onBehalfOf: 'application' }), OK)).toBe(
      'SELECT UPDATE',
    );
    expect(await sentBy((totp) => totp.createTemporaryCode({ userId }), OK)).toBe('SELECT UPDATE');
    expect(await sentBy((totp) => totp.verifyRecoveryCode({ userId, recoveryCode }), wrongCode)).toBe('SELECT');
    const renewed = await application().totp.createRecoveryCodes({ userId, onBehalfOf: 'application' });
    const code = { userId, recoveryCode: renewed.status === 'OK' ? (renewed.recoveryCodes[0] ?? '') : '' };
    expect(await sentBy((totp) => totp.verifyRecoveryCode(code), OK)).toBe('SELECT UPDATE');
    expect(await sentBy((totp) => totp.getRecoveryCodes({ userId }), OK)).toBe('SELECT');
  });

  it('a code that trusts the browser takes one read and one write, and a trusted browser one read', async () => {
    const userId = await enrolled();
    const OK = { status: 'OK' };
    let trustToken = '';
    const trusting = async (totp: TotpService) => {
      const answer = await totp.verifyTOTP({ ...right(userId), trustBrowser: {} });
      if (answer.status === 'OK') trustToken = answer.trustToken ?? '';
      return answer;
    };
    expect(await sentBy(trusting, OK)).toBe('SELECT UPDATE');
    expect(await sentBy((totp) => totp.verifyTrustedBrowser({ userId, trustToken }), OK)).toBe('SELECT');
    expect(await sentBy((totp) => totp.listTrustedBrowsers({ userId }), OK)).toBe('SELECT');
    expect(await sentBy((totp) => totp.forgetTrustedBrowsers({ userId, onBehalfOf: 'application' }), OK)).toBe(
      'SELECT UPDATE',
    );
  });

  it('the first of two codes takes one read and one write, as any code does', async () => {
    const userId = await enrolled();
    for (let n = 0; n < 30; n++) {
      await application().totp.unlockUser({ userId });
      await application().totp.verifyTOTP(wrong(userId));
    }
    await application().totp.unlockUser({ userId });
    expect(await sentBy((totp) => totp.verifyTOTP(right(userId)), { nextCodeRequired: true })).toBe('SELECT UPDATE');
  });

  it('unlocking takes one read and one write, and erasing a user one read and two writes in a transaction', async () => {
    const userId = await enrolled(5);
    expect(await sentBy((totp) => totp.unlockUser({ userId }), { wasLocked: true })).toBe('SELECT UPDATE');
    expect(await sentBy((totp) => totp.removeUser({ userId }), { didUserExist: true })).toBe(
      'SELECT BEGIN DELETE DELETE COMMIT',
    );
  });
});
