/** The routes and headers that SuperTokens' pre-built screens need besides those of TOTP. */
import { Controller, Get, Inject, Injectable, Module, Post, Req, Res, UseGuards } from '@nestjs/common';
import {
  CurrentTotpSession,
  RequireTotp,
  type SessionContainer,
  type SignOutInput,
  SuperTokensFrontToken,
  superTokensCorsHeaders,
  SuperTokensSignOut,
  TotpGuard,
} from 'nestjs-totp';
import { HeaderSignIn, platforms } from '../support/application.js';
import { type Answer, Person, send, useApplication } from '../support/client.js';

/** The users and sessions that were signed out. */
const ended: unknown[] = [];

@Injectable()
class EndSession extends SuperTokensSignOut {
  override signOut({ session, request, response }: SignOutInput): void {
    expect(response).toBeDefined();
    const { headers } = request as { headers: Record<string, string> };
    ended.push([session.getUserId(), headers['x-session']]);
  }
}

interface Reply {
  header(name: string, value: string): unknown;
}

@Controller()
class Application {
  constructor(@Inject(SuperTokensFrontToken) private readonly frontToken: SuperTokensFrontToken) {}

  @Post('auth/signin')
  async signIn(@Req() { headers }: { headers: Record<string, string> }, @Res({ passthrough: true }) reply: Reply) {
    const token = await this.frontToken.headersForSignIn({ userId: headers['x-user'] ?? '', tenantId: 'acme' });
    for (const [name, value] of Object.entries(token)) reply.header(name, value);
    return { status: 'OK' };
  }

  @UseGuards(HeaderSignIn, TotpGuard)
  @RequireTotp({ maxAge: '5m' })
  @Get('payments')
  payments(@CurrentTotpSession() session: SessionContainer) {
    return { userId: session.getUserId() };
  }
}

@Module({ controllers: [Application] })
class ApplicationModule {}

const superTokens = {
  path: 'auth/totp',
  superTokens: {},
  providers: [{ provide: SuperTokensSignOut, useClass: EndSession }],
};

function frontToken({ headers }: Answer): unknown {
  const value = headers.get('front-token');
  if (value === null || value === 'remove') return value;
  return JSON.parse(Buffer.from(value, 'base64').toString('utf8'));
}

