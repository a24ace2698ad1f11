/** The code of docs/sign-in.md, taken from the page, compiled as an application compiles it, and signed in with. */
import { jest } from '@jest/globals';
import { Body, Controller, HttpCode, type INestApplication, Post, Req, Res, type Type } from '@nestjs/common';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { PassportModule } from '@nestjs/passport';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TotpDatabaseSessionAdapter, TotpSessionAdapter } from 'nestjs-totp';
import type { RedisClientType } from 'redis';
import { answered, invalidClaim, send } from '../support/client.js';
import { AuthenticationGuard, SessionService } from './nest-authentication.js';
import { PageCode } from './page-code.js';
import { connectRedis, describeWithRedis } from './redis.js';
import { Client, clock, expectSecondFactor, opened, start, useRecipes } from './sign-ins.js';

const HEADINGS = {
  jwt: 'Passport and JWT, with refresh tokens',
  redis: 'Sessions in Redis',
  nest: 'Sessions of `@nestjs/authentication`',
};

/** In place of the application's: everybody's password is `secret`. */
const passwords = {
  verify: (email: string, password: string) =>
    password === 'secret' ? Promise.resolve(email) : Promise.reject(new Error('wrong password')),
};

let code: PageCode<keyof typeof HEADINGS>;

beforeAll(async () => {
  code = await PageCode.of('docs/sign-in.md', HEADINGS, {
    '@nestjs/authentication': 'test/docs/nest-authentication.js',
  });
  process.env.JWT_SECRET = 'a secret of the tests';
  process.env.SESSION_SECRET = 'another secret of the tests';
});
afterAll(async () => {
  delete process.env.JWT_SECRET;
  delete process.env.SESSION_SECRET;
  await code.remove();
});

useRecipes();

it('compiles under the strictest settings', () => {
  expect(code.problems()).toEqual([]);
});

describe('a sign-in by Passport and JWT', () => {
  let tokens: JwtService;

  async function open(): Promise<string> {
    const { Passwords, RefreshToken, JwtStrategy, JwtGuard, TokenSessions, AuthController } = (await code.exports(
      'jwt',
    )) as Record<string, Type>;
    if (!Passwords || !RefreshToken || !JwtStrategy || !JwtGuard || !TokenSessions || !AuthController) {
      throw new Error('The page lacks an export.');
    }
    const url = await start({
      guard: JwtGuard,
      entities: [RefreshToken],
      totp: { providers: [{ provide: TotpSessionAdapter, useClass: TokenSessions }] },
      imports: [
        PassportModule,
        JwtModule.register({ secret: process.env.JWT_SECRET ?? '' }),
        TypeOrmModule.forFeature([RefreshToken]),
      ],
      controllers: [AuthController],
      providers: [JwtStrategy, { provide: Passwords, useValue: passwords }],
    });
    tokens = new JwtService({ secret: process.env.JWT_SECRET ?? '' });
    return url;
  }

  it('asks for the code once for all tokens of a sign-in', async () => {
    const ann = await expectSecondFactor(await open(), Client);
    await ann.refresh();
    expect(await ann.vault()).toEqual(opened);
    // Long after the first access token.
    clock.advance(86_400);
    await ann.refresh();
    expect(await ann.vault()).toEqual(opened);
  });

  it('ends the sign-in whose refresh token is used twice', async () => {
    const ann = new Client(await open());
    await ann.signIn();
    const thief = ann.copy();
    expect(await ann.refresh()).toMatchObject({ status: 200 });
    expect(await thief.refresh()).toMatchObject({ status: 401 });
    expect(await ann.refresh()).toMatchObject({ status: 401 });
  });

  it('gives two parallel requests with one refresh token new tokens once', async () => {
    const ann = new Client(await open());
    await ann.signIn();
    const answers = await Promise.all([ann.copy().refresh(), ann.copy().refresh(), ann.copy().refresh()]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401, 401]);
  });

  it('takes no token of another secret', async () => {
    const url = await open();
    const forged = new JwtService({ secret: 'guessed' }).sign({ sub: 'ann', sid: 'made up', endsAt: 2_000_000_000 });
    const right = tokens.sign({ sub: 'ann', sid: 'made up', endsAt: 2_000_000_000 });
    const as = (token: string) => send(`${url}/vault`, { headers: { authorization: `Bearer ${token}` } });
    expect(await as(forged)).toMatchObject({ status: 401 });
    expect(await as(right)).toEqual(opened);
  });
});

