import { Logger } from '@nestjs/common';
import { jest } from '@jest/globals';
import { TotpArgumentError, TotpConfigurationError } from '../shared/errors.js';
import { SessionContainer, TotpSession } from './session.js';

/** What an adapter of an application might return. */
function sessionClass(completedAt: () => unknown, complete: (at: number) => void = () => undefined) {
  return class Session extends TotpSession {
    readonly userId = 'ann';
    readonly handle = 's';

    override completedAt(): Promise<number | undefined> {
      return Promise.resolve(completedAt()) as Promise<number | undefined>;
    }

    override complete(at: number): Promise<void> {
      complete(at);
      return Promise.resolve();
    }
  };
}
const containerOf = (completedAt: unknown) => new SessionContainer(new (sessionClass(() => completedAt))());
const errors: string[] = [];

beforeEach(() => {
  errors.length = 0;
  jest.spyOn(Logger.prototype, 'error').mockImplementation((message: unknown) => errors.push(String(message)));
});
afterEach(() => jest.restoreAllMocks());

describe('a session of an application', () => {
  it('belongs to the tenant "public" unless it says otherwise', () => {
    expect(containerOf(undefined).getTenantId()).toBe('public');
  });

  it.each<[string, unknown, string]>([
    ['userId', 7, '7'],
    ['userId', '', 'an empty string'],
    ['userId', undefined, 'undefined'],
    ['tenantId', null, 'null'],
    ['handle', 7n, 'a bigint'],
    ['handle', {}, 'an object'],
    ['handle', Symbol('s'), 'a symbol'],
  ])('is refused when its %s is %p', (name, value, kind) => {
    const session = Object.defineProperty(new (sessionClass(() => undefined))(), name, { value });
    expect(() => new SessionContainer(session)).toThrow(TotpConfigurationError);
    expect(() => new SessionContainer(session)).toThrow(
      `TotpModule: the session adapter returned a session whose ${name} is ${kind}.`,
    );
  });

  it.each([undefined, null])('has not completed TOTP when completedAt() returns %p', async (completedAt) => {
    expect(await containerOf(completedAt).getCompletedAt()).toBeUndefined();
  });

  it.each<[unknown, string]>([
    [new Date(), 'an object (Date)'],
    ['1764000000000', 'a string'],
    [1_764_000_000_000n, 'a bigint'],
    [true, 'true'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-1, '-1'],
    [0, '0'],
  ])('is an error, and no completion, when completedAt() returns %p', async (completedAt, kind) => {
    await expect(containerOf(completedAt).getCompletedAt()).rejects.toThrow(TotpConfigurationError);
    await expect(containerOf(completedAt).getCompletedAt()).rejects.toThrow(
      `TotpModule: completedAt() of a session returned ${kind}. Return epoch milliseconds`,
    );
  });

  it.each<unknown>([new Date(), undefined, NaN, Infinity, 0, -1])('is not completed at %p', async (at) => {
    await expect(containerOf(undefined).complete(at as number)).rejects.toThrow(TotpArgumentError);
  });

  it.each<[string, (at: number) => unknown]>([
    ['forgets', () => undefined],
    ['rounds to seconds since 1970', (at) => at / 1000],
    ['returns as a string', String],
  ])('that %s its completion is logged once', async (_, readBack) => {
    let kept: unknown;
    const Session = sessionClass(
      () => kept,
      (at) => (kept = readBack(at)),
    );
    for (let n = 0; n < 3; n++) await new SessionContainer(new Session()).complete(1_764_000_000_000);
    expect(errors).toEqual([expect.stringContaining('TotpGuard will ask for a code again')]);
  });

  it.each<[string, (at: number) => unknown]>([
    ['as it is', (at) => at],
    ['in whole seconds', (at) => Math.floor(at / 1000) * 1000],
  ])('that keeps its completion %s is fine', async (_, readBack) => {
    let kept: unknown;
    const Session = sessionClass(
      () => kept,
      (at) => (kept = readBack(at)),
    );
    await new SessionContainer(new Session()).complete(1_764_000_000_123);
    expect(errors).toEqual([]);
  });

  it('is completed although the check afterwards fails, since the code is used up', async () => {
    const Session = sessionClass(() => {
      throw new Error('The store is away.');
    });
    await new SessionContainer(new Session()).complete(1_764_000_000_000);
    expect(errors).toEqual([expect.stringContaining('The completion of a session could not be read back')]);
  });
});
