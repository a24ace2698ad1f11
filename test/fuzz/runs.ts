/** How many random requests there are, and from which seed. */
import type fc from 'fast-check';

const { TOTP_TEST_FUZZ_RUNS, TOTP_TEST_FUZZ_SEED } = process.env;

/** Without settings the same requests are sent each time, few enough for every `npm test`. */
const SHORT = 90;
const runs = Number(TOTP_TEST_FUZZ_RUNS ?? SHORT);

/**
 * The settings of a property. `TOTP_TEST_FUZZ_RUNS` asks for more runs, from a seed that differs each time;
 * `TOTP_TEST_FUZZ_SEED` names the seed. A failure prints the seed and the smallest request that fails.
 *
 * @param share of the runs, for what is slow
 */
export function settings<T>(share = 1): fc.Parameters<T> {
  return {
    numRuns: Math.ceil(runs * share),
    seed: Number(TOTP_TEST_FUZZ_SEED ?? (TOTP_TEST_FUZZ_RUNS === undefined ? 6238 : Date.now() % 2 ** 31)),
  };
}

/** How long one property may take, in ms. */
export const PATIENCE = 300_000 + runs * 1_000;
