/** Applications set Nest up in many ways; none of them changes what the module answers. */
import { jest } from '@jest/globals';
import { Body, Controller, type INestApplication, Module, Post, ValidationPipe, VersioningType } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { platforms } from '../support/application.js';
import { answered, badRequest, Person, send, unauthorised, useApplication } from '../support/client.js';

class StrictBody {
  readonly anything?: number;
}

/** Shows that the pipe is at work: the body has a type that lets nothing pass. */
@Controller('strict')
class StrictController {
  @Post()
  read(@Body() body: StrictBody): StrictBody {
    return body;
  }
}

@Module({ controllers: [StrictController] })
class StrictModule {}

/** The strictest pipe that there is: every typed value is emptied, then refused. */
function strictestPipe() {
  return new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    transform: true,
    validateCustomDecorators: true,
    validatorPackage: { validate: () => Promise.resolve([{ property: 'x', constraints: { x: 'refused' } }]) },
    transformerPackage: { plainToInstance: (type) => new type(), classToPlain: () => ({}) },
  });
}

const setups = [
  { title: 'under the path "auth/totp"', options: { path: 'auth/totp' }, path: '/auth/totp' },
  { title: 'under a path with slashes around it', options: { path: '/auth/totp/' }, path: '/auth/totp' },
  { title: 'under the root', options: { path: '/' }, path: '' },
  {
    title: 'under a global prefix',
    configure: (app: INestApplication) => app.setGlobalPrefix('api'),
    path: '/api/totp',
  },
  {
    title: 'with versions in the URI',
    configure: (app: INestApplication) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    path: '/totp',
  },
  {
    title: 'with versions in the URI under a global prefix',
    options: { path: 'auth/totp' },
    configure: (app: INestApplication) => app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI }),
    path: '/api/auth/totp',
  },
  {
    title: 'behind a strict ValidationPipe',
    configure: (app: INestApplication) => app.useGlobalPipes(strictestPipe()),
    path: '/totp',
  },
];

describe.each(platforms.flatMap((platform) => setups.map((setup) => ({ ...setup, platform }))))(
  '$platform, $title',
  ({ platform, options = {}, configure = () => undefined, path }) => {
    const application = useApplication({ platform, options, configure });
    answersAll(application, path);
  },
);

describe.each([
  [
    'ignoreTrailingSlash among the router options',
    () => new FastifyAdapter({ routerOptions: { ignoreTrailingSlash: true } }),
  ],
  ['ignoreTrailingSlash', () => new FastifyAdapter({ ignoreTrailingSlash: true })],
  ['caseSensitive: false', () => new FastifyAdapter({ routerOptions: { caseSensitive: false } })],
  ['exposeHeadRoutes: false', () => new FastifyAdapter({ exposeHeadRoutes: false })],
])('Fastify, with %s', (_, adapter) => {
  // Fastify warns of the older place of `ignoreTrailingSlash`.
  beforeAll(() => jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined));
  afterAll(() => jest.restoreAllMocks());
  answersAll(useApplication({ adapter }), '/totp');
});

function answersAll(application: ReturnType<typeof useApplication>, path: string): void {
  it.each([
    ['without a slash at its end', ''],
    ['with a slash at its end', '/'],
  ])('answers every route %s', async (_, slash) => {
    const person = new Person(application(), { path });
    const phone = await person.create('phone');
    const post = (route: string, body: object) => person.post(route + slash, body);
    expect((await post('/device', { deviceName: 'tablet' })).body).toMatchObject({
      status: 'OK',
      deviceName: 'tablet',
    });
    expect((await post('/device/verify', { deviceName: 'phone', totp: phone.code() })).body).toMatchObject({
      status: 'OK',
    });
    expect((await person.send(`/device/list${slash}`)).body).toMatchObject({
      devices: [{ name: 'phone' }, { name: 'tablet' }],
    });
    expect(await post('/verify', { totp: phone.code(1) })).toEqual(answered({ status: 'OK' }));
    const names = { existingDeviceName: 'phone', newDeviceName: 'old phone' };
    expect(await post('/device/rename', names)).toEqual(answered({ status: 'OK' }));
    expect((await post('/device/remove', { deviceName: 'old phone' })).body).toMatchObject({ didDeviceExist: true });
  });

  it('refuses as everywhere else', async () => {
    const person = new Person(application(), { path });
    expect(await person.post('/verify', { totp: 1 })).toEqual(badRequest('totp is required and must be a string'));
    expect(await send(`${application().url}${path}/verify`, { method: 'POST' })).toEqual(unauthorised);
  });
}

describe.each(platforms)('the strict ValidationPipe of these tests, on %s', (platform) => {
  const configure = (app: INestApplication) => app.useGlobalPipes(strictestPipe());
  const application = useApplication({ platform, configure, imports: [StrictModule] });

  it("refuses a body of the application's own", async () => {
    const person = new Person(application(), { path: '' });
    expect(await person.post('/strict', { anything: 1 })).toEqual(badRequest(['refused']));
  });
});
