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
const { maxDevices, maxBrowsers, ...lockout } = RULES;
const trustedBrowsers = { days: 1, max: maxBrowsers };
const secrets = ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'];
const outcomes = new Map<string, number>();

/** A user of both. Names are few, so that they meet; secrets made by the service are kept for later codes. */
class Story {
  readonly clock = new TestTotpClock();
  private readonly model = new AccountModel();
  private readonly known = [...secrets];
  private readonly totp = recipeOver({ clock: this.clock, maxDevices, lockout, trustedBrowsers }).totp;
  /** Recovery codes, temporary codes and tokens that the user ever got, newest first. */
  private readonly codes = ['no code'];
  private readonly tokens = ['no token'];

  get now(): number {
    return this.clock.now();
  }

  async create(deviceName: string) {
    const answer = await this.totp.createDevice({ userId, deviceName, onBehalfOf: 'application' });
    const secret = answer.status === 'OK' ? answer.secret : '';
    this.same(answer.status, this.model.create(deviceName, secret, this.now));
    if (secret !== '') this.known.unshift(secret);
  }

  async import(deviceName: string, secretKey: string) {
    const { status } = await this.totp.importDevice({ userId, deviceName, secretKey });
    this.same(status, this.model.import(deviceName, secretKey, this.now));
  }

  async rename(existingDeviceName: string, newDeviceName: string) {
    const { status } = await this.totp.updateDevice({
      userId,
      existingDeviceName,
      newDeviceName,
      onBehalfOf: 'application',
    });
    this.same(status, this.model.rename(existingDeviceName, newDeviceName, this.now));
  }

  async remove(deviceName: string) {
    const { didDeviceExist } = await this.totp.removeDevice({ userId, deviceName, onBehalfOf: 'application' });
    this.same(didDeviceExist, this.model.remove(deviceName, this.now));
  }

  async unlock() {
    await this.totp.unlockUser({ userId });
    this.model.unlock();
  }

  async signIn(code: string, session = 'a', trusting = false) {
    const { trustToken, ...answer } = await this.totp
      .verifyTOTP({
        userId,
        totp: code,
        session: { handle: session, completedAt: undefined },
        ...(trusting ? { trustBrowser: {} } : {}),
      })
      .then((given) => ({ trustToken: undefined, ...given }));
    const expected = this.model.signIn(code, session, this.now);
    if (trustToken !== undefined) {
      this.model.trust(trustToken, this.now);
      this.tokens.unshift(trustToken);
    }
    this.same(answer, expected);
  }

  async renewCodes() {
    const made = await this.totp.createRecoveryCodes({ userId, onBehalfOf: 'application' });
    const codes = made.status === 'OK' ? made.recoveryCodes : [];
    this.same(made.status, this.model.renewCodes(codes));
    this.codes.unshift(...codes);
  }

  async help(validFor: number) {
    const made = await this.totp.createTemporaryCode({ userId, validFor });
    const code = made.status === 'OK' ? made.temporaryCode : '';
    this.same(made.status, this.model.help(code, this.now, this.now + validFor * 1000));
    if (code !== '') this.codes.unshift(code);
  }

  async recover(nth: number) {
    const code = this.codes[nth % this.codes.length] ?? '';
    this.same(await this.totp.verifyRecoveryCode({ userId, recoveryCode: code }), this.model.recover(code, this.now));
  }

  async visit(nth: number) {
    const trustToken = this.tokens[nth % this.tokens.length] ?? '';
    const { status } = await this.totp.verifyTrustedBrowser({ userId, trustToken });
    this.same(status === 'OK', this.model.isTrusted(trustToken, this.now));
  }

  async forget() {
    const { forgotten } = await this.totp.forgetTrustedBrowsers({ userId, onBehalfOf: 'application' });
    this.same(forgotten, this.model.forget());
  }

  async enrol(deviceName: string, code: string) {
    const answer = await this.totp.verifyDevice({ userId, deviceName, totp: code, onBehalfOf: 'application' });
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

  private wasAskedForNext = false;

  private outcomeOf(answer: unknown): string {
    if (typeof answer !== 'object' || answer === null || !('status' in answer)) return 'other';
    const isAskedForNext = 'nextCodeRequired' in answer;
    const isSecond = this.wasAskedForNext && answer.status === 'OK';
    this.wasAskedForNext = isAskedForNext;
    if (isAskedForNext) return 'next code required';
    return isSecond ? 'OK after a first code' : String(answer.status);
  }

  private same(answer: unknown, expected: unknown): void {
    const outcome = this.outcomeOf(answer);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    expect(answer).toEqual(expected);
  }
}

const name = fc.constantFrom('phone', 'tablet', 'key', 'Phone');
const offset = fc.integer({ min: -2, max: 2 });
const nth = fc.nat(2);
const session = fc.constantFrom('a', 'a', 'b');
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
    arbitrary: happens('sign in', fc.tuple(nth, offset, session, fc.boolean()), (story, [a, b, c, d]) =>
      story.signIn(story.code(a, b), c, d),
    ),
  },
  {
    weight: 6,
    arbitrary: happens('enter two codes', fc.tuple(nth, session, session), async (story, [a, b, c]) => {
      await story.signIn(story.code(a, 0), b);
      story.clock.advance(30);
      await story.signIn(story.code(a, 0), c);
    }),
  },
  { weight: 2, arbitrary: happens('renew recovery codes', fc.tuple(), (story) => story.renewCodes()) },
  { weight: 1, arbitrary: happens('help', fc.tuple(fc.constantFrom(60, 3_600)), (story, [a]) => story.help(a)) },
  { weight: 3, arbitrary: happens('recover', fc.tuple(fc.nat(5)), (story, [a]) => story.recover(a)) },
  { weight: 2, arbitrary: happens('visit', fc.tuple(fc.nat(2)), (story, [a]) => story.visit(a)) },
  { weight: 1, arbitrary: happens('forget browsers', fc.tuple(), (story) => story.forget()) },
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
  for (const status of [
    'OK',
    'INVALID_TOTP_ERROR',
    'next code required',
    'OK after a first code',
    'INVALID_RECOVERY_CODE_ERROR',
    'LIMIT_REACHED_ERROR',
    'UNKNOWN_USER_ID_ERROR',
  ]) {
    expect(`${status}: ${(outcomes.get(status) ?? 0) > HISTORIES / 20 ? 'often' : 'rarely'}`).toBe(`${status}: often`);
  }
});
