/** Measures `supertokens-node`'s check of a code on Express over a core that answers at once, compared with the module's on Express. */
import { Client } from '../support/client.js';
import { rightCode } from '../support/codes.js';
import { startTotpServer } from './http.js';

export async function rows(bench) {
  // Far slower than the module: fewer users have a turn within the same time.
  const core = await bench.start('supertokens-core.js', { users: Math.ceil(bench.size.users / 5) });
  const { url, cpuTime } = await bench.start('supertokens.js', { core: core.url });
  const client = new Client(url);
  bench.defer(() => client.close());
  const { accepted } = await startTotpServer(bench, 'Express');
  const against = 'supertokens-node over an instant core';
  return [
    bench.throughput({
      name: against,
      users: core.tokens,
      cpuTime,
      code: rightCode,
      call: async (token, totp) => {
        const headers = { authorization: `Bearer ${token}`, 'st-auth-mode': 'header' };
        return (await client.post('/auth/totp/verify', { totp }, headers)).body.status;
      },
      expects: 'OK',
    }),
    bench.throughput({
      ...accepted,
      name: 'nestjs-totp on Express, with its database',
      against,
      goal: { atLeast: 7.5 },
    }),
  ];
}
