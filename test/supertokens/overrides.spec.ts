/** Overrides that were written for SuperTokens' recipe, in an application that uses the module: unchanged. */
import type * as SuperTokens from 'supertokens-node/recipe/totp/types';
import {
  type RecipeInterface,
  type SuperTokensApiOptions,
  type SuperTokensApis,
  type SuperTokensFunctions,
  superTokensOverride,
  TotpArgumentError,
} from 'nestjs-totp';
import { platforms } from '../support/application.js';
import { answered, Person, refused, useApplication } from '../support/client.js';
import * as typed from './typed-overrides.js';

const labelOf = (uri: string) => decodeURIComponent(new URL(uri).pathname);

beforeEach(() => {
  typed.seen.length = 0;
});

describe.each(platforms)('an override as one object with the types of supertokens-node, on %s', (platform) => {
  const application = useApplication({
    platform,
    options: { override: superTokensOverride(typed.asOneObject) },
  });

  it('names the account, limits the devices, and calls functions through this', async () => {
    const ann = new Person(application(), { userId: 'ann' });
    expect(labelOf((await ann.enrol('first')).keyUri)).toBe('/Acme:ann@example.com');
    await ann.enrol('second');
    expect(await ann.post('/device', {})).toMatchObject({ status: 401 });
  });

  it('answers an error of its own', async () => {
    const answer = await new Person(application()).post('/device', { deviceName: 'forbidden' });
    expect(answer).toEqual(answered({ status: 'GENERAL_ERROR', message: 'Choose another name.' }));
  });

  it('adds a layer beneath itself by the builder', async () => {
    const ann = new Person(application());
    await ann.enrol('phone');
    const names = { existingDeviceName: 'phone', newDeviceName: ' tablet ' };
    expect(await ann.post('/device/rename', names)).toEqual(answered({ status: 'OK' }));
    expect((await ann.list()).body).toMatchObject({ devices: [{ name: 'tablet' }] });
  });

  it('replaces the user directory', async () => {
    const answer = await application().totp.getUserIdentifierInfoForUserId({ userId: 'ann' });
    expect(answer).toEqual({ status: 'OK', info: 'ann@acme' });
  });
});

describe.each(platforms)('annotated functions, on %s', (platform) => {
  const application = useApplication({
    platform,
    options: { override: superTokensOverride({ functions: typed.functions }) },
  });

  it('remove a device with an input that has no session, on behalf of the session that asked', async () => {
    const ann = new Person(application());
    await ann.enrol('phone');
    expect(await ann.post('/device/remove', { deviceName: 'PHONE' })).toEqual(
      answered({ status: 'OK', didDeviceExist: true }),
    );
  });

  it('get a tenant and a context with every call', async () => {
    await application().totp.verifyTOTP({ userId: 'ann', totp: '000000' });
    expect(typed.seen).toEqual(['public', 'object']);
  });

  it('answer with the fields of SuperTokens alone', async () => {
    const { totp } = application();
    const answer = await totp.verifyTOTP({ userId: 'ann', tenantId: 'closed', totp: '000000' });
    expect(answer).toEqual({ status: 'LIMIT_REACHED_ERROR', retryAfterMs: 60_000 });
  });
});