describe.each(platforms)('for the screens of SuperTokens on %s, the module', (platform) => {
  const application = useApplication({ platform, imports: [ApplicationModule], options: superTokens });
  const person = (userId?: string) =>
    new Person(application(), { path: '/auth/totp', ...(userId === undefined ? {} : { userId }) });
  const call = (someone: Person, method: string, route: string) =>
    send(application().url + route, { method, headers: someone.headers });
  const info = (someone: Person) => call(someone, 'PUT', '/auth/mfa/info');
  const claim = (answer: Answer) => (frontToken(answer) as { up: Record<string, unknown> }).up['st-mfa'];
  const seconds = () => Math.floor(application().clock.now() / 1_000);

  it('offers a first device to a user without one, who lacks nothing', async () => {
    const answer = await info(person());
    expect(answer).toMatchObject({
      status: 200,
      body: {
        status: 'OK',
        factors: { alreadySetup: [], allowedToSetup: ['totp'], next: [] },
        emails: {},
        phoneNumbers: {},
      },
    });
    expect(claim(answer)).toEqual({ c: {}, v: true });
  });

  it('asks a session for a code, allows it no device before, and any once it has entered it', async () => {
    const first = person();
    const device = await first.enrol('phone');
    application().clock.advance(30);
    const again = first.signedInAnew();
    const before = await info(again);
    expect(before.body).toMatchObject({ factors: { alreadySetup: ['totp'], allowedToSetup: [], next: ['totp'] } });
    expect(claim(before)).toEqual({ c: {}, v: false });

    const wrong = await again.signIn(again.wrongCode());
    expect(claim(wrong)).toEqual({ c: {}, v: false });
    const right = await again.signIn(device.code());
    expect(claim(right)).toEqual({ c: { totp: seconds() }, v: true });

    const after = await info(again);
    expect(after.body).toMatchObject({ factors: { alreadySetup: ['totp'], allowedToSetup: ['totp'], next: [] } });
    application().clock.advance(20 * 60 + 1);
    expect((await info(again)).body).toMatchObject({
      factors: { alreadySetup: ['totp'], allowedToSetup: [], next: [] },
    });
  });

  it('tells the whole state of a session in the header: user, tenant, end and claim', async () => {
    const someone = person('Änne 😀');
    await someone.enrol('phone');
    const answer = await someone.send('/device/list');
    expect(answer.headers.get('front-token')).toBeNull();
    expect(frontToken(await info(someone))).toEqual({
      uid: 'Änne 😀',
      ate: application().clock.now() + 3_600_000,
      up: {
        sub: 'Änne 😀',
        tId: 'public',
        iat: seconds(),
        exp: seconds() + 3_600,
        'st-mfa': { c: { totp: seconds() }, v: true },
      },
    });
  });

  it('sends the header with refusals of its own routes and of the application, so that an old claim is re-read', async () => {
    const first = person();
    const device = await first.enrol('phone');
    application().clock.advance(30);
    const again = first.signedInAnew();
    const own = await again.post('/device', { deviceName: 'second' });
    expect(own.status).toBe(403);
    expect(claim(own)).toEqual({ c: {}, v: false });
    const applications = await call(again, 'GET', '/payments');
    expect(applications.status).toBe(403);
    expect(claim(applications)).toEqual({ c: {}, v: false });

    expect((await again.signIn(device.code())).status).toBe(200);
    const completedAt = seconds();
    expect(await call(again, 'GET', '/payments')).toMatchObject({ status: 200, body: { userId: again.userId } });
    application().clock.advance(301);
    const stale = await call(again, 'GET', '/payments');
    expect(stale.status).toBe(403);
    expect(claim(stale)).toEqual({ c: { totp: completedAt }, v: true });
  });

  it('answers a refresh while the session exists, and 401 without one', async () => {
    const answer = await call(person(), 'POST', '/auth/session/refresh');
    expect(answer).toMatchObject({ status: 200, body: { status: 'OK' } });
    expect(claim(answer)).toEqual({ c: {}, v: true });
    const nobody = await send(`${application().url}/auth/session/refresh`, { method: 'POST' });
    expect(nobody.status).toBe(401);
    expect(nobody.headers.get('front-token')).toBeNull();
  });

  it('lets the application end its session when the user signs out, and then tells the front end', async () => {
    const someone = person();
    const answer = await send(`${application().url}/auth/signout`, {
      method: 'POST',
      // As the front end sends it: of a type, but empty.
      headers: { ...someone.headers, 'content-type': 'application/json' },
    });
    expect(answer).toMatchObject({ status: 200, body: { status: 'OK' } });
    expect(frontToken(answer)).toBe('remove');
    expect(ended).toContainEqual([someone.userId, someone.session]);
    expect((await send(`${application().url}/auth/signout`, { method: 'POST' })).status).toBe(401);
  });

  it('makes the header for the sign-in of the application', async () => {
    const someone = person();
    const signIn = () => call(someone, 'POST', '/auth/signin');
    expect(frontToken(await signIn())).toMatchObject({
      uid: someone.userId,
      up: { tId: 'acme', 'st-mfa': { c: {}, v: true } },
    });
    await someone.enrol('phone');
    expect(claim(await signIn())).toEqual({ c: {}, v: false });
  });

  it('counts a code that was used already as a first attempt, of which the screen then shows one less', async () => {
    const someone = person();
    const device = await someone.enrol('phone');
    expect((await someone.signIn(device.code())).body).toEqual({
      status: 'INVALID_TOTP_ERROR',
      currentNumberOfFailedAttempts: 1,
      maxNumberOfFailedAttempts: 5,
    });
    await someone.signIn(someone.wrongCode());
    await someone.signIn(someone.wrongCode());
    expect((await someone.signIn(device.code())).body).toMatchObject({ currentNumberOfFailedAttempts: 2 });
  });

  it('serves no tenant in the path unless an option says so', async () => {
    expect((await call(person(), 'PUT', '/auth/acme/mfa/info')).status).toBe(404);
    expect((await call(person(), 'GET', '/auth/acme/totp/device/list')).status).toBe(404);
  });
});

