/** `RequestSessionAdapter` with the session plugins that applications use, and what it reads of a request. */
import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import {
  Body,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  HttpCode,
  Injectable,
  type INestApplication,
  Module,
  Post,
  Req,
} from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import expressSession from 'express-session';
import { type APIInterface, RequestSessionAdapter, TotpConfigurationError } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { type Platform, platforms } from '../support/application.js';
import { type Answer, answered, invalidClaim, send, unauthorised, useApplication } from '../support/client.js';
import { contextOf } from '../support/contexts.js';

interface SignedInRequest {
  session: {
    userId?: string;
    destroy: (done: () => void) => void;
    regenerate: (done: () => void) => void;
  };
  user?: { id: string };
}

/** The application's own sign-in: the session knows the user's id. */
@Controller()
class SignInController {
  @Post('sign-in')
  @HttpCode(200)
  signIn(@Req() request: SignedInRequest, @Body() { userId }: { userId: string }): void {
    request.session.userId = userId;
  }

  @Get('sign-out')
  async signOut(@Req() { session }: SignedInRequest): Promise<void> {
    await new Promise<void>((done) => {
      session.destroy(done);
    });
  }
}

@Module({ controllers: [SignInController] })
class SignInModule {}

@Injectable()
class SignedInGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<SignedInRequest>();
    const { userId } = request.session;
    if (userId !== undefined) request.user = { id: userId };
    return true;
  }
}

const secret = 'a secret of at least 32 characters';

const plugins: Record<Platform, (app: INestApplication) => unknown> = {
  Express: (app) => app.use(expressSession({ secret, resave: false, saveUninitialized: false })),
  Fastify: async (app) => {
    const fastify = app as NestFastifyApplication;
    await fastify.register(fastifyCookie);
    await fastify.register(fastifySession, { secret, cookie: { secure: false }, saveUninitialized: false });
  },
};

/** Gives the session a new id before a code counts, as applications do against session fixation. */
const regenerating = (original: APIInterface): APIInterface => ({
  ...original,
  verifyTOTPPOST: async (input) => {
    const request = input.options.req as SignedInRequest;
    const { session } = request;
    await new Promise<void>((done) => {
      session.regenerate(done);
    });
    Object.assign(request.session, { userId: session.userId });
    return (await original.verifyTOTPPOST?.(input)) ?? { status: 'GENERAL_ERROR', message: 'It is served.' };
  },
});

/** Keeps the cookie of its session. */
class Browser {
  cookie = '';

  constructor(private readonly url: string) {}

  async get(route: string): Promise<Answer> {
    return this.keep(await send(this.url + route, { headers: { cookie: this.cookie } }));
  }

  async post(route: string, body: object): Promise<Answer> {
    const headers = { cookie: this.cookie, 'content-type': 'application/json' };
    return this.keep(await send(this.url + route, { method: 'POST', headers, body: JSON.stringify(body) }));
  }

  async signIn(userId: string): Promise<this> {
    expect(await this.post('/sign-in', { userId })).toMatchObject({ status: 200 });
    return this;
  }

  private keep(answer: Answer): Answer {
    this.cookie = answer.headers.getSetCookie().at(-1)?.split(';')[0] ?? this.cookie;
    return answer;
  }
}

describe.each(platforms)('with the session plugin of %s', (platform) => {
  const application = useApplication({
    platform,
    imports: [SignInModule],
    options: { guards: [SignedInGuard], override: { apis: regenerating } },
    configure: plugins[platform],
  });
  const signedIn = (userId: string) => new Browser(application().url).signIn(userId);
  /** Somebody with a device, in a session that completed TOTP. */
  const enrolled = async (userId: string) => {
    const browser = await signedIn(userId);
    const { body } = await browser.post('/totp/device', { deviceName: 'phone' });
    const { qrCodeString } = body as { qrCodeString: string };
    const code = () => totpCode(qrCodeString, application().clock.now());
    await browser.post('/totp/device/verify', { deviceName: 'phone', totp: code() });
    application().clock.advance(30);
    return { browser, code };
  };
  const mayCreate = async (browser: Browser) => {
    const answer = await browser.post('/totp/device', { deviceName: 'tablet' });
    if (answer.status !== 200) expect(answer).toEqual(invalidClaim);
    return answer.status === 200;
  };

  it('knows who asks, from request to request', async () => {
    expect(await new Browser(application().url).get('/totp/device/list')).toEqual(unauthorised);
    const browser = await signedIn('ann');
    expect(await browser.get('/totp/device/list')).toEqual(answered({ status: 'OK', devices: [] }));
    await browser.get('/sign-out');
    expect(await browser.get('/totp/device/list')).toEqual(unauthorised);
  });

  it('remembers in the session that TOTP was completed, until it is too long ago', async () => {
    const { browser } = await enrolled('bob');
    expect(await mayCreate(browser)).toBe(true);
    application().clock.advance(1_200);
    expect(await mayCreate(browser)).toBe(false);
  });

  it('knows nothing of it in another session of the same user', async () => {
    const { code } = await enrolled('carl');
    const other = await signedIn('carl');
    expect(await mayCreate(other)).toBe(false);
    expect(await other.post('/totp/verify', { totp: code() })).toEqual(answered({ status: 'OK' }));
    expect(await mayCreate(other)).toBe(true);
  });

  it('remembers it in the new session when the application gives out a new id meanwhile', async () => {
    const { code } = await enrolled('cleo');
    const browser = await signedIn('cleo');
    const { cookie } = browser;
    await browser.post('/totp/verify', { totp: code() });
    expect(browser.cookie).not.toBe(cookie);
    expect(await mayCreate(browser)).toBe(true);
    const fixed = new Browser(application().url);
    fixed.cookie = cookie;
    expect(await fixed.get('/totp/device/list')).toEqual(unauthorised);
  });

  it('L7: forgets it with the session: a cookie from before signing out is worth nothing', async () => {
    const { browser } = await enrolled('dora');
    const { cookie } = browser;
    await browser.get('/sign-out');
    const thief = new Browser(application().url);
    thief.cookie = cookie;
    expect(await thief.get('/totp/device/list')).toEqual(unauthorised);
    await thief.signIn('dora');
    expect(await mayCreate(thief)).toBe(false);
  });

  it('binds it to the user: another user who signs in over the session has not completed TOTP', async () => {
    await enrolled('erik');
    const { browser } = await enrolled('fred');
    await browser.signIn('erik');
    expect(await mayCreate(browser)).toBe(false);
    await browser.signIn('fred');
    expect(await mayCreate(browser)).toBe(true);
  });

  it("has one handle for the session's life, which is not the id that opens it", async () => {
    const { browser } = await enrolled('gwen');
    const handles = application()
      .events.events.filter(({ userId }) => userId === 'gwen')
      .map(({ sessionHandle }) => sessionHandle);
    expect(new Set(handles).size).toBe(1);
    expect(handles[0]).toMatch(/^\w{8,}/);
    expect(decodeURIComponent(browser.cookie)).not.toContain(handles[0]);
  });
});

