/** Every argument of every function of the service, with every kind of value that it cannot take. */
import { recipeOver } from '../../test/support/recipe.js';
import { TotpArgumentError } from '../shared/errors.js';
import { InMemoryTotpAccountStore, TotpEventRecorder } from '../testing/index.js';
import type { RecipeInterface } from './recipe-interface.js';

const userId = 'ann';
const call = { userId, tenantId: 'public', userContext: {} };
const operated = { ...call, by: { actor: 'agent', reason: 'case 1' } };
const onBehalfOf = { ...call, session: { handle: 'session', completedAt: 0 } };
const imported = {
  ...operated,
  deviceName: 'imported',
  secretKey: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
  skew: 1,
  period: 30,
  algorithm: 'SHA1' as const,
  digits: 6 as const,
};

/** All but `onBehalfOf`, which is passed instead of a session. */
type EveryArgument<Input> = Required<Omit<Input, 'onBehalfOf'>>;

/** An input with every argument of each function. */
const INPUTS: { readonly [Name in keyof RecipeInterface]: EveryArgument<Parameters<RecipeInterface[Name]>[0]> } = {
  createDevice: {
    ...onBehalfOf,
    deviceName: 'new',
    userIdentifierInfo: 'ann@example.com',
    skew: 1,
    period: 30,
    idempotencyKey: 'key',
  },
  updateDevice: { ...onBehalfOf, existingDeviceName: 'phone', newDeviceName: 'tablet' },
  listDevices: call,
  removeDevice: { ...onBehalfOf, ...operated, deviceName: 'phone' },
  verifyDevice: { ...onBehalfOf, deviceName: 'phone', totp: '000000' },
  verifyTOTP: { ...onBehalfOf, totp: '000000', trustBrowser: {}, reportReplay: true },
  getUserIdentifierInfoForUserId: call,
  importDevice: imported,
  importDevices: { devices: [imported], dryRun: true },
  unlockUser: operated,
  getStatus: call,
  getStatuses: { userIds: [userId] },
  removeUser: operated,
  createRecoveryCodes: { ...onBehalfOf, ...operated },
  getRecoveryCodes: call,
  verifyRecoveryCode: { ...onBehalfOf, recoveryCode: '0000', trustBrowser: {} },
  importRecoveryCodes: { ...operated, recoveryCodes: ['aBcDeFgHiJ-kLmNoPqRsT'] },
  createTemporaryCode: { ...operated, validFor: '1h' },
  verifyTrustedBrowser: { ...call, trustToken: 'token' },
  listTrustedBrowsers: call,
  forgetTrustedBrowsers: { ...onBehalfOf, ...operated, id: 'id' },
};
const OPTIONAL = new Set<string>(
  'tenantId userContext session by userIdentifierInfo skew period algorithm digits dryRun trustBrowser reportReplay validFor id idempotencyKey'.split(
    ' ',
  ),
);

const WRONG: readonly [string, unknown][] = [
  ['missing', undefined],
  ['undefined', undefined],
  ['null', null],
  ['empty', ''],
  ['a number', 5],
  ['an array', [5]],
  ['an object', { a: 1 }],
  ['a boolean', true],
  ['a string with a lone surrogate', 'a\uD83D'],
  ['a string with NUL', 'a\0'],
];

function isAllowed(name: string, argument: string, kind: string, value: unknown): boolean {
  if (value === undefined) {
    return OPTIONAL.has(argument) || (argument === 'deviceName' && /^(create|import)Device$/.test(name));
  }
  // A code that cannot be right costs an attempt, or is rejected.
  if (['totp', 'recoveryCode', 'trustToken', 'id'].includes(argument)) return typeof value === 'string';
  if (argument === 'trustBrowser') return kind === 'an object';
  if (['dryRun', 'reportReplay'].includes(argument)) return kind === 'a boolean';
  return argument === 'userContext' && kind === 'an object';
}

function withWrong(input: object, argument: string, kind: string, value: unknown): Record<string, unknown> {
  const changed: Record<string, unknown> = { ...input, [argument]: value };
  if (kind === 'missing') Reflect.deleteProperty(changed, argument);
  return changed;
}

