/** SuperTokens' way of overriding functions and APIs (contract §5), on both platforms. */
import { All, Controller, Module } from '@nestjs/common';
import {
  type APIInterface,
  RecipeTotpApi,
  type RecipeInterface,
  TotpApi,
  type TotpModuleOptions,
  TotpService,
  type UserContext,
} from 'nestjs-totp';
import { platforms } from '../support/application.js';
import { answered, Person, useApplication } from '../support/client.js';

const labelOf = (uri: string) => decodeURIComponent(new URL(uri).pathname);

describe.each(platforms)('override.functions, on %s', (platform) => {
  const contexts: unknown[] = [];
  const functions = (original: RecipeInterface): RecipeInterface => ({
    ...original,
    createDevice: (input) =>
      input.deviceName === 'forbidden'
        ? Promise.resolve({ status: 'UNKNOWN_USER_ID_ERROR' })
        : original.createDevice({ ...input, deviceName: `my ${input.deviceName ?? 'device'}` }),
    getUserIdentifierInfoForUserId: () => Promise.resolve({ status: 'OK', info: 'overridden@example.com' }),
    async removeDevice(input) {
      contexts.push(input.userContext);
      // Through the final object: `listDevices` is overridden too.
      const { devices } = await this.listDevices(input);
      return devices.length === 0 ? { status: 'OK', didDeviceExist: false } : original.removeDevice(input);
    },
    listDevices: async (input) => {
      const answer = await original.listDevices(input);
      return { ...answer, devices: answer.devices.filter(({ name }) => !name.includes('hidden')) };
    },
  });
  const application = useApplication({ platform, options: { override: { functions } } });

  it('is what the HTTP APIs call', async () => {
    const person = new Person(application());
    expect((await person.create('phone')).deviceName).toBe('my phone');
    await person.create('hidden phone');
    expect((await person.list()).body).toMatchObject({ devices: [{ name: 'my phone' }] });
    expect(await person.post('/device', { deviceName: 'forbidden' })).toMatchObject({ status: 401 });
  });

  it('is what TotpService does', async () => {
    const { totp } = application();
    const user = { userId: 'service' };
    expect(await totp.createDevice({ ...user, deviceName: 'phone', onBehalfOf: 'application' })).toMatchObject({
      deviceName: 'my phone',
    });
    expect(await totp.createDevice({ ...user, deviceName: 'hidden', onBehalfOf: 'application' })).toMatchObject({
      status: 'OK',
    });
    expect(await totp.listDevices(user)).toMatchObject({ devices: [{ name: 'my phone' }] });
  });

  it('is what the original functions call too', async () => {
    const { keyUri } = await new Person(application()).create();
    expect(labelOf(keyUri)).toBe('/Acme:overridden@example.com');
  });

  it('is what an override calls by way of `this`', async () => {
    const person = new Person(application());
    await person.create('hidden');
    expect((await person.post('/device/remove', { deviceName: 'my hidden' })).body).toMatchObject({
      didDeviceExist: false,
    });
    await person.create('phone');
    expect((await person.post('/device/remove', { deviceName: 'my hidden' })).body).toMatchObject({
      didDeviceExist: true,
    });
  });

  it("is handed the caller's userContext unchanged", async () => {
    const userContext: UserContext = { mine: Symbol('unchanged') };
    await application().totp.removeDevice({
      userId: 'anybody',
      deviceName: 'phone',
      userContext,
      onBehalfOf: 'application',
    });
    expect(contexts.at(-1)).toBe(userContext);
  });

  it('leaves what is not overridden as it is', async () => {
    const person = new Person(application());
    const phone = await person.create('phone');
    expect((await person.verify('my phone', phone.code())).body).toEqual({ status: 'OK', wasAlreadyVerified: false });
    expect(await person.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
  });
});

describe.each(platforms)('override.apis, on %s', (platform) => {
  const inputs: Parameters<NonNullable<APIInterface['verifyTOTPPOST']>>[0][] = [];
  const apis = (original: APIInterface): APIInterface => ({
    ...original,
    createDevicePOST: async (input) =>
      input.deviceName === undefined
        ? { status: 'GENERAL_ERROR', message: 'Please choose a name.' }
        : ((await original.createDevicePOST?.({ ...input, deviceName: input.deviceName.toUpperCase() })) ?? {
            status: 'GENERAL_ERROR',
            message: 'never',
          }),
    async verifyTOTPPOST(input) {
      inputs.push(input);
      const { devices } = (await this.listDevicesGET?.(input)) as { devices: unknown[] };
      if (devices.length === 0) return { status: 'GENERAL_ERROR', message: 'Set up an authenticator first.' };
      return original.verifyTOTPPOST?.(input) ?? { status: 'OK' };
    },
    listDevicesGET: async ({ session, options }) => ({
      status: 'OK',
      devices: (await options.recipeImplementation.listDevices({ userId: session.getUserId() })).devices.slice(0, 1),
    }),
  });
  const application = useApplication({ platform, options: { override: { apis } } });

  it('answers in the place of the original, with GENERAL_ERROR too', async () => {
    const person = new Person(application());
    expect(await person.post('/device', {})).toEqual(
      answered({ status: 'GENERAL_ERROR', message: 'Please choose a name.' }),
    );
    expect((await person.create('phone')).deviceName).toBe('PHONE');
    await person.create('tablet');
    expect((await person.list()).body).toMatchObject({ devices: [{ name: 'PHONE' }] });
  });

  it('calls others through the final object', async () => {
    expect(await new Person(application()).signIn('000000')).toEqual(
      answered({ status: 'GENERAL_ERROR', message: 'Set up an authenticator first.' }),
    );
  });

  it('is given the checked body, the session, the recipe, the settings and the request', async () => {
    const person = new Person(application());
    await person.send('/verify', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-tenant': 'acme' },
      body: '{"totp":"12 34","more":1}',
    });
    const input = inputs.at(-1);
    expect(input?.totp).toBe('12 34');
    expect(Object.keys(input ?? {})).toEqual(expect.not.arrayContaining(['more']));
    expect(input?.session.getUserId()).toBe(person.userId);
    expect(input?.session.getTenantId()).toBe('acme');
    expect(input?.session.getHandle()).toEqual(expect.any(String));
    expect(await input?.session.getCompletedAt()).toBeUndefined();
    expect(input?.options).toMatchObject({
      recipeId: 'totp',
      config: { issuer: 'Acme' },
      req: { headers: { 'x-session': person.session } },
    });
    expect(input?.options.recipeImplementation).toBe(application().totp);
    expect(input?.userContext).toMatchObject({ _default: { request: { headers: { 'x-session': person.session } } } });
  });

  it('is not reached by requests that are refused', async () => {
    const before = inputs.length;
    await new Person(application()).post('/verify', { totp: 1 });
    await fetch(`${application().url}/totp/verify`, { method: 'POST' });
    expect(inputs).toHaveLength(before);
  });

  it('keeps the completion that the original API makes', async () => {
    const person = new Person(application());
    const phone = await person.create('phone');
    await person.verify('PHONE', phone.code());
    const again = person.signedInAnew();
    expect(await again.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
    expect(await inputs.at(-1)?.session.getCompletedAt()).toBe(application().clock.now());
  });
});

/** The application's own answer to everything that it does not know, as each platform writes it. */
function catchAll(path: string) {
  @Controller()
  class CatchAll {
    @All(path)
    answer(): object {
      return { answeredBy: 'the application' };
    }
  }

  @Module({ controllers: [CatchAll] })
  class CatchAllModule {}
  return CatchAllModule;
}
const catchAllModules = { Express: catchAll('*splat'), Fastify: catchAll('*') };

const disabled: [name: keyof APIInterface, method: string, route: string][] = [
  ['createDevicePOST', 'POST', '/device'],
  ['listDevicesGET', 'GET', '/device/list'],
  ['removeDevicePOST', 'POST', '/device/remove'],
  ['verifyDevicePOST', 'POST', '/device/verify'],
  ['verifyTOTPPOST', 'POST', '/verify'],
  ['updateDevicePOST', 'POST', '/device/rename'],
];

describe.each(platforms)('an API that is set to undefined, on %s', (platform) => {
  const without = (name: keyof APIInterface): Pick<TotpModuleOptions, 'override'> => ({
    override: { apis: (original) => ({ ...original, [name]: undefined }) },
  });

  describe.each(disabled)('%s', (name, method, route) => {
    const application = useApplication({ platform, options: without(name) });

    it.each([route, `${route}/`])("is answered by the application's own 404 under %s", async (path) => {
      const own = await new Person(application(), { path: '' }).send('/nowhere', { method });
      const answer = await new Person(application()).send(path, { method });
      expect(answer.status).toBe(404);
      expect(JSON.stringify(answer.body).replace(`/totp${path}`, '/nowhere')).toBe(JSON.stringify(own.body));
    });

    it('takes no other API with it', async () => {
      for (const [, other, otherRoute] of disabled.filter(([known]) => known !== name)) {
        const { status } = await new Person(application()).send(otherRoute, { method: other });
        expect([200, 400]).toContain(status);
      }
    });
  });

  describe('in an application with a route of its own for everything', () => {
    const application = useApplication({
      platform,
      options: without('verifyTOTPPOST'),
      imports: [catchAllModules[platform]],
    });

    it('is answered by that route', async () => {
      for (const path of ['/verify', '/verify/', '/anything']) {
        expect(await new Person(application()).send(path, { method: 'PUT' })).toEqual(
          answered({ answeredBy: 'the application' }),
        );
      }
      expect((await new Person(application()).send('/verify', { method: 'POST' })).body).toEqual({
        answeredBy: 'the application',
      });
      expect((await new Person(application()).list()).body).toEqual({ status: 'OK', devices: [] });
    });
  });
});

describe('two applications in one process', () => {
  const one = useApplication({
    options: { override: { apis: (original) => ({ ...original, listDevicesGET: undefined }) } },
  });
  const other = useApplication({ options: { path: 'mfa' } });

  it('do not share what one of them switched off', async () => {
    expect((await new Person(one()).list()).status).toBe(404);
    expect((await new Person(other(), { path: '/mfa' }).list()).status).toBe(200);
  });
});

describe("Nest's way of overriding", () => {
  class MyService extends TotpService {
    override listDevices() {
      return Promise.resolve({
        status: 'OK' as const,
        devices: [{ name: 'mine', period: 30, skew: 1, verified: true, createdAt: 1, verifiedAt: 1, lastUsedAt: null }],
      });
    }
  }

  class MyApi extends RecipeTotpApi {
    override createDevicePOST() {
      return Promise.resolve({ status: 'GENERAL_ERROR' as const, message: 'mine' });
    }
  }

  const application = useApplication({
    options: {
      providers: [
        { provide: TotpService, useClass: MyService },
        { provide: TotpApi, useClass: MyApi },
      ],
    },
  });

  it('replaces TotpService by a subclass', async () => {
    expect((await new Person(application()).list()).body).toMatchObject({ devices: [{ name: 'mine' }] });
    expect(application().totp).toBeInstanceOf(MyService);
  });

  it('replaces TotpApi by a subclass', async () => {
    expect(await new Person(application()).post('/device', {})).toEqual(
      answered({ status: 'GENERAL_ERROR', message: 'mine' }),
    );
  });
});
