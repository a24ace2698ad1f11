/** The guards and decorators in GraphQL, WebSocket gateways and message handlers: each in an application that really listens. */
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Inject,
  Injectable,
  type INestApplication,
  Module,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Args, GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import {
  type ClientProxy,
  ClientProxyFactory,
  MessagePattern,
  Payload,
  type TcpContext,
  Transport,
} from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CurrentTotpSession,
  RequireTotp,
  type SessionContainer,
  TotpErrorsInterceptor,
  TotpGuard,
  TotpService,
  TotpSessionAdapter,
  TotpSessionGuard,
  TotpTokenSessionAdapter,
  WithoutTotp,
} from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { firstValueFrom } from 'rxjs';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';
import type { ApplicationSettings, Platform, TestApplication } from '../support/application.js';
import { send, useApplication } from '../support/client.js';
import { freePort } from '../support/database-servers.js';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

/** Who is signed in, by the token that they show. */
const tokens = new Map([
  ['token of ann', { sub: 'ann', sid: 'session of ann' }],
  ['second token of ann', { sub: 'ann', sid: 'second session of ann' }],
  ['token of bob', { sub: 'bob', sid: 'session of bob' }],
]);

/** What each transport offers, in handlers of its own. */
@Injectable()
class Vault {
  constructor(@Inject(TotpService) private readonly totp: TotpService) {}

  async enter(session: SessionContainer, code: string): Promise<string> {
    return (await this.totp.verifyTOTP({ userId: session.getUserId(), session, totp: code })).status;
  }

  async recover(session: SessionContainer, recoveryCode: string): Promise<string> {
    return (await this.totp.verifyRecoveryCode({ userId: session.getUserId(), session, recoveryCode })).status;
  }

  async remove(session: SessionContainer, deviceName: string): Promise<string> {
    return (await this.totp.removeDevice({ userId: session.getUserId(), session, deviceName })).status;
  }
}

/** As an application does it: the token is checked by the server, which then notes the user on the request. */
@Injectable()
class GraphQlSignIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { req } = context.getArgByIndex<{ req: { headers: Record<string, string | undefined>; user?: object } }>(2);
    const user = tokens.get(req.headers.authorization ?? '');
    if (user !== undefined) req.user = user;
    return true;
  }
}

@Resolver()
class VaultResolver {
  constructor(@Inject(Vault) private readonly vault: Vault) {}

  @Query(() => String)
  @UseGuards(GraphQlSignIn, TotpGuard)
  secret(): string {
    return 'the secret';
  }

  @Query(() => String)
  @UseGuards(GraphQlSignIn, TotpGuard)
  @RequireTotp({ enrolment: 'required' })
  topSecret(): string {
    return 'the top secret';
  }

  @Query(() => String)
  @UseGuards(TotpGuard)
  @WithoutTotp()
  open(): string {
    return 'open';
  }

  /** Forgets its guards. */
  @Query(() => String)
  unguarded(@CurrentTotpSession() session: SessionContainer): string {
    return session.getUserId();
  }

  @Mutation(() => String)
  @UseGuards(GraphQlSignIn, TotpSessionGuard)
  enter(@CurrentTotpSession() session: SessionContainer, @Args('code') code: string): Promise<string> {
    return this.vault.enter(session, code);
  }

  @Mutation(() => String)
  @UseGuards(GraphQlSignIn, TotpSessionGuard)
  recover(@CurrentTotpSession() session: SessionContainer, @Args('code') code: string): Promise<string> {
    return this.vault.recover(session, code);
  }

  @Mutation(() => String)
  @UseGuards(GraphQlSignIn, TotpSessionGuard)
  @UseInterceptors(TotpErrorsInterceptor)
  remove(@CurrentTotpSession() session: SessionContainer, @Args('name') name: string): Promise<string> {
    return this.vault.remove(session, name);
  }
}

@Injectable()
class MessageSignIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const token: unknown = Reflect.get(context.switchToRpc().getData<object>(), 'token');
    const user = tokens.get(String(token));
    if (user !== undefined) Object.assign(context.switchToRpc().getContext<TcpContext>(), { user });
    return true;
  }
}

interface Message {
  readonly code?: string;
  readonly name?: string;
}

@Controller()
class VaultMessages {
  constructor(@Inject(Vault) private readonly vault: Vault) {}

  @MessagePattern('secret')
  @UseGuards(MessageSignIn, TotpGuard)
  secret(): string {
    return 'the secret';
  }

