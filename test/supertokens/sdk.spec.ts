/** Applications that keep SuperTokens' SDK and sessions: its own TOTP routes, and the module's, over the same devices. */
import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import supertokens, { Error as SuperTokensError } from 'supertokens-node';
import { errorHandler, middleware, type SessionRequest } from 'supertokens-node/framework/express';
import EmailPassword from 'supertokens-node/recipe/emailpassword';
import MultiFactorAuth from 'supertokens-node/recipe/multifactorauth';
import Session from 'supertokens-node/recipe/session';
import { verifySession } from 'supertokens-node/recipe/session/framework/express';
import TOTP from 'supertokens-node/recipe/totp';
import { superTokensRecipe, SuperTokensSessionAdapter, TotpGuard, TotpService, TotpSessionAdapter } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { type Answer, answered, invalidTotp, send, useApplication } from '../support/client.js';
import { type StubCore, startCore } from './core.js';

/** Reads SuperTokens' session; what it has completed is for the module to say. */
@Injectable()
class SuperTokensGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const verify = verifySession({ overrideGlobalClaimValidators: () => [] });
    let error: unknown;
    await verify(http.getRequest<SessionRequest>(), http.getResponse<Response>(), (refused?: unknown) => {
      error = refused;
    });
    if (error !== undefined) throw error instanceof Error ? error : new Error('refused', { cause: error });
    return true;
  }
}

@Controller('vault')
@UseGuards(SuperTokensGuard, TotpGuard)
class Vault {
  @Get()
  open(): object {
    return { gold: 1 };
  }
}

/** Answers for errors of SuperTokens, as its documentation says for Nest. */
@Catch(SuperTokensError)
class SuperTokensFilter implements ExceptionFilter {
  private readonly handle = errorHandler();

  async catch(error: Error, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    await this.handle(error, http.getRequest<Request>(), http.getResponse<Response>(), http.getNext<NextFunction>());
  }
}

@Module({ controllers: [Vault], providers: [{ provide: APP_FILTER, useClass: SuperTokensFilter }] })
class VaultModule {}

