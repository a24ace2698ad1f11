/**
 * The rules under random histories: users sign in, enrol, remove and import in any order, while the clock steps both ways.
 *
 * A code is known here by its secret and its step, so nothing depends on HMAC, and no two codes are equal by chance.
 */
import assert from 'node:assert/strict'; // far faster than expect, a million times over
import fc from 'fast-check';
import { DAY, HOUR, MINUTE, newDevice, NOW, policy, SECOND } from '../../test/support/accounts.js';
import { type Account, type Device, isVerified, NEW_ACCOUNT } from './account.js';
import { decideCreate, decideImport, decideRemove } from './enrolment.js';
import { unlock } from './lockout.js';
import {
  type Comparison,
  decideEnrolment,
  decideSignIn,
  enrolmentCandidates,
  signInCandidates,
} from './verification.js';

/** What an authenticator app holds. A device's `sealedSecret` is the secret's name. */
interface Secret {
  readonly name: string;
  readonly period: number;
  readonly skew: number;
}

/** Contract §3, told as a story: the failures since the last accepted code, and the locks that they led to. */
class LockoutModel {
  private failuresInARow = 0;
  private young: number[] = [];
  private locks = 0;
  private lockedUntil = -Infinity;

  isLocked(now: number): boolean {
    return now < this.lockedUntil;
  }

  fail(now: number): number {
    this.failuresInARow += 1;
    this.young = [...this.young.filter((failedAt) => failedAt > now - 15 * MINUTE), now];
    const answered = this.young.length;
    if (this.failuresInARow === 100) this.lockedUntil = Infinity;
    else if (answered === 5) {
      const wait = [15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR][this.locks] ?? DAY;
      this.lockedUntil = now + wait;
    }
    if (now < this.lockedUntil) {
      this.locks += 1;
      this.young = [];
    }
    return answered;
  }

  count(now: number): number {
    return this.young.filter((failedAt) => failedAt > now - 15 * MINUTE).length;
  }

  reset(): void {
    this.failuresInARow = 0;
    this.young = [];
    this.locks = 0;
    this.lockedUntil = -Infinity;
  }
}

// One code is always enough here: two in a row have tests of their own (vigilance.spec.ts, test/model).
const settings = { ...policy, unverifiedLifetimeMs: Infinity, vigilanceAfter: Infinity };

/** A user of the rules, who checks each answer against what is promised. */
class World {
  now = NOW;
  account: Account = NEW_ACCOUNT;
  private readonly lockout = new LockoutModel();
  private readonly used = new Map<string, number>();
  private made = 0;

  constructor(private readonly seen: Record<'accepted' | 'replayed' | 'counted' | 'locked', number>) {}

  signIn(entered: Secret, offset: number): void {
    const step = this.stepOf(entered) + offset;
    const wasLocked = this.lockout.isLocked(this.now);
    const hadDevices = this.account.devices.length > 0;
    const device = this.account.devices.find((one) => isVerified(one) && one.sealedSecret === entered.name);
    const comparisons = this.compare(signInCandidates(this.account, this.now), entered, step);
    const decision = decideSignIn(this.account, comparisons, this.context());
    const answer = decision.answer;
    this.commit(decision);

    if (!hadDevices) assert.equal(answer.status, 'UNKNOWN_USER_ID_ERROR');
    else if (wasLocked) this.expectLocked(answer);
    else if (answer.status === 'OK') this.expectAcceptable(entered, offset, step);
    else if (device && Math.abs(offset) <= entered.skew) this.expectReplay(answer, device, step);
    else this.expectFailure(answer);
  }

  enrol(entered: Secret, offset: number): void {
    const target = this.account.devices.find((one) => !isVerified(one));
    if (target === undefined) return;
    const step = this.stepOf(entered) + offset;
    const wasLocked = this.lockout.isLocked(this.now);
    const candidates = enrolmentCandidates(this.account, target.name, this.context());
    const comparisons = this.compare(candidates, entered, step);
    const decision = decideEnrolment(this.account, target.name, comparisons, this.context());
    this.commit(decision);

    if (wasLocked) this.expectLocked(decision.answer);
    else if (decision.answer.status !== 'OK') this.expectFailure(decision.answer);
    else {
      assert.equal(target.sealedSecret, entered.name);
      this.expectAcceptable(entered, offset, step);
    }
  }

  create(secret: Secret): void {
    if (this.isHeld(secret) || this.used.has(secret.name)) return; // A new secret is a new one.
    this.commit(decideCreate(this.account, this.freshName(), this.deviceOf(secret), this.context()));
  }

  import(secret: Secret): void {
    if (this.isHeld(secret)) return;
    this.commit(decideImport(this.account, this.freshName(), this.deviceOf(secret), undefined, this.context()));
  }

  remove(index: number): void {
    const device = this.account.devices[index % Math.max(this.account.devices.length, 1)];
    if (device) this.commit(decideRemove(this.account, device.name, this.context()));
  }

  unlock(): void {
    this.commit(unlock(this.account));
    this.lockout.reset();
  }

  private context() {
    return { now: this.now, policy: settings, session: undefined };
  }

  private commit(decision: { readonly account: Account | 'erased' | null }): void {
    if (decision.account !== null && decision.account !== 'erased') this.account = decision.account;
  }

  /** Compares a code with every step of the window of every candidate, as `otp/` does. */
  private compare(candidates: readonly Device[], entered: Secret, step: number): Comparison[] {
    return candidates.map((device) => {
      const isInWindow = Math.abs(step - this.stepOf(device)) <= device.skew;
      return { device, matchedSteps: device.sealedSecret === entered.name && isInWindow ? [step] : [] };
    });
  }

