/** Sessions of `express-session` behind a Socket.IO gateway: they change while the socket is open, and outlive it. */
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  type INestApplication,
  Module,
  Post,
  Req,
  UseGuards,
} from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Request, RequestHandler } from 'express';
import session from 'express-session';
import {
  CurrentTotpSession,
  RequestSessionAdapter,
  type SessionContainer,
  TotpDatabaseSessionAdapter,
  TotpGuard,
  TotpService,
  TotpSessionAdapter,
  TotpSessionGuard,
} from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { io, type Socket } from 'socket.io-client';
import { answered, invalidClaim, send, useApplication } from '../support/client.js';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

type SessionRequest = Request & { session: session.Session & { userId?: string }; user?: { id: string } };

/** The application's sign-in: the session knows the user. */
@Injectable()
class SessionSignIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const isSocket = context.getType() === 'ws';
    const request = isSocket
      ? context.switchToWs().getClient<{ request: SessionRequest }>().request
      : context.switchToHttp().getRequest<SessionRequest>();
    const { userId } = request.session;
    if (userId !== undefined) request.user = { id: userId };
    return true;
  }
}

@Controller()
class Pages {
  @Post('sign-in')
  signIn(@Req() request: SessionRequest): object {
    request.session.userId = 'ann';
    return {};
  }

  @Post('sign-out')
  async signOut(@Req() request: SessionRequest): Promise<object> {
    await new Promise((resolve) => request.session.destroy(resolve));
    return {};
  }

  @Get('page')
  @UseGuards(SessionSignIn, TotpGuard)
  page(): object {
    return { passed: true };
  }
}

@WebSocketGateway()
class Gateway {
  constructor(@Inject(TotpService) private readonly totp: TotpService) {}

  @SubscribeMessage('secret')
  @UseGuards(SessionSignIn, TotpGuard)
  secret(): object {
    return { event: 'answer', data: 'the secret' };
  }

  @SubscribeMessage('enter')
  @UseGuards(SessionSignIn, TotpSessionGuard)
  async enter(@CurrentTotpSession() caller: SessionContainer, @MessageBody() totp: string): Promise<object> {
    const answer = await this.totp.verifyTOTP({ userId: caller.getUserId(), session: caller, totp });
    return { event: 'answer', data: answer.status };
  }
}

@Module({ controllers: [Pages], providers: [Gateway] })
class PagesModule {}

/** Gives sockets the sessions that HTTP requests have. */
class SessionIoAdapter extends IoAdapter {
  constructor(
    app: INestApplication,
    private readonly sessions: RequestHandler,
  ) {
    super(app);
  }

  override createIOServer(
    port: number,
    options?: Parameters<IoAdapter['createIOServer']>[1],
  ): ReturnType<IoAdapter['createIOServer']> {
    const server = super.createIOServer(port, options);
    server.engine.use(this.sessions);
    return server;
  }
}

describe.each([
  { adapter: RequestSessionAdapter, name: 'RequestSessionAdapter', afterSignOut: 'TOTP_CODE_REQUIRED' },
  { adapter: TotpDatabaseSessionAdapter, name: 'TotpDatabaseSessionAdapter', afterSignOut: 'the secret' },
])('a socket with $name', ({ adapter, afterSignOut }) => {
  const application = useApplication({
    imports: [PagesModule],
    options: { guards: [SessionSignIn], providers: [{ provide: TotpSessionAdapter, useClass: adapter }] },
    configure: (app: INestApplication) => {
      const sessions = session({ secret: 'for tests', resave: false, saveUninitialized: true });
      app.use(sessions);
      app.useWebSocketAdapter(new SessionIoAdapter(app, sessions));
    },
  });
  let headers: Record<string, string>;
  let socket: Socket;

  const post = (route: string, body: object = {}) =>
    send(application().url + route, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const ask = (event: string, data?: string): Promise<unknown> =>
    new Promise((resolve) => {
      socket.removeAllListeners('answer').removeAllListeners('exception');
      socket.on('answer', resolve).on('exception', ({ errorCode }: { errorCode: string }) => {
        resolve(errorCode);
      });
      socket.emit(event, data);
    });
  const code = () => {
    application().clock.advance(30);
    return totpCode(SECRET, application().clock.now());
  };

  beforeEach(async () => {
    await application().totp.importDevice({ userId: 'ann', deviceName: 'phone', secretKey: SECRET });
    headers = {};
    const signedIn = await post('/sign-in');
    headers = { cookie: signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
    socket = io(application().url, { transports: ['websocket'], extraHeaders: headers });
    await new Promise<void>((resolve) => socket.on('connect', resolve));
  });
  afterEach(() => socket.close());

  it('that was open before sees a completion over HTTP', async () => {
    expect(await ask('secret')).toBe('TOTP_CODE_REQUIRED');
    expect(await post('/totp/verify', { totp: code() })).toEqual(answered({ status: 'OK' }));
    expect(await ask('secret')).toBe('the secret');
  });

  it('completes the session for HTTP requests too', async () => {
    expect(await send(`${application().url}/page`, { headers })).toEqual(invalidClaim);
    expect(await ask('enter', code())).toBe('OK');
    expect(await send(`${application().url}/page`, { headers })).toEqual(answered({ passed: true }));
    expect(await ask('secret')).toBe('the secret');
  });

  // The application's own guard still finds the user in the session that the socket was opened with: it has to close the socket.
  it(`that is open when the person signs out gets: ${afterSignOut}`, async () => {
    expect(await ask('enter', code())).toBe('OK');
    expect(await ask('secret')).toBe('the secret');
    await post('/sign-out');
    expect(await ask('secret')).toBe(afterSignOut);
  });
});