describe.each(platforms)('annotated APIs, on %s', (platform) => {
  const application = useApplication({
    platform,
    options: { override: superTokensOverride({ apis: typed.apis }) },
  });
  /** Enrolled, with a code that was not used yet. */
  async function enrolled(): Promise<{ ann: Person; code: string }> {
    const ann = new Person(application());
    const device = await ann.enrol('phone');
    application().clock.advance(30);
    typed.seen.length = 0;
    return { ann, code: device.code() };
  }

  it('read the request by the names of SuperTokens', async () => {
    const { ann, code } = await enrolled();
    const answer = await ann.send('/verify?from=menu', {
      method: 'POST',
      body: JSON.stringify({ totp: code }),
      headers: { 'content-type': 'application/json', cookie: 'theme=very%20dark; other=1' },
    });
    expect(answer).toEqual(answered({ status: 'OK' }));
    expect(typed.seen).toEqual([
      {
        method: 'post',
        url: '/totp/verify?from=menu',
        header: ann.userId,
        cookie: 'very dark',
        query: 'menu',
        totp: code,
        isInServerlessEnv: false,
        recipeId: 'totp',
        issuer: 'Acme',
      },
    ]);
  });

  it('set headers and cookies', async () => {
    const { ann, code } = await enrolled();
    const { headers } = await ann.signIn(code);
    expect(headers.get('x-first')).toBe('one, two');
    expect(headers.get('x-second')).toBeNull();
    expect(headers.getSetCookie()).toEqual([
      'seen=a%20b; Path=/; Expires=Tue, 01 Jan 2030 00:00:00 GMT; HttpOnly; Secure; SameSite=lax',
      'again=1; Path=/; Domain=example.com; Expires=Tue, 01 Jan 2030 00:00:00 GMT; SameSite=strict',
    ]);
  });

  it('read the session, and claims of SuperTokens from it', async () => {
    const { ann } = await enrolled();
    const completed = Math.floor((application().clock.now() - 30_000) / 1_000);
    expect(await ann.list()).toMatchObject({ body: { devices: [{ name: 'phone' }] } });
    expect(await ann.signedInAnew().list()).toMatchObject({ body: { devices: [{ name: 'phone' }] } });
    const session = { userId: ann.userId, recipeUserId: ann.userId, tenantId: 'public', handle: expect.any(String) };
    expect(typed.seen).toEqual([
      { ...session, factors: { c: { totp: completed }, v: true } },
      { ...session, factors: { c: {}, v: false } },
    ]);
  });

  it('answer with a status of their own', async () => {
    const { ann } = await enrolled();
    const answer = await ann.post('/device/remove', { deviceName: 'phone' });
    expect(answer).toEqual(refused(418, { removes: ann.userId }));
  });

  it('are not reached by a session that has to enter a code', async () => {
    const { ann } = await enrolled();
    expect(await ann.signedInAnew().post('/device/remove', { deviceName: 'phone' })).toMatchObject({ status: 403 });
  });
});

