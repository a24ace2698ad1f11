import { checkOptions } from './check-options.js';
import { guessingWarning } from './guessing-odds.js';
import type { TotpModuleOptions } from './options.js';

const warningFor = (options: Partial<TotpModuleOptions>) =>
  guessingWarning(checkOptions({ issuer: 'Acme', ...options }));

describe('the warning about settings that are easy to guess', () => {
  it.each<[string, Partial<TotpModuleOptions>]>([
    ['the defaults', {}],
    ['a wide window', { defaultSkew: 2 }],
    ['eight digits, whatever else is set', { digits: 8, lockout: { vigilance: { after: 1_000, forgivenPerDay: 24 } } }],
  ])('is not given for %s', (_, options) => {
    expect(warningFor(options)).toBeUndefined();
  });

  it.each<[string, Partial<TotpModuleOptions>, string]>([
    [
      'many forgiven wrong codes',
      { lockout: { vigilance: { forgivenPerDay: 24 } } },
      'Set lockout.vigilance.forgivenPerDay to 1.',
    ],
    [
      'many forgiven wrong codes and a late beginning',
      { defaultSkew: 2, lockout: { vigilance: { after: 1_000, forgivenPerDay: 24 } } },
      'Set lockout.vigilance.forgivenPerDay to 1.',
    ],
    [
      'a late beginning alone',
      { defaultSkew: 2, lockout: { vigilance: { after: 1_000, forgivenPerDay: 6 } } },
      'Set lockout.vigilance.forgivenPerDay to 1.',
    ],
  ])('names the option to change for %s', (_, options, advice) => {
    expect(warningFor(options)).toMatch(/gets in within a year with a chance of \d+(\.\d+)? %\. /);
    expect(warningFor(options)).toContain(advice);
  });
});
