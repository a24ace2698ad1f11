/**
 * SuperTokens' own front-end package, unmodified, against a running server: what a SuperTokens front end notices (contract §1).
 *
 * The package knows one server for its lifetime, so each platform has a test file of its own.
 */
import { randomUUID } from 'node:crypto';
import { totpCode } from 'nestjs-totp/testing';
import { init } from 'supertokens-web-js';
import * as Totp from 'supertokens-web-js/recipe/totp/index.js';
import type { Platform } from '../support/application.js';
import { Person, useApplication } from '../support/client.js';

export function describeWebJs(platform: Platform): void {
  const application = useApplication({ platform, options: { path: 'auth/totp' } });
  /** The application's own credentials; no session of SuperTokens. */
  let credentials: Record<string, string> = {};
  const actions: string[] = [];
  const statuses: number[] = [];

  beforeAll(() => {
    init({
      appInfo: { appName: 'Acme', apiDomain: application().url, apiBasePath: '/auth' },
      // There is no window here: what the package keeps in `localStorage` is the difference between two clocks.
      windowHandler: (original) => ({
        ...original,
        localStorage: { ...original.localStorage, getItemSync: () => null, setItemSync: () => undefined },
      }),
      recipeList: [
        Totp.init({
          preAPIHook: (context) => {
            actions.push(context.action);
            const headers = { ...(context.requestInit.headers as Record<string, string>), ...credentials };
            return Promise.resolve({ ...context, requestInit: { ...context.requestInit, headers } });
          },
          postAPIHook: ({ fetchResponse }) => {
            statuses.push(fetchResponse.status);
            return Promise.resolve();
          },
        }),
      ],
    });
  });

  beforeEach(() => {
    credentials = new Person(application()).headers;
    actions.length = 0;
    statuses.length = 0;
  });

  const wait = (seconds: number) => {
    application().clock.advance(seconds);
  };
  const enrolled = async () => {
    const made = await Totp.createDevice({ deviceName: 'phone' });
    if (made.status !== 'OK') throw new Error(made.status);
    const code = () => totpCode(made.qrCodeString, application().clock.now());
    expect(await Totp.verifyDevice({ deviceName: 'phone', totp: code() })).toMatchObject({
      status: 'OK',
      wasAlreadyVerified: false,
    });
    wait(30);
    return { code };
  };

  it('enrols a device, signs in with it, lists it and removes it', async () => {
    const { code } = await enrolled();
    expect(await Totp.verifyCode({ totp: code() })).toMatchObject({ status: 'OK' });
    expect(await Totp.listDevices()).toMatchObject({
      status: 'OK',
      devices: [{ name: 'phone', period: 30, skew: 1, verified: true }],
    });
    expect(await Totp.removeDevice({ deviceName: 'phone' })).toMatchObject({ status: 'OK', didDeviceExist: true });
    expect(await Totp.removeDevice({ deviceName: 'phone' })).toMatchObject({ status: 'OK', didDeviceExist: false });
    expect(actions).toEqual([
      'CREATE_DEVICE',
      'VERIFY_DEVICE',
      'VERIFY_CODE',
      'LIST_DEVICES',
      'REMOVE_DEVICE',
      'REMOVE_DEVICE',
    ]);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
  });

  it('gets a name for a device without one, a secret and a key URI', async () => {
    expect(await Totp.createDevice()).toMatchObject({
      status: 'OK',
      deviceName: 'TOTP Device 0',
      secret: expect.stringMatching(/^[A-Z2-7]{32}$/),
      qrCodeString: expect.stringMatching(/^otpauth:\/\/totp\/Acme\?secret=/),
    });
  });

  it('gets every outcome as an answer, never by an exception', async () => {
    expect(await Totp.verifyCode({ totp: '000000' })).toMatchObject({ status: 'UNKNOWN_USER_ID_ERROR' });
    expect(await Totp.verifyDevice({ deviceName: 'phone', totp: '000000' })).toMatchObject({
      status: 'UNKNOWN_DEVICE_ERROR',
    });
    const { code } = await enrolled();
    expect(await Totp.createDevice({ deviceName: 'phone' })).toMatchObject({ status: 'DEVICE_ALREADY_EXISTS_ERROR' });
    expect(await Totp.verifyDevice({ deviceName: 'phone', totp: '' })).toMatchObject({ wasAlreadyVerified: true });
    for (const failure of [1, 2, 3, 4, 5]) {
      expect(await Totp.verifyCode({ totp: 'wrong' })).toMatchObject({
        status: 'INVALID_TOTP_ERROR',
        currentNumberOfFailedAttempts: failure,
        maxNumberOfFailedAttempts: 5,
      });
    }
    expect(await Totp.verifyCode({ totp: code() })).toMatchObject({
      status: 'LIMIT_REACHED_ERROR',
      retryAfterMs: 900_000,
    });
  });

  it('O1: sees no more than a wrong code when signing in takes two codes in a row, and the next code signs in', async () => {
    const { code } = await enrolled();
    const { totp } = application();
    const userId = decodeURIComponent(credentials['x-user'] ?? '');
    for (let n = 0; n < 30; n++) {
      await totp.verifyTOTP({ userId, totp: 'wrong' });
      await totp.unlockUser({ userId });
    }
    expect(await Totp.verifyCode({ totp: code() })).toMatchObject({
      status: 'INVALID_TOTP_ERROR',
      currentNumberOfFailedAttempts: 0,
      maxNumberOfFailedAttempts: 5,
    });
    wait(30);
    expect(await Totp.verifyCode({ totp: code() })).toMatchObject({ status: 'OK' });
  });

  it('shows the message of a GENERAL_ERROR at the device cap', async () => {
    for (let n = 0; n < 10; n++) await Totp.createDevice({ deviceName: `device ${n}` });
    const refusal = Totp.createDevice({ deviceName: 'one more' });
    await expect(refusal).rejects.toThrow('You can have up to 10 authenticators. Remove one to add another.');
    await expect(refusal).rejects.toMatchObject({ isSuperTokensGeneralError: true });
  });

  it('is thrown a response with status 401 when nobody is signed in', async () => {
    credentials = {};
    const refusal: unknown = await Totp.listDevices().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status: 401 });
    expect(await (refusal as Response).json()).toMatchObject({ message: 'unauthorised' });
  });

  it('is thrown a response with status 403 and the claim that failed when a code is needed first', async () => {
    const userId = randomUUID();
    credentials = new Person(application(), { userId }).headers;
    await enrolled();
    credentials = new Person(application(), { userId }).headers;
    const refusal: unknown = await Totp.createDevice({ deviceName: 'tablet' }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status: 403 });
    expect(await (refusal as Response).json()).toMatchObject({
      message: 'invalid claim',
      claimValidationErrors: [{ id: 'st-mfa', reason: expect.anything() }],
    });
  });

  it('is thrown a response with status 400 for a name that no device may have', async () => {
    const refusal: unknown = await Totp.createDevice({ deviceName: '' }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status: 400 });
  });
}
