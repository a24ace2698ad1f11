/** `TotpGuard` on handlers that no HTTP request calls: what a client writes is never taken for its session. */
import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  type INestApplication,
  Logger,
  Module,
} from '@nestjs/common';
import { Controller, Get, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { type ClientProxy, ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import { jest } from '@jest/globals';
import {
  RequestSessionAdapter,
  TotpConfigurationError,
  TotpGuard,
  TotpSessionAdapter,
  TotpTokenSessionAdapter,
  WithoutTotp,
} from 'nestjs-totp';
import { firstValueFrom } from 'rxjs';
import { HeaderSignIn } from '../support/application.js';
import { answered, Person, send, useApplication } from '../support/client.js';
import { freePort } from '../support/database-servers.js';
import { contextOf } from '../support/contexts.js';

@Controller()
@UseGuards(TotpGuard)
class Messages {
  @MessagePattern('guarded')
  guarded(): string {
    return 'reached';
  }

  @MessagePattern('open')
  @WithoutTotp()
  open(): string {
    return 'reached';
  }
}

@Injectable()
class SignInOverHttp implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.getType() !== 'http' || new HeaderSignIn().canActivate(context);
  }
}

@Controller('everything')
class Everything {
  @Get()
  get(): object {
    return { passed: true };
  }

  @MessagePattern('unmarked')
  unmarked(): string {
    return 'reached';
  }
}

@Module({
  controllers: [Messages, Everything],
  providers: [
    { provide: APP_GUARD, useClass: SignInOverHttp },
    { provide: APP_GUARD, useExisting: TotpGuard },
  ],
})
class HybridModule {}

const adapters = [RequestSessionAdapter, TotpTokenSessionAdapter];

describe.each(adapters.map((adapter) => ({ adapter, name: adapter.name })))(
  'a message over TCP to a hybrid application with $name',
  ({ adapter }) => {
    let port = 0;
    let client: ClientProxy;
    const errors: string[] = [];
    const application = useApplication({
      imports: [HybridModule],
      options: { guards: [], enrolment: 'optional', providers: [{ provide: TotpSessionAdapter, useClass: adapter }] },
      configure: async (app: INestApplication) => {
        port = await freePort();
        app.connectMicroservice({ transport: Transport.TCP, options: { port } }, { inheritAppConfig: true });
        await app.startAllMicroservices();
        client = ClientProxyFactory.create({ transport: Transport.TCP, options: { port } });
      },
    });
    afterAll(() => {
      client.close();
    });
    beforeEach(() => {
      errors.length = 0;
      jest
        .spyOn(Logger.prototype, 'error')
        .mockImplementation((...all: unknown[]) => errors.push(all.map(String).join()));
    });
    afterEach(() => jest.restoreAllMocks());

    const ask = (pattern: string, message: object): Promise<unknown> =>
      firstValueFrom(client.send<unknown>(pattern, message)).catch((error: unknown) => error);
    /** Nobody is signed in: the message names a user, but no guard of the server has. */
    const refused = { status: 'error', message: 'unauthorised', errorCode: 'TOTP_SIGN_IN_REQUIRED' };

    it.each(['guarded', 'unmarked'])('does not reach the handler %j by a forged completion', async (pattern) => {
      const person = new Person(application());
      const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
      await application().totp.importDevice({ userId: person.userId, secretKey });
      const completedAt = application().clock.now();
      const entry = { handle: 'h', userId: person.userId, completedAt };
      const message = {
        user: { id: person.userId, sub: person.userId, sid: 's' },
        session: { id: 's', 'nestjs-totp': entry },
      };
      expect(await ask(pattern, message)).toEqual(refused);
      const forged = `{"__proto__":${JSON.stringify(message)},"body":${JSON.stringify(message)}}`;
      expect(await ask(pattern, JSON.parse(forged) as object)).toEqual(refused);
    });

    it('does not reach the handler as a made-up user without a device', async () => {
      expect(await ask('guarded', { user: { id: 'made up', sid: 's' }, session: { id: 's' } })).toEqual(refused);
      expect(await ask('guarded', [])).toEqual(refused);
      expect(errors).toEqual([]);
    });

    it('reaches a handler that is exempt', async () => {
      expect(await ask('open', {})).toBe('reached');
    });
  },
);

describe('a hybrid application', () => {
  const application = useApplication({ imports: [HybridModule], options: { guards: [] } });

  it('guards its HTTP routes as ever', async () => {
    const { url } = application();
    expect((await send(`${url}/everything`, {})).status).toBe(401);
    expect(await send(`${url}/everything`, { headers: new Person(application()).headers })).toEqual(
      answered({ passed: true }),
    );
  });
});

describe.each([new RequestSessionAdapter()])('RequestSessionAdapter', (adapter) => {
  const forged = { user: { id: 'ann' }, session: { id: 's', 'nestjs-totp': { userId: 'ann', completedAt: 1 } } };

  it.each(['rpc', 'graphql', 'rmq'])('reads no session from the message of a context of the type %j', async (type) => {
    // A root object may be an instance of a class too.
    const context = contextOf(forged);
    context.setType(type);
    await expect(adapter.resolve(context)).rejects.toThrow(TotpConfigurationError);
    await expect(adapter.resolve(context)).rejects.toThrow(`its context has the type "${type}"`);
  });

  it.each<[string, unknown[]]>([
    ['ws', [forged, forged]],
    ['rpc', [forged, forged]],
    ['graphql', [forged, forged, { req: forged, request: forged, connectionParams: forged, ...forged }, forged]],
    ['graphql', [forged, forged, undefined]],
  ])(
    'reads no session from a context of the type %j in which everything may come from a client',
    async (type, args) => {
      const context = new ExecutionContextHost(args);
      context.setType(type);
      await expect(adapter.resolve(context)).rejects.toThrow('everything else that it received may come from a client');
    },
  );

  it.each<[string, unknown]>([
    ['a plain object, such as a message of a library that keeps the default type', forged],
    ['an object without a prototype', Object.assign(Object.create(null), forged)],
    ['an array', Object.assign([], forged)],
    ['nothing', undefined],
    ['a string', 'ann'],
  ])('reads no session from a context of the type "http" whose request is %s', async (_, request) => {
    await expect(adapter.resolve(new ExecutionContextHost([request]))).rejects.toThrow(TotpConfigurationError);
  });
});
