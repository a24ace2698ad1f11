/** The OpenAPI description: what `@nestjs/swagger` makes of it, and that the routes answer as it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { Ajv } from 'ajv';
import { platforms } from '../support/application.js';
import { type Answer, Person, send, useApplication } from '../support/client.js';

const FILE = join(import.meta.dirname, '../../openapi/totp.json');

interface Operation {
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  readonly responses: Record<
    string,
    {
      readonly headers?: object;
      readonly content: Record<string, { readonly schema: object; readonly examples?: object }>;
    }
  >;
}

const ajv = new Ajv({ strict: false });

/** OpenAPI 3.0 says `nullable`, and JSON Schema a list of types. */
function asJsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(asJsonSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [name, asJsonSchema(value)]),
  );
  const closed = rest.type === 'object' ? { ...rest, additionalProperties: false } : rest;
  return nullable === true ? { ...closed, type: [rest.type, 'null'] } : closed;
}

describe.each(platforms)('on %s', (platform) => {
  const application = useApplication({ platform, options: { trustedBrowsers: { days: 30 } } });
  let document: OpenAPIObject;

  beforeAll(() => {
    document = SwaggerModule.createDocument(application().app, new DocumentBuilder().build());
  });

  const operation = (method: 'get' | 'post', route: string): Operation => {
    const found = document.paths[`/totp${route}`]?.[method];
    if (found === undefined) throw new Error(`${method} ${route} is not described`);
    return found as unknown as Operation;
  };
  const expectDescribed = (method: 'get' | 'post', route: string, { status, body }: Answer): void => {
    const schema = operation(method, route).responses[String(status)]?.content['application/json']?.schema;
    expect(schema).toBeDefined();
    const isValid = ajv.compile(asJsonSchema(schema) as object);
    if (!isValid(body)) throw new Error(`${route}: ${JSON.stringify(body)}: ${ajv.errorsText(isValid.errors)}`);
  };

  it('is the document in the package', () => {
    const { paths } = JSON.parse(readFileSync(FILE, 'utf8')) as OpenAPIObject;
    expect(JSON.parse(JSON.stringify(document.paths))).toEqual(paths);
  });

  it('describes every route, and each answer by its status, with an example that fits', () => {
    const routes = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.sort()).toEqual([
      'GET /totp/device/list',
      'GET /totp/recovery-codes',
      'GET /totp/trusted-browsers',
      'POST /totp/device',
      'POST /totp/device/remove',
      'POST /totp/device/rename',
      'POST /totp/device/verify',
      'POST /totp/recovery-codes',
      'POST /totp/recovery-codes/verify',
      'POST /totp/trusted-browsers/forget',
      'POST /totp/verify',
    ]);
    for (const item of Object.values(document.paths)) {
      for (const { responses } of Object.values(item) as Operation[]) {
        const { schema = {}, examples = {} } = responses['200']?.content['application/json'] ?? {};
        const isValid = ajv.compile(asJsonSchema(schema) as object);
        expect(Object.keys(examples).length).toBeGreaterThan(1);
        for (const { value } of Object.values<{ value: unknown }>({ ...examples }))
          expect([value, isValid(value)]).toEqual([value, true]);
        expect(responses).toHaveProperty('401');
      }
    }
  });

  it('describes what the routes answer', async () => {
    const ann = new Person(application());
    const post = async (route: string, body: object, as = ann): Promise<Answer> => {
      const answer = await as.post(route, body);
      expectDescribed('post', route, answer);
      return answer;
    };
    const get = async (route: string) => {
      expectDescribed('get', route, await ann.send(route));
    };

    expectDescribed('get', '/device/list', await send(`${application().url}/totp/device/list`, {}));
    await post('/device', { deviceName: 5 });
    await post('/device', {});
    const phone = await ann.create('phone');
    await post('/device', { deviceName: 'phone' });
    await post('/device/verify', { deviceName: 'tablet', totp: '000000' });
    await post('/device/verify', { deviceName: phone.deviceName, totp: ann.wrongCode() });
    const again = await ann.create('phone');
    await post('/device/verify', { deviceName: 'phone', totp: again.code() });
    await post('/device/verify', { deviceName: 'phone', totp: again.code() });
    await post('/device', { deviceName: 'phone' });
    await post('/device/rename', { existingDeviceName: 'phone', newDeviceName: 'telephone' });
    await post('/device/rename', { existingDeviceName: 'phone', newDeviceName: 'telephone' });
    await get('/device/list');
    const made = await post('/recovery-codes', {});
    await get('/recovery-codes');

    const elsewhere = ann.signedInAnew();
    expect((await post('/device', {}, elsewhere)).status).toBe(403);
    await post('/verify', { totp: ann.wrongCode() }, elsewhere);
    await post('/verify', { totp: again.code(1), trustBrowser: true }, elsewhere);
    await get('/trusted-browsers');
    for (let n = 0; n < 5; n++) await ann.signIn(ann.wrongCode());
    const locked = await post('/verify', { totp: ann.wrongCode() });
    expect(locked.headers.get('retry-after')).not.toBeNull();
    expect(operation('post', '/verify').responses['200']?.headers).toHaveProperty('Retry-After');
    await post('/recovery-codes/verify', { recoveryCode: 'wrong' });
    const [recoveryCode] = (made.body as { recoveryCodes: string[] }).recoveryCodes;
    await post('/recovery-codes/verify', { recoveryCode });
    await post('/trusted-browsers/forget', {});
    await post('/device/remove', { deviceName: 'telephone' });
    await post('/verify', { totp: '000000' }, new Person(application()));
    await post('/recovery-codes/verify', { recoveryCode: 'any' }, new Person(application()));
  });
});

describe('an application without recovery codes and trusted browsers', () => {
  const documents: OpenAPIObject[] = [];
  const describeApplication = (app: INestApplication) =>
    documents.push(SwaggerModule.createDocument(app, new DocumentBuilder().build()));
  const application = useApplication({ options: { recoveryCodes: false }, configure: describeApplication });

  it('does not describe routes that it does not serve, whether it describes them before it listens or afterwards', () => {
    describeApplication(application().app);
    expect(documents).toHaveLength(2);
    for (const { paths } of documents) {
      expect(Object.keys(paths)).toHaveLength(6);
      expect(Object.keys(paths).filter((path) => /recovery|browser/.test(path))).toEqual([]);
    }
  });
});