  @MessagePattern('topSecret')
  @UseGuards(MessageSignIn, TotpGuard)
  @RequireTotp({ enrolment: 'required' })
  topSecret(): string {
    return 'the top secret';
  }

  @MessagePattern('open')
  @UseGuards(TotpGuard)
  @WithoutTotp()
  open(): string {
    return 'open';
  }

  @MessagePattern('unguarded')
  unguarded(@CurrentTotpSession() session: SessionContainer): string {
    return session.getUserId();
  }

  @MessagePattern('enter')
  @UseGuards(MessageSignIn, TotpSessionGuard)
  enter(@CurrentTotpSession() session: SessionContainer, @Payload() { code = '' }: Message): Promise<string> {
    return this.vault.enter(session, code);
  }

  @MessagePattern('recover')
  @UseGuards(MessageSignIn, TotpSessionGuard)
  recover(@CurrentTotpSession() session: SessionContainer, @Payload() { code = '' }: Message): Promise<string> {
    return this.vault.recover(session, code);
  }

  @MessagePattern('remove')
  @UseGuards(MessageSignIn, TotpSessionGuard)
  @UseInterceptors(TotpErrorsInterceptor)
  remove(@CurrentTotpSession() session: SessionContainer, @Payload() { name = '' }: Message): Promise<string> {
    return this.vault.remove(session, name);
  }
}

/** Signs sockets in when they send a token. */
@Injectable()
class SocketSignIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { token } = context.switchToWs().getData<{ token?: string }>();
    const user = tokens.get(token ?? '');
    const client = context.switchToWs().getClient<{ data?: object; user?: object }>();
    // Socket.IO has a place for the server's data; a socket of `ws` has none.
    if (client.data !== undefined) Object.assign(client.data, { user });
    else Object.assign(client, { user });
    return true;
  }
}

@WebSocketGateway()
class VaultGateway {
  constructor(@Inject(Vault) private readonly vault: Vault) {}

  @SubscribeMessage('secret')
  @UseGuards(SocketSignIn, TotpGuard)
  secret(): object {
    return { event: 'answer', data: 'the secret' };
  }

  @SubscribeMessage('topSecret')
  @UseGuards(SocketSignIn, TotpGuard)
  @RequireTotp({ enrolment: 'required' })
  topSecret(): object {
    return { event: 'answer', data: 'the top secret' };
  }

  @SubscribeMessage('open')
  @UseGuards(TotpGuard)
  @WithoutTotp()
  open(): object {
    return { event: 'answer', data: 'open' };
  }

  @SubscribeMessage('unguarded')
  unguarded(@CurrentTotpSession() session: SessionContainer): object {
    return { event: 'answer', data: session.getUserId() };
  }

  @SubscribeMessage('enter')
  @UseGuards(SocketSignIn, TotpSessionGuard)
  async enter(@CurrentTotpSession() session: SessionContainer, @MessageBody() { code = '' }: Message): Promise<object> {
    return { event: 'answer', data: await this.vault.enter(session, code) };
  }

  @SubscribeMessage('recover')
  @UseGuards(SocketSignIn, TotpSessionGuard)
  async recover(
    @CurrentTotpSession() session: SessionContainer,
    @MessageBody() { code = '' }: Message,
  ): Promise<object> {
    return { event: 'answer', data: await this.vault.recover(session, code) };
  }

  @SubscribeMessage('remove')
  @UseGuards(SocketSignIn, TotpSessionGuard)
  @UseInterceptors(TotpErrorsInterceptor)
  async remove(
    @CurrentTotpSession() session: SessionContainer,
    @MessageBody() { name = '' }: Message,
  ): Promise<object> {
    return { event: 'answer', data: await this.vault.remove(session, name) };
  }
}

/** What a caller gets: what the handler returned, or how it was refused. */
interface Reply {
  readonly value?: unknown;
  readonly refusal?: unknown;
}

type Call = (handler: string, message?: Message & { token?: string }) => Promise<Reply>;

interface TransportUnderTest {
  readonly name: string;
  readonly platform: Platform;
  readonly imports: readonly Type<unknown>[];
  readonly configure?: ApplicationSettings['configure'];
  readonly connect: (application: TestApplication) => Promise<{ call: Call; close: () => unknown }>;
  /** How a refusal arrives. */
  readonly refused: (code: 'UNAUTHENTICATED' | 'FORBIDDEN' | 'BAD_USER_INPUT', body: object) => unknown;
}

