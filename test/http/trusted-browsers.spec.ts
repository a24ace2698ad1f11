/** Trusted browsers over HTTP (contract §9), in a route that `TotpGuard` protects. */
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { RequireTotp, TotpGuard } from 'nestjs-totp';
import { adapterOf, HeaderSignIn, platforms } from '../support/application.js';
import { type Answer, answered, everyDatabase, invalidClaim, Person, send, useApplication } from '../support/client.js';

@Controller()
@UseGuards(HeaderSignIn, TotpGuard)
class Routes {
  @Get('daily')
  daily(): object {
    return { passed: true };
  }

  @Get('sensitive')
  @RequireTotp({ maxAge: '5m' })
  sensitive(): object {
    return { passed: true };
  }
}

@Module({ controllers: [Routes] })
class RoutesModule {}

const passed = answered({ passed: true });
const DAY = 86_400;

/** The cookie that an answer sets, as `name=value`; empty without one. */
const cookieOf = ({ headers }: Answer) => headers.get('set-cookie')?.split(';')[0] ?? '';

describe.each(everyDatabase)('$name', ({ platform, open }) => {
  const application = useApplication({ platform, open, options: { trustedBrowsers: {} }, imports: [RoutesModule] });
  const get = (route: string, { headers }: Person, more: Record<string, string> = {}) =>
    send(application().url + route, { headers: { ...headers, ...more } });

  /** A user whose browser is trusted, and a later session in it, which has given the password alone. */
  const trusting = async () => {
    const person = new Person(application());
    const phone = await person.enrol('phone');
    application().clock.advance(60);
    const answer = await person.post('/verify', { totp: phone.code(), trustBrowser: true });
    expect(answer.body).toEqual({ status: 'OK' });
    application().clock.advance(60);
    return { person, phone, cookie: cookieOf(answer), answer, later: person.signedInAnew() };
  };

  it('a trusted browser passes with the password alone, and another browser does not', async () => {
    const { later, cookie } = await trusting();
    expect(await get('/daily', later)).toEqual(invalidClaim);
    expect(await get('/daily', later, { cookie })).toEqual(passed);
    expect(await get('/daily', later, { cookie: `a=b; ${cookie}; c=d` })).toEqual(passed);
    expect(await get('/daily', later, { cookie: `x${cookie}` })).toEqual(invalidClaim);
  });

  it('T1: it satisfies no maxAge beyond the age of its code, and no change of devices', async () => {
    const { later, cookie } = await trusting();
    expect(await get('/sensitive', later, { cookie })).toEqual(passed);
    application().clock.advance(241);
    expect(await get('/sensitive', later, { cookie })).toEqual(invalidClaim);
    expect(await get('/daily', later, { cookie })).toEqual(passed);
    const create = later.send('/device', {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', cookie },
    });
    expect(await create).toEqual(invalidClaim);
  });

  it('T2, T3: its token is worth nothing to another user, and nothing without a session', async () => {
    const { cookie } = await trusting();
    const stranger = new Person(application());
    await stranger.enrol();
    expect(await get('/daily', stranger.signedInAnew(), { cookie })).toEqual(invalidClaim);
    expect((await send(`${application().url}/daily`, { headers: { cookie } })).status).toBe(401);
  });

  it('T2: it ends after thirty days, and when its user uses a recovery code, removes a device or forgets it', async () => {
    const untrusted = async (end: (known: Awaited<ReturnType<typeof trusting>>) => Promise<unknown>) => {
      const known = await trusting();
      await end(known);
      expect(await get('/daily', known.later, { cookie: known.cookie })).toEqual(invalidClaim);
    };
    await untrusted(async () => {
      application().clock.advance(30 * DAY - 60);
      await Promise.resolve();
    });
    await untrusted(async ({ person }) => {
      const made = await application().totp.createRecoveryCodes({ userId: person.userId, onBehalfOf: 'application' });
      const recoveryCode = made.status === 'OK' ? made.recoveryCodes[0] : '';
      expect((await person.post('/recovery-codes/verify', { recoveryCode })).body).toMatchObject({ status: 'OK' });
    });
    await untrusted(async ({ person }) => {
      await person.enrol('tablet');
      expect((await person.post('/device/remove', { deviceName: 'phone' })).body).toMatchObject({
        didDeviceExist: true,
      });
    });
    await untrusted(async ({ person }) => {
      expect((await person.post('/trusted-browsers/forget', {})).body).toEqual({ status: 'OK', forgotten: 1 });
    });
    await untrusted(({ person }) =>
      application().totp.forgetTrustedBrowsers({ userId: person.userId, onBehalfOf: 'application' }),
    );
  });

  it('a client without cookies gets the token in the answer, and sends it back in a header', async () => {
    const { person, phone, later } = await trusting();
    const answer = await person.send('/verify', {
      method: 'POST',
      body: JSON.stringify({ totp: phone.code(), trustBrowser: true }),
      headers: { 'content-type': 'application/json', 'x-totp-trust': 'token' },
    });
    expect(answer).toEqual(answered({ status: 'OK', trustToken: expect.stringMatching(/^[\w-]{43}$/) }));
    expect(answer.headers.get('set-cookie')).toBeNull();
    const { trustToken } = answer.body as { trustToken: string };
    expect(await get('/daily', later, { 'x-totp-trust': trustToken })).toEqual(passed);
    expect(await get('/daily', later, { 'x-totp-trust': 'token' })).toEqual(invalidClaim);
  });

  it('lists each browser with its times and name, and never its token', async () => {
    const { person, cookie } = await trusting();
    const { body } = await person.send('/trusted-browsers');
    const createdAt = application().clock.now() - 60_000;
    expect(body).toEqual({
      status: 'OK',
      browsers: [
        {
          id: expect.any(String),
          createdAt,
          lastUsedAt: createdAt,
          expiresAt: createdAt + 30 * DAY * 1000,
          userAgent: expect.any(String),
        },
      ],
    });
    const [{ id } = { id: '' }] = (body as { browsers: { id: string }[] }).browsers;
    expect(JSON.stringify(body)).not.toContain(cookie.split('=')[1]);
    expect((await person.post('/trusted-browsers/forget', { id: 'another' })).body).toMatchObject({ forgotten: 0 });
    expect((await person.post('/trusted-browsers/forget', { id })).body).toMatchObject({ forgotten: 1 });
  });

  it('T2: tokens are hashed in the database, and are in no event', async () => {
    const { cookie } = await trusting();
    const { DataSource } = await import('typeorm');
    const rows: unknown = await application().app.get(DataSource).query('SELECT * FROM totp_accounts');
    expect(JSON.stringify([rows, application().events.events])).not.toContain(cookie.split('=')[1]);
  });

  it('a request of a trusted browser costs one read, and writes at most once a day', async () => {
    const { later, cookie } = await trusting();
    const { statements, clock } = application();
    const count = async () => {
      statements.length = 0;
      expect(await get('/daily', later, { cookie })).toEqual(passed);
      return statements.map((statement) => statement.trimStart().split(' ')[0]);
    };
    expect(await count()).toEqual(['SELECT']);
    clock.advance(DAY);
    expect(await count()).toEqual(['SELECT', 'UPDATE']);
    expect(await count()).toEqual(['SELECT']);
  });
});