async function setUp() {
  const store = new InMemoryTotpAccountStore();
  const publisher = new TotpEventRecorder();
  const { totp } = recipeOver({ store, publisher });
  await totp.importDevice({ userId, deviceName: 'phone', secretKey: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' });
  publisher.clear();
  const before = await store.load(userId);
  return {
    call: (name: string, input: unknown) =>
      Promise.resolve(Reflect.apply(Reflect.get(totp, name) as () => unknown, totp, [input])),
    totp,
    /** Nothing was stored and nothing was published. */
    expectNoChange: async () => {
      expect(await store.load(userId)).toEqual(before);
      expect(publisher.events).toEqual([]);
    },
  };
}

it('the table has an input for every function of the recipe', () => {
  let names: string[] = [];
  recipeOver({
    override: {
      functions: (original) => {
        names = Object.keys(original);
        return original;
      },
    },
  });
  expect(Object.keys(INPUTS).toSorted()).toEqual(names.toSorted());
});

const cases = Object.entries(INPUTS).flatMap(([name, input]) =>
  Object.keys(input).flatMap((argument) =>
    WRONG.filter(([kind, value]) => !isAllowed(name, argument, kind, value)).map(
      ([kind, value]) => [name, argument, kind, withWrong(input, argument, kind, value)] as const,
    ),
  ),
);

it.each(cases)(
  '%s throws a TotpArgumentError for %s that is %s, and changes nothing',
  async (name, argument, _, input) => {
    const service = await setUp();
    const error: unknown = await service.call(name, input).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TotpArgumentError);
    expect(error).toMatchObject({ message: expect.stringContaining(argument) });
    await service.expectNoChange();
  },
);

const importCases = Object.keys(imported).flatMap((argument) =>
  WRONG.filter(([kind, value]) => !isAllowed('importDevice', argument, kind, value)).map(
    ([kind, value]) => [argument, kind, withWrong(imported, argument, kind, value)] as const,
  ),
);

it.each(importCases)('importDevices names the device whose %s is %s, and imports none', async (argument, _, device) => {
  const service = await setUp();
  const input = { devices: [{ ...imported, userId: 'bob' }, device] };
  const error: unknown = await service.call('importDevices', input).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TotpArgumentError);
  expect(error).toMatchObject({ message: expect.stringContaining(`devices[1].${argument}`) });
  expect(await service.totp.listDevices({ userId: 'bob' })).toEqual({ status: 'OK', devices: [] });
});

it.each(Object.keys(INPUTS).flatMap((name) => [undefined, null, 5, 'ann', [], true].map((input) => [name, input])))(
  '%s throws a TotpArgumentError for %j as its whole input',
  async (name, input) => {
    const service = await setUp();
    await expect(service.call(String(name), input)).rejects.toThrow(TotpArgumentError);
    await service.expectNoChange();
  },
);

const CHANGES = [
  'createDevice',
  'updateDevice',
  'removeDevice',
  'verifyDevice',
  'createRecoveryCodes',
  'forgetTrustedBrowsers',
] as const;

describe.each(CHANGES)('%s', (name) => {
  const { session, ...input } = INPUTS[name];

  it.each([
    ['neither a session nor the application', {}, 'session is missing'],
    ['both', { session, onBehalfOf: 'application' }, 'session and onBehalfOf'],
    ['somebody else', { onBehalfOf: 'ann' }, 'onBehalfOf must be one of application'],
    ['null', { onBehalfOf: null }, 'onBehalfOf must be one of application'],
  ])('is refused on behalf of %s', async (_, asks, message) => {
    const service = await setUp();
    const error: unknown = await service.call(name, { ...input, ...asks }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TotpArgumentError);
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
    await service.expectNoChange();
  });

  it('is made on behalf of the application', async () => {
    const service = await setUp();
    expect(await service.call(name, { ...input, onBehalfOf: 'application' })).toHaveProperty('status');
  });
});

const stepUp = { userId, session: onBehalfOf.session, change: { kind: 'remove', deviceName: 'phone' } };

it.each([
  ['userId', { ...stepUp, userId: '' }],
  ['session', { ...stepUp, session: null }],
  ['session', { ...stepUp, session: { handle: '' } }],
  ['change', { ...stepUp, change: { kind: 'steal' } }],
  ['change.deviceName', { ...stepUp, change: { kind: 'remove' } }],
])('requireStepUp throws a TotpArgumentError for a wrong %s (%j)', async (argument, input) => {
  const { call: invoke } = await setUp();
  await expect(invoke('requireStepUp', input)).rejects.toThrow(argument);
  await expect(invoke('requireStepUp', input)).rejects.toThrow(TotpArgumentError);
});

it.each([undefined, null, '', 5, {}])('qrCodeImage throws a TotpArgumentError for %j as a key URI', async (keyUri) => {
  const { call: invoke } = await setUp();
  await expect(invoke('qrCodeImage', keyUri)).rejects.toThrow(TotpArgumentError);
});

it('a sparse array of user ids is refused', async () => {
  const { call: invoke } = await setUp();
  await expect(invoke('getStatuses', { userIds: new Array(2) })).rejects.toThrow('userIds[0] must be a string');
});

it.each([null, false, 0, ''])(
  '%j is refused as a session, and does not pass for the application itself',
  async (session) => {
    const service = await setUp();
    const input = { userId, deviceName: 'phone', session };
    await expect(service.call('removeDevice', input)).rejects.toThrow(
      'session must be what @CurrentTotpSession() passes',
    );
    await service.expectNoChange();
  },
);