describe.each(platforms)('with required enrolment and tenants in the path on %s, the module', (platform) => {
  const application = useApplication({
    platform,
    options: {
      ...superTokens,
      path: 'api/auth/totp',
      superTokens: { tenantPaths: true, refreshAfter: '5m' },
      enrolment: 'required',
    },
  });
  const call = (someone: Person, method: string, route: string) =>
    send(application().url + route, { method, headers: { ...someone.headers, 'x-tenant': 'acme' } });

  it('sends a user without a device to set one up', async () => {
    const answer = await call(new Person(application()), 'PUT', '/api/auth/mfa/info');
    expect(answer.body).toMatchObject({ factors: { alreadySetup: [], allowedToSetup: ['totp'], next: ['totp'] } });
    expect(frontToken(answer)).toMatchObject({
      ate: application().clock.now() + 300_000,
      up: { tId: 'acme', 'st-mfa': { v: false } },
    });
  });

  it.each(['/api/auth', '/api/auth/acme', '/api/auth/other'])(
    'serves every route under %s, and goes by the tenant of the session',
    async (base) => {
      const someone = new Person(application(), { path: `${base}/totp` });
      await someone.enrol('phone');
      expect(await call(someone, 'GET', `${base}/totp/device/list`)).toMatchObject({
        status: 200,
        body: { devices: [{ name: 'phone' }] },
      });
      const answer = await call(someone, 'PUT', `${base}/mfa/info`);
      expect(answer.body).toMatchObject({ factors: { alreadySetup: ['totp'] } });
      expect(frontToken(answer)).toMatchObject({ up: { tId: 'acme' } });
      expect((await call(someone, 'POST', `${base}/session/refresh`)).status).toBe(200);
      expect((await call(someone, 'POST', `${base}/signout`)).status).toBe(200);
    },
  );
});

describe('in a trusted browser, the module', () => {
  const application = useApplication({ options: { ...superTokens, trustedBrowsers: {} } });

  it('asks for no code, and says since when the browser is trusted', async () => {
    const first = new Person(application(), { path: '/auth/totp' });
    const device = await first.enrol('phone');
    application().clock.advance(30);
    const signedIn = first.signedInAnew();
    const trusted = await signedIn.post('/verify', { totp: device.code(), trustBrowser: true });
    const cookie = trusted.headers.get('set-cookie')?.split(';')[0] ?? '';
    const since = Math.floor(application().clock.now() / 1_000);
    application().clock.advance(3_600);
    const headers = { ...first.signedInAnew().headers, cookie };
    const answer = await send(`${application().url}/auth/mfa/info`, { method: 'PUT', headers });
    expect(answer.body).toMatchObject({ factors: { next: [], allowedToSetup: [] } });
    expect(frontToken(answer)).toMatchObject({ up: { 'st-mfa': { c: { totp: since }, v: true } } });
  });
});

describe('without the option, the module', () => {
  const application = useApplication({ options: { path: 'auth/totp' } });

  it('serves none of it, and sends no header', async () => {
    const someone = new Person(application(), { path: '/auth/totp' });
    const device = await someone.enrol('phone');
    application().clock.advance(30);
    expect((await someone.signIn(device.code())).headers.get('front-token')).toBeNull();
    for (const [method, route] of [
      ['PUT', '/auth/mfa/info'],
      ['POST', '/auth/session/refresh'],
      ['POST', '/auth/signout'],
    ] as const) {
      expect((await send(application().url + route, { method, headers: someone.headers })).status).toBe(404);
    }
  });
});

describe('superTokensCorsHeaders', () => {
  it('names what the front end sends and reads, and the headers of the application', () => {
    expect(superTokensCorsHeaders(['x-request-id'])).toEqual({
      allowedHeaders: expect.arrayContaining(['rid', 'fdi-version', 'st-auth-mode', 'x-request-id']),
      exposedHeaders: expect.arrayContaining(['front-token', 'anti-csrf']),
    });
  });
});
