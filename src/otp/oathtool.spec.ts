import { execFileSync, spawnSync } from 'node:child_process';
import { matchingSteps, stepAt } from './code.js';
import { newSecret, toBase32 } from './secret.js';

const isThere = spawnSync('oathtool', ['--version']).status === 0;
const isRequired = process.env.TOTP_TEST_REQUIRE_ALL === '1';
const agreement = isThere || isRequired ? describe : describe.skip;
if (!isThere) process.stderr.write('oathtool is missing, so nothing is compared with it: apt-get install oathtool.\n');

const TIME = Date.UTC(2026, 0, 1, 12, 34, 56);

agreement('C7: a code that oathtool makes', () => {
  const settings = (['SHA1', 'SHA256', 'SHA512'] as const).flatMap((algorithm) =>
    ([6, 8] as const).flatMap((digits) => [15, 30, 45, 60, 300].map((period) => ({ algorithm, digits, period }))),
  );

  it.each(settings)('C7: with $algorithm, $digits digits and $period s is the code of the step', (device) => {
    const { algorithm, digits, period } = device;
    const secret = newSecret();
    for (const now of [TIME, 0, 20_000_000_000_000]) {
      const code = execFileSync('oathtool', [
        `--totp=${algorithm}`,
        `--digits=${digits}`,
        `--time-step-size=${period}s`,
        `--now=@${now / 1000}`,
        '--base32',
        toBase32(secret),
      ]);
      expect(matchingSteps(secret, String(code), now, { ...device, skew: 0 })).toEqual([stepAt(now, period)]);
    }
  });
});
