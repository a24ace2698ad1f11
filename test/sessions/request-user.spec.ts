/** Who asks, as both adapters of the module read it from `request.user`. */
import { Logger } from '@nestjs/common';
import { jest } from '@jest/globals';
import {
  RequestSessionAdapter,
  type RequestUserSessionAdapter,
  SessionCompletions,
  TotpConfigurationError,
  TotpTokenSessionAdapter,
} from 'nestjs-totp';
import { TestTotpClock } from 'nestjs-totp/testing';
import { contextOf } from '../support/contexts.js';

/** Of the table of completions, nothing is needed to find out who asks. */
class NoCompletions extends SessionCompletions {
  override find(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  override put(): Promise<void> {
    return Promise.resolve();
  }
}

const adapters: readonly [string, () => RequestUserSessionAdapter][] = [
  ['RequestSessionAdapter', () => new RequestSessionAdapter()],
  ['TotpTokenSessionAdapter', () => new TotpTokenSessionAdapter(new NoCompletions(), new TestTotpClock())],
];

class ObjectId {
  toString(): string {
    return '507f1f77bcf86cd799439011';
  }
}

/** As TypeORM entities and Mongoose documents have it: on the class. */
class UserWithGetter {
  private readonly name = 'ann';

  get id(): string {
    return this.name;
  }
}

describe.each(adapters)('%s', (_name, newAdapter) => {
  const resolve = (user: unknown, rest: object = {}) =>
    newAdapter().resolve(contextOf({ user, session: { id: 's' }, ...rest }));
  /** With what only one of the adapters needs. */
  const userOf = (user: object) => Object.assign(user, { sid: 's' });

  it.each([
    [{ id: 'ann' }, 'ann'],
    [{ userId: 'ann' }, 'ann'],
    [{ sub: 'ann' }, 'ann'],
    [{ id: 7 }, '7'],
    [{ id: 0, sub: 'ann' }, '0'],
    [{ id: undefined, sub: 'ann' }, 'ann'],
    [{ id: 'ann', userId: 'bob', sub: 'carl' }, 'ann'],
    [new UserWithGetter(), 'ann'] as [object, string],
  ])('reads the user %p as %j', async (user, userId) => {
    expect(await resolve(userOf(user))).toMatchObject({ userId, tenantId: 'public', handle: expect.any(String) });
  });

  it.each<[string, unknown, string]>([
    ['a BigInt', 7n, 'a bigint'],
    ['an ObjectId', new ObjectId(), 'an object (ObjectId)'],
    ['a Buffer', Buffer.from('ann'), 'an object (Buffer)'],
    ['an unsafe integer', 2 ** 53, '9007199254740992'],
    ['a fraction', 0.5, '0.5'],
    ['NaN', NaN, 'NaN'],
    ['an empty string', '', 'an empty string'],
    ['null', null, 'null'],
    ['a boolean', true, 'true'],
    ['an array', ['ann'], 'an object (Array)'],
    ['an object', { $ne: null }, 'an object'],
    ['an object without a prototype', Object.create(null), 'an object'],
    ['a function', () => 'ann', 'a function'],
  ])('refuses an id that is %s by name, and takes no other property for it', async (_, id, kind) => {
    for (const [name, user] of [
      ['id', { id, userId: 'bob', sub: 'bob' }],
      ['userId', { userId: id, sub: 'bob' }],
      ['sub', { sub: id }],
    ] as const) {
      await expect(resolve(userOf(user))).rejects.toThrow(TotpConfigurationError);
      await expect(resolve(userOf(user))).rejects.toThrow(
        `TotpModule: request.user.${name} is ${kind}. Let your sign-in`,
      );
    }
  });

  it.each<[unknown, string]>([
    [7, '7'],
    ['', 'an empty string'],
    [{}, 'an object'],
    [['acme'], 'an object (Array)'],
  ])('refuses the tenant %j, and never falls back to the default tenant', async (tenantId, kind) => {
    const resolving = resolve(userOf({ id: 'ann', tenantId }));
    await expect(resolving).rejects.toThrow(`TotpModule: request.user.tenantId is ${kind}.`);
  });

  it.each([
    ['acme', 'acme'],
    [undefined, 'public'],
    [null, 'public'],
  ])('reads the tenant %j as %j', async (tenantId, expected) => {
    expect(await resolve(userOf({ id: 'ann', tenantId }))).toMatchObject({ tenantId: expected });
  });

  it('takes nothing from a polluted Object.prototype', async () => {
    const pollute = (name: string, value: unknown) => {
      Object.defineProperty(Object.prototype, name, { value, configurable: true });
    };
    pollute('id', 'admin');
    pollute('user', { id: 'admin', sid: 's' });
    try {
      expect(await newAdapter().resolve(contextOf({ session: { id: 's' } }))).toBeUndefined();
      expect(await resolve(userOf({ sub: 'ann' }))).toMatchObject({ userId: 'ann' });
    } finally {
      for (const name of ['id', 'user']) Reflect.deleteProperty(Object.prototype, name);
    }
  });

  describe('logs once', () => {
    const logged: string[] = [];
    const warnings = () => logged;
    beforeEach(() => {
      logged.length = 0;
      jest.spyOn(Logger.prototype, 'warn').mockImplementation((message: unknown) => logged.push(String(message)));
    });
    afterEach(() => jest.restoreAllMocks());

    it.each<[unknown, string]>([
      [{ username: 'ann', email: 'ann@example.com' }, 'it has: username, email'],
      [{}, 'it has: no properties'],
      ['ann', 'it has: a string'],
      [7, 'it has: 7'],
    ])('what to write when the user %j has no id, and answers 401', async (user, found) => {
      const adapter = newAdapter();
      for (let n = 0; n < 3; n++) expect(await adapter.resolve(contextOf({ user, session: {} }))).toBeUndefined();
      expect(warnings()).toEqual([expect.stringContaining(found)]);
      expect(warnings()[0]).toContain('Let your sign-in guard set request.user = { id: … }');
      expect(warnings()[0]).not.toContain('example.com');
    });

    it.each<[string, object]>([
      ['an Authorization header', { headers: { authorization: 'Bearer token' } }],
      ['the cookie of a session that holds something', { headers: { cookie: 's=1' }, session: { cookie: {}, uid: 1 } }],
      ['a cookie that may hold a token', { headers: { cookie: 'token=1' } }],
    ])('that no sign-in guard has run before, when a request has %s', async (_, request) => {
      const adapter = newAdapter();
      for (let n = 0; n < 3; n++) expect(await adapter.resolve(contextOf(request))).toBeUndefined();
      expect(warnings()).toEqual([expect.stringContaining('your sign-in guard runs too late or not at all')]);
      expect(warnings()[0]).toContain('{ provide: APP_GUARD, useClass: SignInGuard }');
    });

    it.each<[string, object]>([
      ['without a token or a cookie', {}],
      ['of a visitor whose session holds nothing', { headers: { cookie: 's=1' }, session: { cookie: {} } }],
    ])('nothing about requests %s', async (_, request) => {
      expect(await newAdapter().resolve(contextOf(request))).toBeUndefined();
      expect(warnings()).toEqual([]);
    });
  });
});