describe('an override without annotations', () => {
  const calls: { authority: unknown; userId: string }[] = [];
  const revoked: string[] = [];
  const application = useApplication({
    options: {
      maxDevices: 2,
      override: superTokensOverride({
        functions: (original) => ({
          ...original,
          listDevices: async (input) => {
            // A change within a function that changes nothing: on behalf of the one who lists.
            if (input.userContext.remove === true) {
              const { userId, userContext } = input;
              await original.removeDevice({ userId, deviceName: 'phone', userContext });
            }
            return original.listDevices(input);
          },
          createDevice: async ({ userId, session, onBehalfOf, userContext, deviceName = 'unnamed' }) => {
            calls.push({ authority: session === undefined ? onBehalfOf : 'session', userId });
            const of = userId === 'impostor' ? 'victim' : userId;
            return original.createDevice({ userId: of, deviceName, userContext });
          },
        }),
        apis: (original) => ({
          ...original,
          createDevicePOST: async ({ session, userContext, options }) => {
            const { recipeImplementation } = options;
            const userId = session.getUserId();
            const answer = await recipeImplementation.createDevice({ userId, deviceName: 'own', userContext });
            return answer.status === 'UNKNOWN_USER_ID_ERROR' ? { status: 'GENERAL_ERROR', message: 'who?' } : answer;
          },
          verifyTOTPPOST: async ({ session, totp, options, userContext }) => {
            const { recipeImplementation } = options;
            if (totp === 'sign out') await session.revokeSession();
            if (totp === 'token') session.getAccessToken();
            if (totp === 'expiry') await session.getExpiry();
            if (totp === 'merge') session.mergeIntoAccessTokenPayload();
            if (totp === 'html') options.res.sendHTMLResponse();
            if (totp === 'claims') await session.assertClaims([{ id: 'role', validate: refuses }]);
            const [userId, tenantId] = [session.getUserId(), session.getTenantId()];
            return recipeImplementation.verifyTOTP({ userId, tenantId, totp, userContext });
          },
          removeDevicePOST: (input) => {
            const { req, res, ...rest } = input.options;
            return original.removeDevicePOST?.({ ...input, options: { ...rest, req, res } }) ?? reject();
          },
          verifyDevicePOST: (input) =>
            original.verifyDevicePOST?.({
              ...input,
              options: input.deviceName === 'other recipe' ? otherRecipe(input.options) : made(input.options),
            }) ?? reject(),
          listDevicesGET: undefined,
        }),
        revokeSession: ({ session }) => {
          revoked.push(session.getHandle());
        },
      }),
    },
  });
  const refuses = () => Promise.resolve({ isValid: false, reason: 'no admin' });
  const reject = () => Promise.reject(new Error('not served'));
  const otherRecipe = (options: SuperTokensApiOptions): SuperTokensApiOptions => ({
    ...options,
    recipeImplementation: { ...options.recipeImplementation },
  });
  const made = <Options extends object>(options: Options): Options => {
    const copy = { ...options };
    for (const symbol of Object.getOwnPropertySymbols(copy)) Reflect.deleteProperty(copy, symbol);
    return copy;
  };

  it('may call the recipe without the session, which then acts all the same', async () => {
    const { totp, events } = application();
    const ann = new Person(application());
    expect(await ann.post('/device', {})).toMatchObject({ body: { status: 'OK', deviceName: 'own' } });
    expect(calls.pop()).toEqual({ authority: 'session', userId: ann.userId });
    await totp.createDevice({ userId: ann.userId, deviceName: 'second', onBehalfOf: 'application' });
    expect(calls.pop()).toEqual({ authority: 'application', userId: ann.userId });
    const created = events.named('totp.device.created').filter(({ userId }) => userId === ann.userId);
    expect(created.map(({ sessionHandle }) => typeof sessionHandle)).toEqual(['string', 'undefined']);
  });

  it('tells the user who has too many devices, when it answers what the recipe did', async () => {
    const ann = new Person(application());
    for (const deviceName of ['first', 'second']) {
      await application().totp.createDevice({ userId: ann.userId, deviceName, onBehalfOf: 'application' });
    }
    const message = 'You can have up to 2 authenticators. Remove one to add another.';
    expect(await ann.post('/device', {})).toEqual(answered({ status: 'GENERAL_ERROR', message }));
  });

  it('cannot change devices of a user on whose behalf it was not called', async () => {
    const { totp } = application();
    const change = totp.createDevice({ userId: 'impostor', deviceName: 'phone', onBehalfOf: 'application' });
    await expect(change).rejects.toThrow(TotpArgumentError);
    expect(await totp.listDevices({ userId: 'victim' })).toEqual({ status: 'OK', devices: [] });
  });

  it('cannot change devices when nobody says on whose behalf', async () => {
    const { totp } = application();
    const list = totp.listDevices({ userId: 'ann', userContext: { remove: true } });
    await expect(list).rejects.toThrow(/^session is missing: an override changes devices of a user/);
  });

  it('signs in by the recipe, and completes the session', async () => {
    const ann = new Person(application());
    const { totp, clock } = application();
    const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
    await totp.importDevice({ userId: ann.userId, deviceName: 'phone', secretKey });
    const { totpCode } = await import('nestjs-totp/testing');
    expect(await ann.signIn(totpCode(`otpauth://totp/x?secret=${secretKey}`, clock.now()))).toEqual(
      answered({ status: 'OK' }),
    );
    // Needs a completed session.
    expect(await ann.post('/device/remove', { deviceName: 'phone' })).toEqual(
      answered({ status: 'OK', didDeviceExist: true }),
    );
  });

  it('ends the session as the application says', async () => {
    const ann = new Person(application());
    await ann.signIn('sign out');
    expect(revoked).toHaveLength(1);
  });

  it('refuses a session with an invalid claim as SuperTokens does', async () => {
    const answer = await new Person(application()).signIn('claims');
    expect(answer).toEqual(
      refused(403, { message: 'invalid claim', claimValidationErrors: [{ id: 'role', reason: 'no admin' }] }),
    );
  });

  it.each(['token', 'expiry', 'merge', 'html'])(
    'fails loudly where SuperTokens has what is not here: %s',
    async (what) => {
      expect(await new Person(application()).signIn(what)).toMatchObject({ status: 500 });
    },
  );

  it.each(['options', 'other recipe'])('fails loudly when it makes the options of a call itself: %s', async (name) => {
    const answer = await new Person(application()).verify(name, '000000');
    expect(answer).toMatchObject({ status: 500 });
  });

  it('switches an API off', async () => {
    expect(await new Person(application()).list()).toMatchObject({ status: 404 });
  });
});