describeWithRedis('a sign-in by sessions in Redis', () => {
  let client: RedisClientType;
  beforeEach(async () => {
    client = await connectRedis();
  });
  afterEach(async () => {
    await client.close();
  });

  /** Called by a request to `slow` that has read its session, and holds it before it writes it. */
  let hold: () => Promise<void>;

  @Controller('slow')
  class Slow {
    @Post()
    @HttpCode(200)
    async write(@Req() { session }: { session: Record<string, unknown> }, @Body() body: object): Promise<object> {
      await hold();
      session.noted = body;
      return { status: 'OK' };
    }
  }

  async function open(): Promise<string> {
    const { useSessions, ...classes } = await code.exports('redis');
    const { Passwords, SignedInGuard, AuthController } = classes as Record<string, Type>;
    if (!Passwords || !SignedInGuard || !AuthController) throw new Error('The page lacks an export.');
    return start({
      guard: SignedInGuard,
      totp: { providers: [{ provide: TotpSessionAdapter, useClass: TotpDatabaseSessionAdapter }] },
      controllers: [AuthController, Slow],
      providers: [{ provide: Passwords, useValue: passwords }],
      configure: (app) => {
        (useSessions as (app: INestApplication, client: RedisClientType) => void)(app, client);
      },
    });
  }

  it('asks for the code, and again after the next sign-in in the same browser', async () => {
    const ann = await expectSecondFactor(await open(), Client);
    await ann.signIn();
    expect(await ann.vault()).toEqual(invalidClaim);
    await ann.post('/auth/sign-out', {});
    expect(await ann.vault()).toMatchObject({ status: 401 });
  });

  it('keeps the completion when a parallel request overwrites the session', async () => {
    const url = await open();
    const ann = new Client(url);
    await ann.signIn();
    const shown = await ann.enrol();
    await ann.signIn();
    let slow = Promise.resolve<unknown>(undefined);
    await new Promise<void>((hasRead) => {
      hold = async () => {
        hasRead();
        expect(await ann.post('/totp/verify', { totp: shown() })).toEqual(answered({ status: 'OK' }));
      };
      slow = ann.copy().post('/slow', { page: 1 });
    });
    expect(await slow).toEqual(answered({ status: 'OK' }));
    expect(await ann.vault()).toEqual(opened);
  });
});

describe('a sign-in by @nestjs/authentication', () => {
  let sessions: SessionService;

  @Controller('auth')
  class SignInController {
    @Post('sign-in')
    @HttpCode(200)
    async signIn(
      @Res({ passthrough: true }) response: { setHeader: (name: string, value: string) => void },
      @Body() { email }: { email: string },
    ): Promise<object> {
      const { cookie } = await sessions.create(email);
      response.setHeader('Set-Cookie', cookie);
      return { status: 'OK' };
    }
  }

  async function open(): Promise<string> {
    const NestSessions = await code.class('nest', 'NestSessions');
    sessions = new SessionService();
    return start({
      guard: AuthenticationGuard,
      totp: {
        providers: [
          { provide: SessionService, useValue: sessions },
          { provide: TotpSessionAdapter, useClass: NestSessions },
        ],
      },
      controllers: [SignInController],
      providers: [{ provide: SessionService, useValue: sessions }],
    });
  }

  it('asks for the code', async () => {
    await expectSecondFactor(await open(), Client);
  });

  it('gives a session that was completed a new id, so that what was known of it before is worth nothing', async () => {
    const ann = new Client(await open());
    await ann.signIn();
    const before = ann.copy();
    await ann.enrol();
    expect(await ann.vault()).toEqual(opened);
    expect(await before.vault()).toMatchObject({ status: 401 });
  });

  it('marks the session as verified, for the decorators of that package', async () => {
    const rotate = jest.spyOn(SessionService.prototype, 'rotate');
    const ann = new Client(await open());
    await ann.signIn();
    await ann.enrol();
    expect(rotate).toHaveBeenCalledWith(expect.objectContaining({ userId: 'ann' }), {
      mfa: 'verified',
      metadata: { totpCompletedAt: expect.any(Number) },
    });
  });
});
