import { FRESH_BUDGET, type Budget } from '../../src/accounts/account.js';
import { isLocked, recordFailure } from '../../src/accounts/lockout.js';
import { checkOptions } from '../../src/module/check-options.js';
import { guessingOdds, type TotpModuleOptions } from 'nestjs-totp';
import { HOUR } from '../support/accounts.js';
import { problemsOf, read, tableRows } from './documents.js';

const PAGE = 'docs/security.md';
const page = read(PAGE);

/** The settings whose odds the page tells, in its order. */
const settings: readonly {
  readonly title: string;
  readonly devices: number;
  readonly options: Partial<TotpModuleOptions>;
}[] = [
  { title: 'the defaults, one device', devices: 1, options: {} },
  { title: 'two devices', devices: 2, options: {} },
  { title: 'ten devices', devices: 10, options: {} },
  { title: '`defaultSkew: 0`', devices: 1, options: { defaultSkew: 0 } },
  { title: '`defaultSkew: 2`', devices: 1, options: { defaultSkew: 2 } },
  { title: '`digits: 8`', devices: 1, options: { digits: 8 } },
  { title: '`lockout: { hardLimit: 20 }`', devices: 1, options: { lockout: { hardLimit: 20 } } },
  {
    title: '`vigilance: { forgivenPerDay: 10 }`',
    devices: 1,
    options: { lockout: { vigilance: { forgivenPerDay: 10 } } },
  },
  {
    title: '`vigilance: { after: 10 }`, `digits: 8`',
    devices: 1,
    options: { digits: 8, lockout: { vigilance: { after: 10 } } },
  },
];

const section = (title: string) => page.split(/^## /m).find((text) => text.startsWith(title)) ?? '';

/** A user's failures, by the module's own rules. */
class Account {
  private budget: Budget = FRESH_BUDGET;
  now = 0;
  tries = 0;

  constructor(readonly policy = checkOptions({ issuer: 'Acme' }).policy) {}

  get isLocked(): boolean {
    return isLocked(this.budget, this.now);
  }

  get isLockedForGood(): boolean {
    return this.budget.lock?.until === null;
  }

  get lockedUntil(): number {
    return this.budget.lock?.until ?? Infinity;
  }

  guess(): void {
    this.budget = recordFailure(this.budget, this.now, this.policy).budget;
    this.tries++;
  }
}

/** Locks and all, as fast as the locks let. */
function hoursToTheHardLock(account: Account, perRound: number, wait: (account: Account) => number): number {
  for (;;) {
    for (let n = 0; n < perRound; n++) {
      account.guess();
      if (account.isLockedForGood) return account.now / HOUR;
    }
    account.now = wait(account);
  }
}

const count = (number: number) => number.toLocaleString('en-US');
const percent = (chance: number) =>
  `${(chance * 100).toLocaleString('en-US', { maximumSignificantDigits: 2, minimumSignificantDigits: 2 })} %`;
const chanceOf = (tries: number, perTry: number) => -Math.expm1(tries * Math.log1p(-perTry));
const tries = (number: number, perTry: number) => `${count(number)} tries: ${percent(chanceOf(number, perTry))}`;

describe('the odds of guessing', () => {
  const rows = tableRows(section('Odds of guessing'));

  it('are told for these settings', () => {
    const titles = settings.map(({ title }) => title);
    expect(rows.map(([title]) => title)).toEqual([
      ...titles,
      'for comparison: five tries every 15 minutes without an end, one device',
    ]);
  });

  it.each(settings.map((setting, n) => ({ ...setting, cells: rows[n]?.slice(1) })))(
    'with $title are what guessingOdds computes',
    ({ devices, options, cells }) => {
      const { digits, defaultSkew, policy } = checkOptions({ issuer: 'Acme', ...options });
      const right = devices * (2 * defaultSkew + 1);
      expect(cells).toEqual([
        `${count(right)} in ${count(10 ** digits)}`,
        tries(policy.hardLimit, right / 10 ** digits),
        percent(guessingOdds(options, { devices })),
      ]);
    },
  );

  it('of endless tries are computed right', () => {
    const perYear = 5 * 4 * 24 * 365;
    expect(rows.at(-1)?.slice(1)).toEqual(['3 in 1,000,000', 'never', tries(perYear, 3e-6)]);
  });
});

describe('the time to the hard lock', () => {
  it('is told for a guesser who lets the locks run out, and for one who causes none', () => {
    const loud = hoursToTheHardLock(new Account(), 5, ({ lockedUntil }) => lockedUntil);
    const quiet = hoursToTheHardLock(new Account(), 4, ({ now, policy }) => now + policy.cooldownMs);
    expect(section('Locking others out')).toContain(`${String(quiet)} hours`);
    expect(section('Locking others out')).toContain(`${String(Math.round(loud / 24))} days`);
  });
});

describe('the page', () => {
  it('names tests and files that exist', () => {
    expect(problemsOf(PAGE, page)).toEqual([]);
  });

  it('names checks that the table of checks has', () => {
    const checks = tableRows(read('docs/conformance.md')).map(([id]) => id);
    const named = [...page.matchAll(/\(([A-Z]\d(?:, [A-Z]\d)*)\)/g)].flatMap(([, ids = '']) => ids.split(', '));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((id) => !checks.includes(id))).toEqual([]);
  });

  it('leads to sections that it has', () => {
    const titles = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(' ', '-'));
    const targets = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, target = '']) => target);
    expect(targets.filter((target) => !titles.includes(target))).toEqual([]);
  });
});

it('L9: the pages say how the limits are set and what keeps strangers from locking others out', () => {
  for (const option of ['maxFailures', 'cooldown', 'multiplier', 'maxCooldown', 'hardLimit']) {
    expect(read('docs/options.md')).toContain(`\`lockout.${option}\``);
  }
  expect(section('Locking others out')).toMatch(/stranger who knows a user name/);
  expect(section('Locking others out')).toContain('unlockUser');
  expect(read('README.md')).toContain('unlockUser');
});
