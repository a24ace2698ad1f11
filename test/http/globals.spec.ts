/** The module's routes in applications with global interceptors, pipes, filters and prefixes of their own. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type CallHandler,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  HttpException,
  Injectable,
  type INestApplication,
  Module,
  type NestInterceptor,
  type ArgumentsHost,
  VersioningType,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, HttpAdapterHost } from '@nestjs/core';
import { isTotpRoute, type TotpEvent } from 'nestjs-totp';
import { map } from 'rxjs';
import { platforms } from '../support/application.js';
import { answered, invalidTotp, Person, send, useApplication } from '../support/client.js';

/** An envelope as many applications have it. */
@Injectable()
class Envelope implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    return isTotpRoute(context) ? next.handle() : next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

/** Errors in the application's own form. */
@Catch(HttpException)
class ErrorForm implements ExceptionFilter {
  constructor(private readonly host: HttpAdapterHost) {}

  catch(exception: HttpException, host: ArgumentsHost): void {
    const body = { error: { status: exception.getStatus(), detail: exception.getResponse() } };
    this.host.httpAdapter.reply(host.switchToHttp().getResponse<object>(), body, exception.getStatus());
  }
}

@Controller('pages')
class Pages {
  @Get()
  page(): object {
    return { page: 1 };
  }
}

@Module({
  controllers: [Pages],
  providers: [
    { provide: APP_INTERCEPTOR, useClass: Envelope },
    {
      provide: APP_FILTER,
      inject: [HttpAdapterHost],
      useFactory: (host: HttpAdapterHost) => new ErrorForm(host),
    },
  ],
})
class GlobalsModule {}

describe.each(platforms)('an application on %s with an envelope, a filter, a prefix and versions', (platform) => {
  const application = useApplication({
    platform,
    imports: [GlobalsModule],
    configure: (app: INestApplication) => {
      app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.HEADER, header: 'x-version' });
    },
  });

  it('leaves the answers of the module as they are, and puts its own into the envelope', async () => {
    expect(await send(`${application().url}/api/pages`, {})).toEqual(answered({ data: { page: 1 } }));
    const ann = new Person(application(), { path: '/api/totp' });
    await ann.enrol('phone');
    expect(await ann.list()).toEqual(answered({ status: 'OK', devices: [expect.objectContaining({ name: 'phone' })] }));
    expect(await ann.signIn(ann.wrongCode())).toEqual(invalidTotp(1));
  });

  it('answers refusals in its own form, with all that the module says', async () => {
    const { status, body } = await send(`${application().url}/api/totp/device/list`, {});
    expect({ status, body }).toEqual({
      status: 401,
      body: {
        error: { status: 401, detail: { message: 'unauthorised', errorCode: 'TOTP_SIGN_IN_REQUIRED' } },
      },
    });
  });
});

describe('an application that parses no bodies', () => {
  const errors: string[] = [];
  const application = useApplication({
    configure: (app: INestApplication) => {
      // As with NestFactory.create(AppModule, { bodyParser: false }).
      const { httpAdapter } = app.get(HttpAdapterHost);
      Object.assign(httpAdapter, { registerParserMiddleware: () => undefined });
      const ignore = () => undefined;
      app.useLogger({
        log: ignore,
        warn: ignore,
        error: (...all: unknown[]) => errors.push(all.map(String).join(' ')),
      });
    },
  });

  it('says so, instead of finding fault with the body', async () => {
    const ann = new Person(application());
    expect((await ann.post('/verify', { totp: '000000' })).status).toBe(500);
    expect(errors.join()).toContain('a request has a JSON body that nothing has parsed. Remove bodyParser: false');
    expect((await ann.list()).status).toBe(200);
  });
});

describe.each(platforms)('a device that is created twice on %s, as by a form that is sent twice', (platform) => {
  const application = useApplication({ platform });

  it('tells the second answer that the first QR code stopped working', async () => {
    const ann = new Person(application());
    const [first, second] = [await ann.post('/device', {}), await ann.post('/device', {})];
    expect(first.body).not.toHaveProperty('replaced');
    expect(second.body).toMatchObject({ status: 'OK', deviceName: 'TOTP Device 0', replaced: true });
    expect((await ann.post('/device', { deviceName: 'other' })).body).not.toHaveProperty('replaced');
  });
});

describe('the diagnostics channel of an event', () => {
  const application = useApplication();

  it('has it after the change was committed', async () => {
    const heard: unknown[] = [];
    const listen = (event: unknown) => heard.push(event);
    subscribe('nestjs:totp:device.verified', listen);
    try {
      const ann = new Person(application());
      await ann.enrol('phone');
      const published = application().events.events.find(({ name }: TotpEvent) => name === 'totp.device.verified');
      expect(heard).toEqual([published]);
      expect(published).toMatchObject({ userId: ann.userId, deviceName: 'phone' });
    } finally {
      unsubscribe('nestjs:totp:device.verified', listen);
    }
  });
});
