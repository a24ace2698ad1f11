/** Applications whose tokens say whether their session completed TOTP: password, limited token, code, full token. */
import { randomUUID } from 'node:crypto';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Module,
  UseGuards,
} from '@nestjs/common';
import { JwtModule, JwtService } from '@nestjs/jwt';
import {
  type CompletedSession,
  completionClaims,
  RequestSessionAdapter,
  RequireTotp,
  TotpClaimSessionAdapter,
  TotpClock,
  TotpCompletionHook,
  TotpConfigurationError,
  TotpGuard,
  TotpSessionAdapter,
} from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { platforms } from '../support/application.js';
import { type Answer, answered, invalidClaim, send, unauthorised, useApplication } from '../support/client.js';
import { contextOf } from '../support/contexts.js';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const MINUTES = 60;

@Injectable()
class JwtGuard implements CanActivate {
  constructor(
    @Inject(JwtService) private readonly jwt: JwtService,
    @Inject(TotpClock) private readonly clock: TotpClock,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined>; user?: object }>();
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const now = Math.floor(this.clock.now() / 1_000);
    const payload = await this.jwt.verifyAsync<object>(token, { clockTimestamp: now }).catch(() => undefined);
    if (payload !== undefined) request.user = payload;
    return true;
  }
}

/** Issues the full token: what the limited one said, and how the session was authenticated. */
@Injectable()
class IssueToken extends TotpCompletionHook {
  constructor(@Inject(JwtService) private readonly jwt: JwtService) {
    super();
  }

  override completed({ session, method, completedAt, userContext }: CompletedSession): object {
    expect(userContext).toHaveProperty('_default');
    const claims = completionClaims({ method, completedAt, acr: 'urn:acme:aal2' });
    const iat = Math.floor(completedAt / 1_000);
    const token = { sub: session.getUserId(), sid: session.getHandle(), iat, exp: iat + 60 * MINUTES, ...claims };
    return { accessToken: this.jwt.sign(token) };
  }
}

@Controller()
@UseGuards(JwtGuard, TotpGuard)
class Pages {
  @Get('page')
  page(): object {
    return { passed: true };
  }

  @Get('transfers')
  @RequireTotp({ maxAge: '5m' })
  transfers(): object {
    return { passed: true };
  }
}

@Module({ imports: [JwtModule.register({ global: true, secret: 'for tests' })], controllers: [Pages] })
class PagesModule {}

describe.each(platforms)('a sign-in by limited and full tokens on %s', (platform) => {
  const application = useApplication({
    platform,
    imports: [PagesModule],
    options: {
      guards: [JwtGuard],
      providers: [
        { provide: TotpSessionAdapter, useClass: TotpClaimSessionAdapter },
        { provide: TotpCompletionHook, useClass: IssueToken },
      ],
    },
  });
  const jwt = () => application().app.get(JwtService);
  const inSeconds = () => Math.floor(application().clock.now() / 1_000);
  /** What a password alone gets. */
  const limitedToken = (sub: string) => {
    const iat = inSeconds();
    return jwt().sign({ sub, sid: randomUUID(), amr: ['pwd'], auth_time: iat, iat, exp: iat + 60 * MINUTES });
  };
  const as = (token: string) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });
  const get = (route: string, token: string): Promise<Answer> =>
    send(application().url + route, { headers: as(token) });
  const post = (route: string, token: string, body: object): Promise<Answer> =>
    send(`${application().url}/totp${route}`, { method: 'POST', headers: as(token), body: JSON.stringify(body) });
  const fullToken = ({ body }: Answer): string => {
    expect(body).toMatchObject({ status: 'OK', accessToken: expect.any(String) });
    return (body as { accessToken: string }).accessToken;
  };
  const code = (secret = SECRET) => {
    application().clock.advance(30);
    return totpCode(secret, application().clock.now());
  };
  const enrolled = async () => {
    const userId = randomUUID();
    await application().totp.importDevice({ userId, secretKey: SECRET });
    return userId;
  };

  it('gives the full token for a code, which opens guarded routes', async () => {
    const limited = limitedToken(await enrolled());
    expect(await get('/page', 'none')).toEqual(unauthorised);
    expect(await get('/page', limited)).toEqual(invalidClaim);
    const full = fullToken(await post('/verify', limited, { totp: code() }));
    expect(await get('/page', full)).toEqual(answered({ passed: true }));
    expect(jwt().decode(full)).toMatchObject({
      sid: jwt().decode<{ sid: string }>(limited).sid,
      auth_time: inSeconds(),
      amr: ['pwd', 'otp', 'mfa'],
      acr: 'urn:acme:aal2',
    });
    expect(await get('/page', limited)).toEqual(invalidClaim);
  });

  it('gives nothing for a wrong code, and nothing for verifying a device again', async () => {
    const userId = await enrolled();
    const wrong = await post('/verify', limitedToken(userId), { totp: '000000' });
    expect(wrong.body).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
    expect(wrong.body).not.toHaveProperty('accessToken');
    const again = await post('/device/verify', limitedToken(userId), { deviceName: 'TOTP Device 0', totp: '000000' });
    expect(again).toEqual(answered({ status: 'OK', wasAlreadyVerified: true }));
  });

  it('gives it for the code that verifies the first device, and for a recovery code', async () => {
    const userId = randomUUID();
    const limited = limitedToken(userId);
    const { body } = await post('/device', limited, {});
    const { deviceName, secret } = body as { deviceName: string; secret: string };
    const full = fullToken(await post('/device/verify', limited, { deviceName, totp: code(secret) }));
    expect(await get('/page', full)).toEqual(answered({ passed: true }));

    const { recoveryCodes } = (await post('/recovery-codes', full, {})).body as { recoveryCodes: string[] };
    const recovered = fullToken(
      await post('/recovery-codes/verify', limitedToken(userId), { recoveryCode: recoveryCodes[0] }),
    );
    expect(jwt().decode(recovered)).toMatchObject({ amr: ['pwd', 'mfa'] });
    expect(await get('/page', recovered)).toEqual(answered({ passed: true }));
  });

  it('asks for a code again where the last one is too long ago', async () => {
    const limited = limitedToken(await enrolled());
    const full = fullToken(await post('/verify', limited, { totp: code() }));
    expect(await get('/transfers', full)).toEqual(answered({ passed: true }));
    application().clock.advance(5 * MINUTES + 1);
    expect(await get('/transfers', full)).toEqual(invalidClaim);
    const renewed = fullToken(await post('/verify', full, { totp: code() }));
    expect(await get('/transfers', renewed)).toEqual(answered({ passed: true }));
  });

  it('lets a refresh keep the completion, by taking over the claims', async () => {
    const full = fullToken(await post('/verify', limitedToken(await enrolled()), { totp: code() }));
    application().clock.advance(30 * MINUTES);
    const claims = jwt().decode<Record<string, unknown>>(full);
    const refreshed = jwt().sign({ ...claims, iat: inSeconds(), exp: inSeconds() + 60 * MINUTES });
    expect(await get('/page', refreshed)).toEqual(answered({ passed: true }));
    expect(await get('/transfers', refreshed)).toEqual(invalidClaim);
  });
});

