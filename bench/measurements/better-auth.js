/** Measures better-auth's check of a code over HTTP, when signing in and within a session, compared with the module's on Express. */
import { Client, cookiesOf } from '../support/client.js';
import { fromBase32 } from '../../dist/otp/secret.js';
import { codeOfStep, PERIOD_MS } from '../support/codes.js';
import { callForEach } from '../support/callers.js';
import { startTotpServer } from './http.js';

const PASSWORD = 'correct horse battery staple';

export async function rows(bench) {
  const { url, cpuTime } = await bench.start('better-auth.js', { database: await bench.database() });
  const client = new Client(url);
  bench.defer(() => client.close());
  const { accepted } = await startTotpServer(bench, 'Express');

  // Far slower than the module: fewer users have a turn within the same time.
  const names = Array.from({ length: Math.ceil(bench.size.users / 10) }, (_, n) => `person${n}@example.com`);
  const people = new Map();
  await each(names, async (email) => people.set(email, await enrol(client, email)));

  const verify = async (cookie, secret) => {
    const code = codeOfStep(secret, Math.floor(Date.now() / PERIOD_MS)).toString();
    await client.post('/api/auth/two-factor/verify-totp', { code }, { cookie });
    return 'OK';
  };
  const challenges = new Map();
  const row = { users: names, expects: 'OK', cpuTime };
  return [
    bench.throughput({
      ...row,
      name: 'better-auth, signing in',
      before: () => each(names, async (email) => challenges.set(email, await signIn(client, email))),
      call: (email) => verify(challenges.get(email), people.get(email).secret),
    }),
    bench.throughput({
      ...row,
      name: 'better-auth, within a session',
      call: (email) => verify(people.get(email).session, people.get(email).secret),
    }),
    ...['signing in', 'within a session'].map((path) =>
      bench.throughput({
        ...accepted,
        name: `nestjs-totp on Express (${path})`,
        against: `better-auth, ${path}`,
        ...(path === 'signing in' ? { goal: { atLeast: 11 } } : {}),
      }),
    ),
  ];
}

async function enrol(client, email) {
  const signedUp = await client.post('/api/auth/sign-up/email', { name: email, email, password: PASSWORD });
  const enabled = await client.post(
    '/api/auth/two-factor/enable',
    { password: PASSWORD },
    { cookie: cookiesOf(signedUp) },
  );
  return {
    secret: fromBase32(new URL(enabled.body.totpURI).searchParams.get('secret')),
    // Two-factor was switched on in this session, so it is alive without a code.
    session: cookiesOf(enabled),
  };
}

/** The first factor, after which better-auth waits for a code. */
async function signIn(client, email) {
  const answer = await client.post('/api/auth/sign-in/email', { email, password: PASSWORD });
  if (answer.body.twoFactorRedirect !== true) throw new Error('better-auth asks for no second factor');
  return cookiesOf(answer);
}

async function each(names, work) {
  await callForEach({
    users: names,
    callers: 16,
    seconds: Infinity,
    call: async (name) => {
      await work(name);
      return 'OK';
    },
    expects: 'OK',
  });
}