@Module({
  imports: [GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true })],
  providers: [Vault, VaultResolver],
})
class ApolloModule {}

@Module({
  imports: [GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true })],
  providers: [Vault, VaultResolver],
})
class MercuriusModule {}

@Module({ controllers: [VaultMessages], providers: [Vault] })
class MessagesModule {}

@Module({ providers: [Vault, VaultGateway] })
class GatewayModule {}

const MUTATIONS = ['enter', 'recover', 'remove'];

function overGraphQl({ url }: TestApplication): Promise<{ call: Call; close: () => unknown }> {
  const call: Call = async (handler, { token, ...message } = {}) => {
    const entries = Object.entries(message).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    const field = entries.length === 0 ? handler : `${handler}(${entries.join(', ')})`;
    const query = MUTATIONS.includes(handler) ? `mutation { ${field} }` : `{ ${field} }`;
    const { body } = await send(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: token }) },
      body: JSON.stringify({ query }),
    });
    const { data, errors } = body as { data?: Record<string, unknown> | null; errors?: { extensions: object }[] };
    const value = data?.[handler] ?? undefined;
    // Mercurius answers an error that is no refusal with an HTTP error.
    return value === undefined ? { refusal: errors?.[0]?.extensions ?? body } : { value };
  };
  return Promise.resolve({ call, close: () => undefined });
}

const graphQlRefusal: TransportUnderTest['refused'] = (code, body) =>
  expect.objectContaining({ code, ...body }) as unknown;
const otherRefusal: TransportUnderTest['refused'] = (_, body) =>
  expect.objectContaining({ status: 'error', ...body }) as unknown;

let tcpPort = 0;

const transports: readonly TransportUnderTest[] = [
  {
    name: 'GraphQL by Apollo',
    platform: 'Express',
    imports: [ApolloModule],
    connect: overGraphQl,
    refused: graphQlRefusal,
  },
  {
    name: 'GraphQL by Mercurius',
    platform: 'Fastify',
    imports: [MercuriusModule],
    connect: overGraphQl,
    refused: graphQlRefusal,
  },
  {
    name: 'a gateway on Socket.IO',
    platform: 'Express',
    imports: [GatewayModule],
    configure: (app: INestApplication) => app.useWebSocketAdapter(new IoAdapter(app)),
    async connect({ url }) {
      const socket: Socket = io(url, { transports: ['websocket'] });
      await new Promise<void>((resolve) => socket.on('connect', resolve));
      const call: Call = (handler, message = {}) =>
        new Promise((resolve) => {
          socket.removeAllListeners('answer').removeAllListeners('exception');
          socket.on('answer', (value: unknown) => {
            resolve({ value });
          });
          socket.on('exception', (refusal: unknown) => {
            resolve({ refusal });
          });
          socket.emit(handler, message);
        });
      return { call, close: () => socket.close() };
    },
    refused: otherRefusal,
  },
  {
    name: 'a gateway on ws',
    platform: 'Fastify',
    imports: [GatewayModule],
    configure: (app: INestApplication) => app.useWebSocketAdapter(new WsAdapter(app)),
    async connect({ url }) {
      const socket = new WebSocket(url.replace('http', 'ws'));
      await new Promise((resolve) => socket.once('open', resolve));
      const call: Call = (handler, data = {}) =>
        new Promise((resolve) => {
          socket.once('message', (text: Buffer) => {
            const answer = JSON.parse(text.toString()) as { event: string; data: unknown };
            resolve(answer.event === 'answer' ? { value: answer.data } : { refusal: answer.data });
          });
          socket.send(JSON.stringify({ event: handler, data }));
        });
      return {
        call,
        close: () => {
          socket.close();
        },
      };
    },
    refused: otherRefusal,
  },
  {
    name: 'messages over TCP',
    platform: 'Express',
    imports: [MessagesModule],
    async configure(app: INestApplication) {
      tcpPort = await freePort();
      app.connectMicroservice({ transport: Transport.TCP, options: { port: tcpPort } });
      await app.startAllMicroservices();
    },
    connect() {
      const client: ClientProxy = ClientProxyFactory.create({ transport: Transport.TCP, options: { port: tcpPort } });
      const call: Call = (handler, message = {}) =>
        firstValueFrom(client.send<unknown>(handler, message)).then(
          (value) => ({ value }),
          (refusal: unknown) => ({ refusal }),
        );
      return Promise.resolve({
        call,
        close: () => {
          client.close();
        },
      });
    },
    refused: otherRefusal,
  },
];

