/** `TotpTokenSessionAdapter` with real tokens, over two applications that share nothing but the database. */
import { randomUUID } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { TotpClock, TotpConfigurationError, TotpSessionAdapter, TotpTokenSessionAdapter } from 'nestjs-totp';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';
import { DataSource } from 'typeorm';
import { startApplication, type TestApplication } from '../support/application.js';
import { type Answer, answered, invalidClaim, send, unauthorised } from '../support/client.js';
import { contextOf } from '../support/contexts.js';
import { databases, type OpenDatabase } from '../support/databases.js';

const HOUR = 3_600;
const clock = new TestTotpClock();
const jwt = new JwtService({ secret: 'a secret for tests' });

/** The application's own sign-in: who shows a token that is valid now is who it says. */
@Injectable()
class JwtGuard implements CanActivate {
  constructor(@Inject(JwtService) private readonly tokens: JwtService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined>; user?: object }>();
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const now = Math.floor(clock.now() / 1000);
    const payload = await this.tokens.verifyAsync<object>(token, { clockTimestamp: now }).catch(() => undefined);
    if (payload !== undefined) request.user = payload;
    return true;
  }
}

interface Claims {
  sub: string;
  sid?: string;
  jti?: string;
  exp?: number;
  tenantId?: string;
}

const inAnHour = () => Math.floor(clock.now() / 1000) + HOUR;

/** Somebody who shows a token to whichever application answers. */
class Bearer {
  constructor(
    readonly claims: Claims,
    private readonly token = jwt.sign({ exp: inAnHour(), iat: Math.floor(clock.now() / 1000), ...claims }),
  ) {}

  /** The same session with other claims, as after a refresh. */
  with(claims: Partial<Claims>): Bearer {
    return new Bearer({ ...this.claims, ...claims });
  }