/** When a device was created, verified and used: an override that makes up devices has to add it. */
type Times = 'createdAt' | 'verifiedAt' | 'lastUsedAt';

/** An answer as an override of SuperTokens makes it. */
type Made<Answer> = Answer extends { devices: (infer Device)[] }
  ? Omit<Answer, 'devices'> & { devices: (Device & Record<Times, number>)[] }
  : Answer;

/** `true` where every value of the first type is one of the second. */
type Fits<From, To> = [From] extends [To] ? true : { from: From; doesNotFit: To };
type Names = keyof SuperTokens.RecipeInterface;
type Input<Functions, Name extends keyof Functions> = Functions[Name] extends ((input: infer I) => unknown) | undefined
  ? I
  : never;
type Output<Functions, Name extends keyof Functions> = Functions[Name] extends
  ((input: never) => Promise<infer O>) | undefined
  ? O
  : never;
/** Without the status that SuperTokens does not have. */
type Own<Answer> = Exclude<Answer, { status: 'DEVICE_LIMIT_REACHED_ERROR' }>;

describe('the types of SuperTokens', () => {
  it('are those of the functions, but for a brand of the context and for statuses that SuperTokens does not have', () => {
    type Comparisons = {
      [Name in Names]: [
        calls: Fits<Input<SuperTokens.RecipeInterface, Name>, Input<SuperTokensFunctions, Name>>,
        isCalled: Fits<
          Omit<Input<SuperTokensFunctions, Name>, 'userContext'>,
          Omit<Input<SuperTokens.RecipeInterface, Name>, 'userContext'>
        >,
        answers: Fits<Made<Output<SuperTokens.RecipeInterface, Name>>, Output<SuperTokensFunctions, Name>>,
        isAnswered: Fits<Own<Output<SuperTokensFunctions, Name>>, Output<SuperTokens.RecipeInterface, Name>>,
      ];
    };
    const all = [true, true, true, true] as const;
    const comparisons: Comparisons = {
      getUserIdentifierInfoForUserId: [...all],
      createDevice: [...all],
      updateDevice: [...all],
      listDevices: [...all],
      removeDevice: [...all],
      verifyDevice: [...all],
      verifyTOTP: [...all],
    };
    expect(Object.keys(comparisons)).toHaveLength(7);
  });

  it('are those of the APIs', () => {
    type Comparisons = {
      [Name in keyof SuperTokens.APIInterface]: [
        isCalled: Fits<
          Omit<Input<SuperTokensApis, Name>, 'userContext' | 'session' | 'options'>,
          Omit<Input<SuperTokens.APIInterface, Name>, 'userContext' | 'session' | 'options'>
        >,
        answers: Fits<Made<Output<SuperTokens.APIInterface, Name>>, Output<SuperTokensApis, Name>>,
        isAnswered: Fits<Own<Output<SuperTokensApis, Name>>, Output<SuperTokens.APIInterface, Name>>,
      ];
    };
    const all = [true, true, true] as const;
    const comparisons: Comparisons = {
      createDevicePOST: [...all],
      listDevicesGET: [...all],
      removeDevicePOST: [...all],
      verifyDevicePOST: [...all],
      verifyTOTPPOST: [...all],
    };
    expect(Object.keys(comparisons)).toHaveLength(5);
  });

  it('are those of callers of the recipe', () => {
    type Call<Name extends Names> = Input<SuperTokens.RecipeInterface, Name>;
    const comparisons: {
      [Name in Names]: Fits<Call<Name> & { onBehalfOf: 'application' }, Input<RecipeInterface, Name>>;
    } = {
      getUserIdentifierInfoForUserId: true,
      createDevice: true,
      updateDevice: true,
      listDevices: true,
      removeDevice: true,
      verifyDevice: true,
      verifyTOTP: true,
    };
    expect(Object.keys(comparisons)).toHaveLength(7);
  });
});