  /** No step is accepted twice, nor one before it; and none outside of the window. */
  private expectAcceptable(entered: Secret, offset: number, step: number): void {
    assert.ok(Math.abs(offset) <= entered.skew, 'outside of the window');
    assert.ok(step > (this.used.get(entered.name) ?? -Infinity), 'accepted again');
    this.used.set(entered.name, step);
    this.lockout.reset();
    this.seen.accepted += 1;
  }

  /** Refused although in the window: for no other reason than that the device has used the step up. */
  private expectReplay(answer: object, { period, usedUntil }: Device, step: number): void {
    assert.ok(step * period * SECOND < usedUntil, 'refused though not used');
    assert.deepEqual(answer, invalid(this.lockout.count(this.now)));
    this.seen.replayed += 1;
  }

  private expectFailure(answer: object): void {
    assert.deepEqual(answer, invalid(this.lockout.fail(this.now)));
    this.seen.counted += 1;
  }

  private expectLocked(answer: { readonly status: string; readonly retryAfterMs?: number }): void {
    assert.equal(answer.status, 'LIMIT_REACHED_ERROR');
    const wait = answer.retryAfterMs ?? 0;
    assert.ok(wait >= 1 && wait <= DAY, `a wait of ${String(wait)} ms`);
    this.seen.locked += 1;
  }

  private isHeld(secret: Secret): boolean {
    return this.account.devices.some((device) => device.sealedSecret === secret.name);
  }

  private stepOf({ period }: { readonly period: number }): number {
    return Math.floor(this.now / (period * SECOND));
  }

  private freshName(): string {
    this.made += 1;
    return `device ${String(this.made)}`;
  }

  private deviceOf({ name, period, skew }: Secret) {
    return newDevice({ id: this.freshName(), sealedSecret: name, period, skew, createdAt: this.now });
  }
}

const invalid = (failures: number) => ({
  status: 'INVALID_TOTP_ERROR',
  currentNumberOfFailedAttempts: failures,
  maxNumberOfFailedAttempts: 5,
});

const secrets = [
  { name: 'of a phone', period: 30, skew: 1 },
  { name: 'of a slow clock', period: 15, skew: 2 },
  { name: 'of a card', period: 60, skew: 0 },
] as const satisfies readonly Secret[];
const secret = fc.constantFrom(...secrets);
const guess: Secret = { name: 'a guess', period: 30, skew: 1 };

/** What happens to a user: told with its arguments, so that a history that fails can be read. */
const happening = fc.oneof(
  { weight: 6, arbitrary: clockStep(90 * SECOND) },
  { weight: 2, arbitrary: clockStep(20 * MINUTE) },
  { weight: 1, arbitrary: clockStep(3 * DAY) },
  {
    weight: 12,
    arbitrary: told('signs in', fc.tuple(secret, fc.integer({ min: -3, max: 3 })), (world, [code, offset]) => {
      world.signIn(code, offset);
    }),
  },
  {
    weight: 3,
    arbitrary: told('guesses', fc.constant(1), guessTimes),
  },
  {
    weight: 3,
    arbitrary: told('enrols', fc.tuple(secret, fc.integer({ min: -3, max: 3 })), (world, [code, offset]) => {
      world.enrol(code, offset);
    }),
  },
  {
    weight: 3,
    arbitrary: told('creates', secret, (world, made) => {
      world.create(made);
    }),
  },
  {
    weight: 3,
    arbitrary: told('imports', secret, (world, held) => {
      world.import(held);
    }),
  },
  {
    weight: 1,
    arbitrary: told('removes', fc.nat(2), (world, index) => {
      world.remove(index);
    }),
  },
  {
    weight: 1,
    arbitrary: told('is unlocked', fc.constant(null), (world) => {
      world.unlock();
    }),
  },
);

function clockStep(most: number, least = -most) {
  return told('waits', fc.integer({ min: least, max: most }), (world, ms) => {
    world.now += ms;
  });
}

function told<T>(what: string, argument: fc.Arbitrary<T>, happen: (world: World, value: T) => void) {
  return argument.map((value) => ({
    happen: (world: World) => {
      happen(world, value);
    },
    toString: () => `${what} ${JSON.stringify(value)}`,
  }));
}

const patientGuess = fc.tuple(clockStep(2 * DAY, -HOUR), told('guesses', fc.nat(5), guessTimes));

function guessTimes(world: World, times: number): void {
  for (let time = 0; time < times; time++) world.signIn(guess, 0);
}

describe('W9: whatever happens in whatever order', () => {
  it('W9: no step is accepted twice, no window is wider and no budget is larger than promised', () => {
    const seen = { accepted: 0, replayed: 0, counted: 0, locked: 0 };
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 100, size: 'max' }), (history) => {
        const world = new World(seen);
        world.import(secrets[0]);
        for (const { happen } of history) happen(world);
      }),
      { numRuns: 500 },
    );
    // The histories led to every kind of answer.
    expect(Object.values(seen).filter((times) => times < 100)).toEqual([]);
  });

  it('L3: a patient guesser has a hundred guesses', () => {
    const guesses: number[] = [];
    fc.assert(
      fc.property(fc.array(patientGuess, { maxLength: 200, size: 'max' }), (history) => {
        const seen = { accepted: 0, replayed: 0, counted: 0, locked: 0 };
        const world = new World(seen);
        world.import(secrets[0]);
        for (const { happen } of history.flat()) happen(world);
        guesses.push(seen.counted);
      }),
      { numRuns: 50 },
    );
    expect(Math.max(...guesses)).toBe(100);
  });
});
