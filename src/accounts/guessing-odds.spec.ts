/** O3: the computed odds of a guesser, against a simulation of guessers and owners who follow the real rules. */
import fc from 'fast-check';
import { account, after, context, DAY, device, MINUTE, NOW, policy, SECOND } from '../../test/support/accounts.js';
import { Random } from '../../test/support/random.js';
import { guessingOdds } from '../module/guessing-odds.js';
import type { Account, Policy } from './account.js';
import { type GuessingTerms, oddsOf } from './guessing-odds.js';
import { isLocked } from './lockout.js';
import { decideSignIn } from './verification.js';
import { needsTwoCodes } from './vigilance.js';

describe('the odds of a guesser in a year', () => {
  it('O3: are at most 0.15 % at the defaults with one device', () => {
    expect(guessingOdds()).toBeLessThanOrEqual(0.0015);
    expect(guessingOdds()).toBeGreaterThan(0.001);
  });

  it.each([
    ['grow with the devices of a user', {}, { devices: 10 }, 0.0118],
    ['grow with the days', {}, { days: 3_650 }, 0.011],
    ['grow with the window', { defaultSkew: 2 }, {}, 0.00197],
    ['shrink with the digits', { digits: 8 }, {}, 0.0000118],
    ['grow with what a day forgives', { lockout: { vigilance: { forgivenPerDay: 24 } } }, {}, 0.026],
    [
      'are bounded by the lock alone where the long run allows more',
      { lockout: { cooldown: '1d', vigilance: { after: 1_000, forgivenPerDay: 24 } } },
      {},
      0.0055,
    ],
  ] as const)('%s', (_, options, input, expected) => {
    expect(guessingOdds(options, input)).toBeCloseTo(expected, expected < 0.001 ? 6 : 3);
  });

  it.each([{ devices: 0 }, { devices: 1.5 }, { devices: 16 }, { days: 0 }, { days: NaN }])('refuse %j', (input) => {
    expect(() => guessingOdds({}, input)).toThrow('must be a whole number from 1 to');
  });
});

/** How a guesser decides whether to enter a code now. */
const STRATEGIES = {
  /** Whenever a code is checked. */
  greedy: () => true,
  /** Only while one code is enough. */
  patient: (user: Account, now: number, rules: Policy) => !needsTwoCodes(user.vigilance, now, rules),
} as const;

/** One guesser against one owner, who signs in at once after each lock, until the time is over. @returns whether a guess signed in */
function isGuessed(terms: GuessingTerms, rules: Policy, strategy: keyof typeof STRATEGIES, random: Random): boolean {
  const phones = Array.from({ length: terms.devices }, (_, n) => device({ name: String(n) }));
  const perStep = 10 ** -terms.digits;
  let user = account(phones);
  let now = NOW;
  const enter = (handle: string, matches: (step: number, n: number) => boolean) => {
    const current = Math.floor(now / (30 * SECOND));
    const comparisons = user.devices.map((one, n) => ({
      device: one,
      matchedSteps: Array.from({ length: 2 * terms.skew + 1 }, (_, k) => current - terms.skew + k).filter((step) =>
        matches(step, n),
      ),
    }));
    const decision = decideSignIn(user, comparisons, {
      ...context,
      now,
      policy: rules,
      session: { handle, completedAt: undefined },
    });
    if (decision.account !== null) user = after(decision);
    return decision.answer.status === 'OK';
  };
  const ownerSignsIn = () => {
    for (let code = 0; code < 3; code++) {
      const current = Math.floor(now / (30 * SECOND));
      if (enter('owner', (step, n) => n === 0 && step === current)) return;
      now += 30 * SECOND;
    }
  };
  for (const end = NOW + terms.durationMs; now < end;) {
    if (isLocked(user.budget, now)) {
      now = user.budget.lock?.until ?? end;
      ownerSignsIn();
      // Until no step of the window was used by the owner.
      now += 90 * SECOND;
    } else if (STRATEGIES[strategy](user, now, rules)) {
      if (enter('guesser', () => random.chance(perStep))) return true;
      now += SECOND;
    } else {
      now += 15 * MINUTE;
    }
  }
  return false;
}

describe('simulated guessers', () => {
  const RUNS = 150;
  const settings = fc.record({
    digits: fc.constantFrom(2, 3),
    skew: fc.nat(2),
    devices: fc.integer({ min: 1, max: 3 }),
    days: fc.integer({ min: 1, max: 3 }),
    maxFailures: fc.integer({ min: 1, max: 10 }),
    cooldown: fc.constantFrom(15 * MINUTE, 60 * MINUTE),
    after: fc.integer({ min: 1, max: 40 }),
    forgivenPerDay: fc.constantFrom(1, 4, 24),
    strategy: fc.constantFrom('greedy', 'patient'),
    seed: fc.nat(),
  });

  it('O3: get in no more often than computed, for random settings and strategies', () => {
    fc.assert(
      fc.property(settings, ({ days, cooldown, after: vigilanceAfter, forgivenPerDay, strategy, seed, ...given }) => {
        const terms: GuessingTerms = {
          ...given,
          durationMs: days * DAY,
          cooldownMs: cooldown,
          vigilanceAfter,
          forgivenessMs: DAY / forgivenPerDay,
        };
        const rules: Policy = { ...policy, ...terms, hardLimit: 100 };
        const random = new Random(seed);
        let guessed = 0;
        for (let n = 0; n < RUNS; n++) if (isGuessed(terms, rules, strategy, random)) guessed++;
        const odds = oddsOf(terms);
        // Four standard deviations of the count: one false alarm in 30,000 settings.
        expect(guessed).toBeLessThanOrEqual(RUNS * odds + 4 * Math.sqrt(RUNS * odds * (1 - odds)) + 1);
      }),
      { numRuns: 12, seed: 4226 },
    );
  });

  it('O3: come close to the computed odds when they and the owner do their worst, so the bound is no guess', () => {
    const terms: GuessingTerms = {
      digits: 2,
      skew: 1,
      devices: 1,
      durationMs: DAY,
      maxFailures: 5,
      cooldownMs: 15 * MINUTE,
      vigilanceAfter: 20,
      forgivenessMs: DAY / 4,
    };
    const random = new Random(6238);
    const guessed = Array.from({ length: 400 }, () => isGuessed(terms, { ...policy, ...terms }, 'greedy', random));
    const share = guessed.filter(Boolean).length / guessed.length;
    expect(share).toBeGreaterThan(0.75 * oddsOf(terms));
    expect(share).toBeLessThanOrEqual(oddsOf(terms) + 0.1);
  });
});
