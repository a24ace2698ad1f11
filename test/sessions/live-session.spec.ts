/** Calls of `TotpService` that are given the session itself, as an application's own routes make them. */
import { randomUUID } from 'node:crypto';
import { type RecipeInterface, SessionContainer, TotpArgumentError, TotpSession } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { useApplication } from '../support/client.js';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

class StoredSession extends TotpSession {
  readonly handle = randomUUID();
  at: number | undefined;

  constructor(
    readonly userId: string,
    override readonly tenantId = 'public',
  ) {
    super();
  }

  override completedAt(): Promise<number | undefined> {
    return Promise.resolve(this.at);
  }

  override complete(at: number): Promise<void> {
    this.at = at;
    return Promise.resolve();
  }
}

/** An application that lets nobody sign in at night. */
let isNight = false;
const atNight = (original: RecipeInterface): RecipeInterface => ({
  ...original,
  verifyTOTP: async (input) => {
    const answer = await original.verifyTOTP(input);
    return isNight && answer.status === 'OK' ? { status: 'UNKNOWN_USER_ID_ERROR' } : answer;
  },
});

describe('a session that is passed to TotpService', () => {
  const application = useApplication({ options: { override: { functions: atNight } } });
  const code = (secret = SECRET) => {
    application().clock.advance(30);
    return totpCode(secret, application().clock.now());
  };
  const signedIn = async (tenantId?: string) => {
    const stored = new StoredSession(randomUUID(), tenantId);
    await application().totp.importDevice({ userId: stored.userId, deviceName: 'phone', secretKey: SECRET });
    return { stored, userId: stored.userId, session: new SessionContainer(stored) };
  };

  it('is completed by a right code, and by no other', async () => {
    const { stored, userId, session } = await signedIn();
    await application().totp.verifyTOTP({ userId, session, totp: '000000' });
    expect(stored.at).toBeUndefined();
    expect(await application().totp.verifyTOTP({ userId, session, totp: code() })).toEqual({ status: 'OK' });
    expect(stored.at).toBe(application().clock.now());
  });

  it('is not completed by a code that an override refuses', async () => {
    const { stored, userId, session } = await signedIn();
    isNight = true;
    await application().totp.verifyTOTP({ userId, session, totp: code() });
    isNight = false;
    expect(stored.at).toBeUndefined();
  });

  it('is completed by the code that verifies a device, once, and may then change devices', async () => {
    const { totp } = application();
    const stored = new StoredSession(randomUUID());
    const [userId, session] = [stored.userId, new SessionContainer(stored)];
    const made = await totp.createDevice({ userId, session, deviceName: 'phone' });
    const secret = made.status === 'OK' ? made.secret : '';
    await totp.verifyDevice({ userId, session, deviceName: 'phone', totp: code(secret) });
    const completedAt = application().clock.now();
    expect(stored.at).toBe(completedAt);
    await totp.verifyDevice({ userId, session, deviceName: 'phone', totp: code(secret) });
    expect(stored.at).toBe(completedAt);
    expect(await totp.removeDevice({ userId, session, deviceName: 'phone' })).toMatchObject({ didDeviceExist: true });
  });

  it('is completed by a recovery code', async () => {
    const { totp } = application();
    const { stored, userId, session } = await signedIn();
    const made = await totp.createRecoveryCodes({ userId, onBehalfOf: 'application' });
    const [recoveryCode = ''] = made.status === 'OK' ? made.recoveryCodes : [];
    await totp.verifyRecoveryCode({ userId, session, recoveryCode: `${recoveryCode}0` });
    expect(stored.at).toBeUndefined();
    await totp.verifyRecoveryCode({ userId, session, recoveryCode });
    expect(stored.at).toBe(application().clock.now());
  });

  it('must be that of the user, or nothing is checked or changed', async () => {
    const { totp } = application();
    const [ann, bob] = [await signedIn(), await signedIn()];
    const calls = [
      () => totp.verifyTOTP({ userId: ann.userId, session: bob.session, totp: code() }),
      () => totp.removeDevice({ userId: ann.userId, session: bob.session, deviceName: 'phone' }),
      () =>
        totp.requireStepUp({
          userId: ann.userId,
          session: bob.session,
          change: { kind: 'remove', deviceName: 'phone' },
        }),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(TotpArgumentError);
    for (const call of calls) await expect(call()).rejects.toThrow('userId is not the user of the session');
    expect(bob.stored.at).toBeUndefined();
    expect(await totp.getStatus({ userId: ann.userId })).toMatchObject({ enrolled: true, failures: 0 });
  });

  it('names the tenant and the session in events', async () => {
    const { totp, events } = application();
    const { userId, session } = await signedIn('acme');
    await totp.verifyTOTP({ userId, session, totp: code() });
    expect(events.events.at(-1)).toMatchObject({
      name: 'totp.code.accepted',
      tenantId: 'acme',
      sessionHandle: session.getHandle(),
    });
  });
});