describe.each(platforms)('the cookie on %s', (platform) => {
  const adapter = () => (platform === 'Fastify' ? new FastifyAdapter({ trustProxy: true }) : adapterOf(platform));
  const configure = (app: unknown) => {
    if (platform === 'Express') (app as NestExpressApplication).set('trust proxy', true);
  };
  const cookie = { name: 'seen', domain: 'example.com', path: '/app' };
  const application = useApplication({
    platform,
    adapter,
    configure,
    options: { trustedBrowsers: { days: 7, cookie } },
  });
  const signIn = async (headers: Record<string, string>, body: object = { trustBrowser: true }) => {
    const person = new Person(application());
    const phone = await person.enrol();
    application().clock.advance(60);
    return person.send('/verify', {
      method: 'POST',
      body: JSON.stringify({ totp: phone.code(), ...body }),
      headers: { 'content-type': 'application/json', ...headers },
    });
  };

  it('is for the browser alone, and over TLS for TLS alone', async () => {
    const plain = (await signIn({})).headers.get('set-cookie');
    expect(plain).toMatch(/^seen=[\w-]{43}; Path=\/app; Domain=example\.com; Max-Age=604800; HttpOnly; SameSite=Lax$/);
    const secure = (await signIn({ 'x-forwarded-proto': 'https' })).headers.get('set-cookie');
    expect(secure).toMatch(/; SameSite=Lax; Secure$/);
  });

  it('is not set unless the user asks for it', async () => {
    expect((await signIn({}, {})).headers.get('set-cookie')).toBeNull();
    expect((await signIn({}, { trustBrowser: false })).headers.get('set-cookie')).toBeNull();
  });
});

describe('trusted browsers that are switched off', () => {
  const application = useApplication({ imports: [RoutesModule] });

  it('have no routes, set no cookie, and let nobody pass', async () => {
    const person = new Person(application());
    const phone = await person.enrol();
    application().clock.advance(60);
    const answer = await person.post('/verify', { totp: phone.code(), trustBrowser: true });
    expect(answer).toEqual(answered({ status: 'OK' }));
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect((await person.send('/trusted-browsers')).status).toBe(404);
    expect((await person.post('/trusted-browsers/forget', {})).status).toBe(404);
  });

  it('cannot be asked for by the service, which says what to write', async () => {
    await expect(application().totp.verifyTOTP({ userId: 'ann', totp: '000000', trustBrowser: {} })).rejects.toThrow(
      'Write trustedBrowsers: { days: 30 }',
    );
  });
});
