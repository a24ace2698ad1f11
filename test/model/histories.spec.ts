/**
 * Random histories of one user, through `TotpService` and through a simple model: every answer must be the same.
 *
 * `TOTP_TEST_HISTORIES` says how many; the seed of a failure is printed with it.
 */
import fc from 'fast-check';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';
import { recipeOver } from '../support/recipe.js';
import { AccountModel, RULES } from './account-model.js';

const HISTORIES = Number(process.env.TOTP_TEST_HISTORIES ?? 300);
const userId = 'ann';
const { maxDevices, ...lockout } = RULES;
const secrets = ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'];
const outcomes = new Map<string, number>();

/** A user of both. Names are few, so that they meet; secrets made by the service are kept for later codes. */
class Story {
  readonly clock = new TestTotpClock();
  private readonly model = new AccountModel();
  private readonly known = [...secrets];
  private readonly totp = recipeOver({ clock: this.clock, maxDevices, lockout }).totp;

  get now(): number {
    return this.clock.now();
  }

  async create(deviceName: string) {
    const answer = await this.totp.createDevice({ userId, deviceName });
    const secret = answer.status === 'OK' ? answer.secret : '';
    this.same(answer.status, this.model.create(deviceName, secret, this.now));
    if (secret !== '') this.known.unshift(secret);
  }

  async import(deviceName: string, secretKey: string) {
    const { status } = await this.totp.importDevice({ userId, deviceName, secretKey });
    this.same(status, this.model.import(deviceName, secretKey, this.now));
  }

  async rename(existingDeviceName: string, newDeviceName: string) {
    const { status } = await this.totp.updateDevice({ userId, existingDeviceName, newDeviceName });
    this.same(status, this.model.rename(existingDeviceName, newDeviceName, this.now));
  }

  async remove(deviceName: string) {
    const { didDeviceExist } = await this.totp.removeDevice({ userId, deviceName });
    this.same(didDeviceExist, this.model.remove(deviceName, this.now));
  }

  async unlock() {
    await this.totp.unlockUser({ userId });
    this.model.unlock();
  }

  async signIn(code: string) {
    this.same(await this.totp.verifyTOTP({ userId, totp: code }), this.model.signIn(code, this.now));
  }

  async enrol(deviceName: string, code: string) {
    const answer = await this.totp.verifyDevice({ userId, deviceName, totp: code });
    this.same(answer, this.model.enrol(deviceName, code, this.now));
  }

  /** What a thief of a code would try who can also change devices. */
  async removeAndImport(deviceName: string, secretKey: string) {
    const code = totpCode(secretKey, this.now);
    await this.import(deviceName, secretKey);
    await this.signIn(code);
    await this.remove(deviceName);
    await this.import(deviceName, secretKey);
    await this.signIn(code);
  }

  async list() {
    const { devices } = await this.totp.listDevices({ userId });
    this.same(
      devices.map(({ name, verified }) => `${name} ${verified ? 'verified' : 'unverified'}`),
      this.model.names(this.now),
    );
  }

  /** The code of one of the secrets, some steps away. */
  code(secret: number, offset: number): string {
    return totpCode(this.known[secret % this.known.length] ?? '', this.now + offset * 30_000);
  }

  private same(answer: unknown, expected: unknown): void {
    const outcome =
      typeof answer === 'object' && answer !== null && 'status' in answer ? String(answer.status) : 'other';
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    expect(answer).toEqual(expected);
  }
}

const name = fc.constantFrom('phone', 'tablet', 'key', 'Phone');
const offset = fc.integer({ min: -2, max: 2 });
const nth = fc.nat(2);
const wrong = fc.constantFrom('000000', '12345', '１２３４５６', 'no code');

/** What can happen, each with how often, and told in words when a history fails. */
const happening = fc.oneof(
  { weight: 2, arbitrary: happens('create', fc.tuple(name), (story, [a]) => story.create(a)) },
  {
    weight: 2,
    arbitrary: happens('import', fc.tuple(name, fc.constantFrom(...secrets)), (story, [a, b]) => story.import(a, b)),
  },
  { weight: 1, arbitrary: happens('rename', fc.tuple(name, name), (story, [a, b]) => story.rename(a, b)) },
  { weight: 2, arbitrary: happens('remove', fc.tuple(name), (story, [a]) => story.remove(a)) },
  {
    weight: 1,
    arbitrary: happens('remove and import', fc.tuple(name, fc.constantFrom(...secrets)), (story, [a, b]) =>
      story.removeAndImport(a, b),
    ),
  },
  { weight: 1, arbitrary: happens('unlock', fc.tuple(), (story) => story.unlock()) },
  {
    weight: 8,
    arbitrary: happens('sign in', fc.tuple(nth, offset), (story, [a, b]) => story.signIn(story.code(a, b))),
  },
  { weight: 8, arbitrary: happens('guess', fc.tuple(wrong), (story, [a]) => story.signIn(a)) },
  {
    weight: 4,
    arbitrary: happens('enrol', fc.tuple(name, nth, offset), (story, [a, b, c]) => story.enrol(a, story.code(b, c))),
  },
  { weight: 2, arbitrary: happens('enrol wrongly', fc.tuple(name, wrong), (story, [a, b]) => story.enrol(a, b)) },
  { weight: 4, arbitrary: waits(0, 40) },
  { weight: 4, arbitrary: waits(40, 400) },
  { weight: 1, arbitrary: waits(3_600, 90_000) },
  { weight: 1, arbitrary: waits(-7_200, 0) },
);

function waits(min: number, max: number) {
  return happens('wait', fc.tuple(fc.integer({ min, max })), (story, [seconds]) => {
    story.clock.advance(seconds);
    return Promise.resolve();
  });
}

function happens<T extends unknown[]>(
  what: string,
  values: fc.Arbitrary<T>,
  act: (story: Story, values: T) => Promise<void>,
) {
  return values.map((chosen) => ({
    act: (story: Story) => act(story, chosen),
    toString: () => `${what} ${chosen.join(' ')}`.trim(),
  }));
}

it('W9: the service answers every history as the contract’s rules do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 20, maxLength: 60 }), async (history) => {
      const story = new Story();
      for (const { act } of history) {
        await act(story);
        await story.list();
      }
    }),
    { numRuns: HISTORIES },
  );
  // A history in which nothing happens proves nothing.
  for (const status of ['OK', 'INVALID_TOTP_ERROR', 'LIMIT_REACHED_ERROR', 'UNKNOWN_USER_ID_ERROR']) {
    expect(outcomes.get(status)).toBeGreaterThan(HISTORIES / 4);
  }
});