  post(application: TestApplication, route: string, body: object): Promise<Answer> {
    const headers = { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' };
    return send(`${application.url}/totp${route}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async mayCreate(application: TestApplication): Promise<boolean> {
    const answer = await this.post(application, '/device', { deviceName: 'tablet' });
    if (answer.status !== 200) expect(answer).toEqual(invalidClaim);
    return answer.status === 200;
  }
}

describe.each(databases)('on $name', ({ open }) => {
  let database: OpenDatabase;
  let first: TestApplication;
  let second: TestApplication;

  beforeAll(async () => {
    database = await open();
    const start = (platform: 'Express' | 'Fastify') =>
      startApplication({
        database,
        platform,
        options: {
          guards: [JwtGuard],
          imports: [JwtModule.register({ secret: 'a secret for tests' })],
          providers: [{ provide: TotpSessionAdapter, useClass: TotpTokenSessionAdapter }],
        },
        customise: (builder) => builder.overrideProvider(TotpClock).useValue(clock),
      });
    first = await start('Express');
    second = await start('Fastify');
  });

  afterAll(async () => {
    await Promise.all([first.close(), second.close()]);
    await database.drop();
  });

  /** Somebody with a device, whose token has entered no code yet. */
  const enrolled = async (claims: Partial<Claims> = {}) => {
    const sub = randomUUID();
    const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
    await first.totp.importDevice({ userId: sub, secretKey });
    clock.advance(30);
    return { bearer: new Bearer({ sub, sid: randomUUID(), ...claims }), code: () => totpCode(secretKey, clock.now()) };
  };
  /** The same, after a code. */
  const completed = async (claims: Partial<Claims> = {}) => {
    const known = await enrolled(claims);
    expect(await known.bearer.post(first, '/verify', { totp: known.code() })).toEqual(answered({ status: 'OK' }));
    clock.advance(30);
    return known;
  };
  const sessionOf = (user: object) => first.app.get(TotpSessionAdapter).resolve(contextOf({ user }));
  const rows = (application: TestApplication) =>
    application.app.get(DataSource).query<Record<string, unknown>[]>('SELECT * FROM totp_session_completions');

  it('answers 401 without a token, with a forged one and with one that has expired', async () => {
    const { bearer } = await completed();
    const forged = new JwtService({ secret: 'another' }).sign({ sub: 'ann', sid: 's' });
    for (const token of ['', 'nonsense', forged]) {
      expect(await new Bearer({ sub: 'ann' }, token).post(first, '/verify', {})).toEqual(unauthorised);
    }
    clock.advance(HOUR);
    expect(await bearer.post(first, '/verify', {})).toEqual(unauthorised);
  });

  it('remembers a completion for every process', async () => {
    const { bearer } = await enrolled();
    expect(await bearer.mayCreate(first)).toBe(false);
    const again = await completed();
    expect(await again.bearer.mayCreate(first)).toBe(true);
    expect(await again.bearer.mayCreate(second)).toBe(true);
  });

  it('W6: accepts a code once, whichever process is asked', async () => {
    const { bearer, code } = await enrolled();
    const answers = await Promise.all(
      [first, second, first, second].map((application) => bearer.post(application, '/verify', { totp: code() })),
    );
    expect(answers.filter(({ body }) => (body as { status: string }).status === 'OK')).toHaveLength(1);
  });

  it('keeps a completion through a refresh, where the token has the same sid', async () => {
    const { bearer } = await completed({ jti: randomUUID() });
    expect(await bearer.with({ jti: randomUUID() }).mayCreate(second)).toBe(true);
  });

  it('takes the jti for the session where there is no sid', async () => {
    const sub = randomUUID();
    const jti = randomUUID();
    const token = new Bearer({ sub, jti });
    await token.post(first, '/device', { deviceName: 'phone' });
    expect(first.events.named('totp.device.created').at(-1)).toMatchObject({ userId: sub, sessionHandle: jti });
  });

  it('knows nothing of it in another session of the user', async () => {
    const { bearer } = await completed();
    expect(await bearer.with({ sid: randomUUID() }).mayCreate(first)).toBe(false);
  });

  it('binds it to the user and the tenant, also when a handle is not unique', async () => {
    const { bearer } = await completed({ sid: 'shared' });
    const other = await enrolled({ sid: 'shared' });
    expect(await other.bearer.mayCreate(first)).toBe(false);
    expect(await bearer.with({ tenantId: 'another' }).mayCreate(first)).toBe(false);
    expect(await bearer.mayCreate(first)).toBe(true);
  });

  it('renews it with each right code', async () => {
    const { bearer, code } = await completed();
    clock.advance(1_200);
    expect(await bearer.mayCreate(first)).toBe(false);
    await bearer.post(second, '/verify', { totp: code() });
    expect(await bearer.mayCreate(first)).toBe(true);
  });

  it('keeps it until the token expires, and no longer', async () => {
    const sid = randomUUID();
    const { bearer } = await completed({ sid, exp: inAnHour() });
    const session = await sessionOf({ ...bearer.claims, exp: inAnHour() });
    const completion = () => session?.completedAt();
    clock.advance(HOUR - 90);
    expect(await completion()).toEqual(expect.any(Number));
    clock.advance(90);
    expect(await completion()).toBeUndefined();
  });

  it('forgets it when the user is erased, so that the old token changes nothing of a later account', async () => {
    const { bearer } = await completed();
    const userId = bearer.claims.sub;
    const secretKey = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
    expect(await first.totp.removeUser({ userId })).toEqual({ status: 'OK', didUserExist: true });
    await first.totp.importDevice({ userId, secretKey });
    expect(await bearer.mayCreate(first)).toBe(false);
    expect(await bearer.mayCreate(second)).toBe(false);
  });

  it('forgets it when a user without an account is erased, and no other user’s', async () => {
    const [ann, bob] = [await completed(), await completed()];
    const userId = ann.bearer.claims.sub;
    const before = (await rows(first)).length;
    await first.app.get(DataSource).query('DELETE FROM totp_accounts');
    expect(await first.totp.removeUser({ userId })).toEqual({ status: 'OK', didUserExist: false });
    expect(await rows(first)).toHaveLength(before - 1);
    await first.totp.importDevice({ userId: bob.bearer.claims.sub, secretKey: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' });
    expect(await bob.bearer.mayCreate(first)).toBe(true);
  });

  it('leaves no row of a session that is over when another is completed', async () => {
    await completed();
    clock.advance(25 * HOUR);
    await completed();
    expect(await rows(first)).toHaveLength(1);
  });

  it('stores neither the handle nor the user in readable form', async () => {
    await completed({ sid: 'a-very-readable-session-id' });
    const stored = JSON.stringify(await rows(first));
    expect(stored).not.toContain('readable');
  });

  it('says what to do about a token that names no session', async () => {
    await expect(sessionOf({ sub: 'ann' })).rejects.toThrow(TotpConfigurationError);
    await expect(sessionOf({ sub: 'ann' })).rejects.toThrow('jwt.sign({ sub, sid: randomUUID() })');
  });

  it.each([
    [{ sid: 7, jti: 'one' }, 'request.user.sid is 7. Make it a non-empty string, or leave it out.'],
    [{ sid: '', jti: 'one' }, 'request.user.sid is an empty string.'],
    [{ jti: {} }, 'request.user.jti is an object.'],
    [{ sid: 'one', exp: '1900000000' }, 'request.user.exp is a string.'],
    [{ sid: 'one', exp: new Date(0) }, 'request.user.exp is an object (Date).'],
    [{ sid: 'one', exp: null }, 'request.user.exp is null.'],
    [{ sid: 'one', exp: NaN }, "the end of a token's session is NaN."],
    [{ sid: 'one', exp: Infinity }, "the end of a token's session is Infinity."],
    [{ sid: 'one', exp: -1 }, "the end of a token's session is -1000."],
  ])('refuses the claims %j, and takes nothing else in their place', async (claims, message) => {
    await expect(sessionOf({ sub: 'ann', ...claims })).rejects.toThrow(TotpConfigurationError);
    await expect(sessionOf({ sub: 'ann', ...claims })).rejects.toThrow(message);
  });
});
