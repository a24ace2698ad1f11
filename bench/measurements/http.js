/** Measures the module's route on Express and on Fastify, compared with an empty route and the floor behind one, in one application. */
import { rightCode, wrongCode } from '../support/codes.js';
import { Client } from '../support/client.js';

export async function rows(bench) {
  const perPlatform = [];
  for (const platform of ['Express', 'Fastify']) perPlatform.push(await rowsOn(bench, platform));
  return perPlatform.flat();
}

async function rowsOn(bench, platform) {
  const { accepted, post } = await startTotpServer(bench, platform);
  const rejected = { ...accepted, code: wrongCode, expects: 'INVALID_TOTP_ERROR' };
  const goal = { atLeast: platform === 'Express' ? 0.9 : 0.95 };
  const name = (what) => `${what}, ${platform}`;
  return [
    bench.throughput({ ...accepted, name: name('empty route'), call: post('/empty') }),
    bench.throughput({ ...accepted, name: name('floor, accepted'), call: post('/floor') }),
    bench.throughput({
      ...accepted,
      name: name('accepted'),
      against: name('floor, accepted'),
      goal,
    }),
    bench.throughput({ ...rejected, name: name('floor, rejected'), call: post('/floor') }),
    bench.throughput({
      ...rejected,
      name: name('rejected'),
      against: name('floor, rejected'),
      goal,
    }),
  ];
}

/** The application on a platform, over the main database: the row of a code that it accepts, and `post(path)`, any other call. */
export function startTotpServer(bench, platform) {
  return bench.once(`server on ${platform}`, async () => {
    const server = await bench.start('totp.js', { platform, database: await bench.database() });
    const client = new Client(server.url);
    bench.defer(() => client.close());
    const post = (path) => async (user, totp) => (await client.post(path, { totp }, { 'x-user': user })).body.status;
    const accepted = {
      users: await bench.users(),
      before: (now) => server.ask({ now }),
      cpuTime: server.cpuTime,
      code: rightCode,
      call: post('/totp/verify'),
      expects: 'OK',
    };
    return { accepted, post };
  });
}