describe('RequestSessionAdapter', () => {
  const adapter = new RequestSessionAdapter();

  it('gives a session without an id, such as one that lives in a cookie, a handle that stays', async () => {
    const request = { user: { id: 'ann' }, session: {} };
    const first = await adapter.resolve(contextOf(request));
    const kept = { ...request, session: JSON.parse(JSON.stringify(request.session)) as object };
    const second = await adapter.resolve(contextOf(kept));
    expect(first?.handle).toMatch(/^[0-9a-f-]{36}$/);
    expect(second?.handle).toBe(first?.handle);
    await second?.complete(1_000);
    const third = await adapter.resolve(contextOf(kept));
    expect(third?.handle).toBe(first?.handle);
    expect(await third?.completedAt()).toBe(1_000);
  });

  it('says what to add when there is a user but no session to remember anything in', async () => {
    await expect(adapter.resolve(contextOf({ user: { id: 'ann' } }))).rejects.toThrow(TotpConfigurationError);
    await expect(adapter.resolve(contextOf({ user: { id: 'ann' } }))).rejects.toThrow(
      /Add express-session or @fastify\/session.*useClass: TotpTokenSessionAdapter/,
    );
  });

  it.each([
    [{ id: 7 }, 'request.session.id is 7. Make it a non-empty string'],
    [{ id: '' }, 'request.session.id is an empty string'],
    [{ sessionId: {} }, 'request.session.sessionId is an object'],
  ])('refuses the session %j, of whose id no handle can be made', async (session, message) => {
    await expect(adapter.resolve(contextOf({ user: { id: 'ann' }, session }))).rejects.toThrow(message);
  });

  it('refuses sessions in cookies that are not signed, in which a client could write a completion', async () => {
    // As cookie-session leaves it: https://www.npmjs.com/package/cookie-session
    const request = { user: { id: 'ann' }, session: {}, sessionOptions: Object.create({ signed: false }) as object };
    await expect(adapter.resolve(contextOf(request))).rejects.toThrow(/cookie-session is set to signed: false/);
    const signed = { ...request, sessionOptions: { signed: true } };
    expect(await adapter.resolve(contextOf(signed))).toMatchObject({ userId: 'ann' });
  });

  it.each<[string, object]>([
    ['another user', { userId: 'bob', completedAt: 1_000 }],
    ['no user', { completedAt: 1_000 }],
    ['a time that is no number', { userId: 'ann', completedAt: '1000' }],
  ])('finds no completion in an entry of %s', async (_, entry) => {
    const request = { user: { id: 'ann' }, session: { id: 's', 'nestjs-totp': entry } };
    expect(await (await adapter.resolve(contextOf(request)))?.completedAt()).toBeUndefined();
  });

  it('reads the request where a subclass finds it, as with GraphQL', async () => {
    class GraphQlSessions extends RequestSessionAdapter {
      protected override getRequest(context: ExecutionContext): unknown {
        return context.getArgByIndex<{ req: unknown }>(2).req;
      }
    }
    const context = new ExecutionContextHost([{}, {}, { req: { user: { id: 'ann' }, session: { id: 's' } } }]);
    context.setType('graphql');
    expect(await new GraphQlSessions().resolve(context)).toMatchObject({ userId: 'ann' });
  });
});