describe('an application that keeps the SDK of SuperTokens', () => {
  let core: StubCore;
  beforeAll(async () => {
    core = await startCore();
  });
  afterAll(async () => {
    await core.close();
  });

  const application = useApplication({
    imports: [VaultModule],
    options: {
      path: 'second-factor',
      maxDevices: 2,
      guards: [SuperTokensGuard],
      providers: [{ provide: TotpSessionAdapter, useValue: new SuperTokensSessionAdapter(MultiFactorAuth) }],
    },
    configure: (app) => {
      const totp = app.get(TotpService);
      supertokens.init({
        framework: 'express',
        supertokens: { connectionURI: core.url },
        appInfo: { appName: 'Acme', apiDomain: 'http://127.0.0.1', websiteDomain: 'http://127.0.0.1' },
        telemetry: false,
        recipeList: [
          EmailPassword.init(),
          Session.init(),
          MultiFactorAuth.init(),
          TOTP.init({
            override: { functions: (original) => ({ ...original, ...superTokensRecipe(totp) }) },
          }),
        ],
      });
      app.use(middleware());
    },
  });

  beforeAll(() => {
    // SuperTokens goes by the time of the machine.
    application().clock.set(Date.now());
  });

  /** A user of SuperTokens, whose access token the application may replace. */
  class Member {
    private token: string;

    constructor(readonly userId: string) {
      this.token = core.signIn(userId);
    }

    /** With the password alone. */
    signInAnew(): void {
      this.token = core.signIn(this.userId);
    }

    async call(method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<Answer> {
      const answer = await send(application().url + path, {
        method,
        headers: {
          authorization: `Bearer ${this.token}`,
          'st-auth-mode': 'header',
          'content-type': 'application/json',
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      this.token = answer.headers.get('st-access-token') ?? this.token;
      return answer;
    }

    /** Creates and verifies a device by the routes below a path. */
    async enrol(path: string): Promise<string> {
      const created = await this.call('POST', `${path}/device`, { deviceName: 'phone' });
      expect(created.body).toMatchObject({ status: 'OK' });
      const { qrCodeString } = created.body as { qrCodeString: string };
      const code = totpCode(qrCodeString, application().clock.now());
      expect(await this.call('POST', `${path}/device/verify`, { deviceName: 'phone', totp: code })).toEqual(
        answered({ status: 'OK', wasAlreadyVerified: false }),
      );
      application().clock.advance(30);
      return qrCodeString;
    }
  }

  describe.each([
    ['the routes of SuperTokens', '/auth/totp'],
    ['the routes of the module', '/second-factor'],
  ])('by %s', (_, path) => {
    it('enrols, signs in with a code, and completes the session of SuperTokens', async () => {
      const ann = new Member(`ann by ${path}`);
      const device = await ann.enrol(path);
      expect(await ann.call('GET', '/vault')).toEqual(answered({ gold: 1 }));
      ann.signInAnew();
      expect(await ann.call('GET', '/vault')).toMatchObject({ status: 403 });
      const code = totpCode(device, application().clock.now());
      expect(await ann.call('POST', `${path}/verify`, { totp: '000000' })).toEqual(invalidTotp(1));
      expect(await ann.call('POST', `${path}/verify`, { totp: code })).toEqual(answered({ status: 'OK' }));
      expect(await ann.call('GET', '/vault')).toEqual(answered({ gold: 1 }));
      // The code is used up for both.
      expect((await ann.call('POST', '/auth/totp/verify', { totp: code })).body).toMatchObject({
        status: 'INVALID_TOTP_ERROR',
      });
    });

    it('refuses a further device to a session with the password alone', async () => {
      const ann = new Member(`refused by ${path}`);
      await ann.enrol(path);
      ann.signInAnew();
      expect(await ann.call('POST', `${path}/device`, {})).toMatchObject({ status: 403 });
      expect(await ann.call('POST', `${path}/device/remove`, { deviceName: 'phone' })).toMatchObject({ status: 403 });
    });

    it('tells the user who has too many devices', async () => {
      const ann = new Member(`many by ${path}`);
      await ann.enrol(path);
      const second = await ann.call('POST', `${path}/device`, { deviceName: 'tablet' });
      expect(second).toMatchObject({ body: { status: 'OK' } });
      const message = 'You can have up to 2 authenticators. Remove one to add another.';
      expect(await ann.call('POST', `${path}/device`, {})).toEqual(answered({ status: 'GENERAL_ERROR', message }));
    });

    it('lists and removes devices', async () => {
      const ann = new Member(`removes by ${path}`);
      await ann.enrol(path);
      expect((await ann.call('GET', `${path}/device/list`)).body).toMatchObject({ devices: [{ name: 'phone' }] });
      expect(await ann.call('POST', `${path}/device/remove`, { deviceName: 'phone' })).toEqual(
        answered({ status: 'OK', didDeviceExist: true }),
      );
    });
  });

  it('leaves it to SuperTokens to refuse a request without a session', async () => {
    for (const path of ['/vault', '/second-factor/device/list', '/auth/totp/device/list']) {
      expect(await send(application().url + path, {})).toMatchObject({
        status: 401,
        body: { message: 'unauthorised' },
      });
    }
  });

  it('tells MultiFactorAuth which factors the user has', async () => {
    const ann = new Member('ann by info');
    const before = await ann.call('PUT', '/auth/mfa/info');
    expect(before.body).toMatchObject({ factors: { alreadySetup: ['emailpassword'] } });
    await ann.enrol('/auth/totp');
    const after = await ann.call('PUT', '/auth/mfa/info');
    expect(after.body).toMatchObject({ factors: { alreadySetup: ['emailpassword', 'totp'], next: [] } });
  });

  it('answers the functions of the SDK', async () => {
    const made = await TOTP.createDevice('by function', undefined, 'phone');
    expect(made).toMatchObject({ status: 'OK', deviceName: 'phone' });
    expect(await TOTP.listDevices('by function')).toMatchObject({ devices: [{ name: 'phone', verified: false }] });
  });

  it('asks the core nothing that the stand-in does not know', () => {
    expect(core.unknown).toEqual([]);
  });
});