describe('TotpClaimSessionAdapter', () => {
  const adapter = new TotpClaimSessionAdapter();
  const completedAt = async (claims: object) =>
    (await adapter.resolve(contextOf({ user: { sub: 'ann', sid: 's', ...claims } })))?.completedAt();

  it.each<[string, object]>([
    ['no claims', {}],
    ['a password alone', { amr: ['pwd'], auth_time: 1_000 }],
    ['a code alone, as of a sign-in without a password', { amr: ['otp'], auth_time: 1_000 }],
    ['a time alone', { auth_time: 1_000 }],
  ])('finds no completion in a token with %s', async (_, claims) => {
    expect(await completedAt(claims)).toBeUndefined();
  });

  it('finds it in what completionClaims writes', async () => {
    expect(await completedAt(completionClaims({ method: 'totp', completedAt: 1_000_500 }))).toBe(1_000_000);
  });

  it.each<[string, object]>([
    ['request.user.amr is a string', { amr: 'mfa', auth_time: 1_000 }],
    ['request.user.amr is null', { amr: null }],
    ['request.user.auth_time is undefined', { amr: ['mfa'] }],
    ['request.user.auth_time is a string', { amr: ['mfa'], auth_time: '1000' }],
  ])('refuses a token of which %s', async (message, claims) => {
    await expect(completedAt(claims)).rejects.toThrow(TotpConfigurationError);
    await expect(completedAt(claims)).rejects.toThrow(message);
  });

  it('needs a session that has a name', async () => {
    await expect(adapter.resolve(contextOf({ user: { sub: 'ann' } }))).rejects.toThrow(
      'neither "sid" nor "jti", which TotpClaimSessionAdapter needs',
    );
  });
});

describe.each<[string, unknown, string]>([
  ['a string', 'token', 'returned a string'],
  ['a list', [], 'returned an object (Array)'],
  ['null', null, 'returned null'],
  ['another status', { status: 'GENERAL_ERROR' }, 'returned "status", which the answer has already'],
])('a hook that returns %s', (_, returned, message) => {
  const errors: string[] = [];
  const application = useApplication({
    options: {
      providers: [
        { provide: TotpSessionAdapter, useClass: RequestSessionAdapter },
        { provide: TotpCompletionHook, useValue: { completed: () => returned } },
      ],
    },
    configure: (app) => {
      const ignore = () => undefined;
      app.useLogger({
        log: ignore,
        warn: ignore,
        error: (...all: unknown[]) => errors.push(all.map(String).join(' ')),
      });
    },
  });

  it('is an error that says so, and no code is accepted a second time', async () => {
    await application().totp.importDevice({ userId: 'ann', secretKey: SECRET });
    const totp = totpCode(SECRET, application().clock.now());
    const post = () =>
      send(`${application().url}/totp/verify`, {
        method: 'POST',
        headers: { 'x-user': 'ann', 'x-session': 's', 'content-type': 'application/json' },
        body: JSON.stringify({ totp }),
      });
    expect((await post()).status).toBe(500);
    expect(errors.join()).toContain(`TotpCompletionHook.completed ${message}`);
    expect((await post()).body).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
  });
});
