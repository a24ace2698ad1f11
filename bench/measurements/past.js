/** Measures growth in attempts: one caller signs in as a user without a past, and as one with many attempts behind them. */
import { writeAccounts } from '../support/accounts.js';
import { PERIOD_MS, rightCode } from '../support/codes.js';
import { callForEach, sampleOf } from '../support/callers.js';

export async function rows(bench) {
  const { past } = bench.size;
  await writeAccounts(await bench.database(), ['newcomer', 'old hand']);
  const totp = await bench.service();
  const signIn = async (userId) => {
    bench.clock.time += PERIOD_MS;
    return (await totp.verifyTOTP({ userId, totp: rightCode(bench.clock.time) })).status;
  };
  await callForEach({
    users: Array(past).fill('old hand'),
    callers: 1,
    seconds: Infinity,
    call: signIn,
    expects: 'OK',
  });

  const row = (name, userId) => ({
    name,
    unit: '/s',
    measure: async () => {
      // Few, so that the newcomer stays one.
      const users = Array(Math.min(bench.size.users, 200)).fill(userId);
      return sampleOf([
        await callForEach({ users, callers: 1, seconds: bench.size.seconds, call: signIn, expects: 'OK' }),
      ]);
    },
  });
  return [
    row('a user without a past', 'newcomer'),
    // At most 1.1 times the time.
    {
      ...row(`a user with ${past.toLocaleString('en')} attempts`, 'old hand'),
      against: 'a user without a past',
      goal: { atLeast: 0.91 },
    },
  ];
}