describe.each(transports)('$name', ({ platform, imports, configure, connect, refused }) => {
  const application = useApplication({
    platform,
    imports,
    options: { guards: [], providers: [{ provide: TotpSessionAdapter, useClass: TotpTokenSessionAdapter }] },
    ...(configure && { configure }),
  });
  let connection: { call: Call; close: () => unknown };
  const call: Call = (handler, message) => connection.call(handler, message);
  const ann = { token: 'token of ann' };
  const signInFirst = { refusal: refused('UNAUTHENTICATED', { errorCode: 'TOTP_SIGN_IN_REQUIRED' }) };
  const claim = (message: string) => ({
    claimValidationErrors: [{ id: 'st-mfa', reason: { message, factorId: 'totp' } }],
  });
  const codeFirst = {
    refusal: refused('FORBIDDEN', {
      message: 'invalid claim',
      errorCode: 'TOTP_CODE_REQUIRED',
      ...claim('Enter the code from your authenticator app.'),
    }),
  };
  const deviceFirst = {
    refusal: refused('FORBIDDEN', {
      errorCode: 'TOTP_DEVICE_REQUIRED',
      ...claim('Set up an authenticator app first.'),
    }),
  };
  /** The next code, which was not used. */
  const code = () => {
    application().clock.advance(30);
    return totpCode(SECRET, application().clock.now());
  };

  beforeAll(async () => {
    connection = await connect(application());
    await application().totp.importDevice({ userId: 'ann', deviceName: 'phone', secretKey: SECRET });
  });
  afterAll(() => connection.close());

  it('refuses a caller without a sign-in, and lets @WithoutTotp() pass', async () => {
    expect(await call('secret')).toEqual(signInFirst);
    expect(await call('enter', { code: '000000' })).toEqual(signInFirst);
    expect(await call('open')).toEqual({ value: 'open' });
  });

  it('lets a user without a device pass, except where one is required', async () => {
    expect(await call('secret', { token: 'token of bob' })).toEqual({ value: 'the secret' });
    expect(await call('topSecret', { token: 'token of bob' })).toEqual(deviceFirst);
  });

  it('asks for a code, and completes the session that enters it, and no other', async () => {
    expect(await call('secret', ann)).toEqual(codeFirst);
    expect(await call('enter', { ...ann, code: '000000' })).toEqual({ value: 'INVALID_TOTP_ERROR' });
    expect(await call('secret', ann)).toEqual(codeFirst);
    expect(await call('enter', { ...ann, code: code() })).toEqual({ value: 'OK' });
    expect(await call('secret', ann)).toEqual({ value: 'the secret' });
    expect(await call('topSecret', ann)).toEqual({ value: 'the top secret' });
    expect(await call('secret', { token: 'second token of ann' })).toEqual(codeFirst);
  });

  it('gives a handler that forgot its guards no session, also after a guarded one was called', async () => {
    await call('enter', { ...ann, code: '000000' });
    const { value, refusal } = await call('unguarded', ann);
    expect(value).toBeUndefined();
    expect(refusal).toBeDefined();
  });

  it('asks for a code before a change of devices, and answers a wrong argument', async () => {
    const other = { token: 'second token of ann' };
    expect(await call('remove', { ...other, name: 'phone' })).toEqual(codeFirst);
    expect(await call('remove', { ...other, name: '' })).toEqual({
      refusal: refused('BAD_USER_INPUT', { errorCode: 'TOTP_ARGUMENT' }),
    });
    expect(await application().totp.getStatus({ userId: 'ann' })).toMatchObject({ enrolled: true });
  });

  it('takes a recovery code during a lock', async () => {
    const other = { token: 'second token of ann' };
    const made = await application().totp.createRecoveryCodes({ userId: 'ann', onBehalfOf: 'application' });
    if (made.status !== 'OK') throw new Error(made.status);
    for (let failure = 0; failure < 5; failure++) await call('enter', { ...other, code: '000000' });
    expect(await call('enter', { ...other, code: code() })).toEqual({ value: 'LIMIT_REACHED_ERROR' });
    expect(await call('recover', { ...other, code: made.recoveryCodes[0] ?? '' })).toEqual({ value: 'OK' });
    expect(await call('secret', other)).toEqual({ value: 'the secret' });
  });
});
