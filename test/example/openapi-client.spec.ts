/** A client generated from openapi/totp.json, used as docs/routes.md says, drives the example. */
import { join } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';
import { totpCode } from 'nestjs-totp/testing';
import { PROJECT } from '../docs/documents.js';
import { PageCode } from '../docs/page-code.js';
import { Client as Person } from './client.js';
import { type Keepsake, startKeepsake } from './keepsake.js';

/** The functions of the page. */
interface Page {
  enrol(client: unknown, askForCode: (qrCodeString: string) => Promise<string>): Promise<string>;
  enter(client: unknown, totp: string): Promise<string>;
}

let keepsake: Keepsake;
let code: PageCode<'client'>;

beforeAll(async () => {
  keepsake = await startKeepsake();
  code = await PageCode.of('docs/routes.md', { client: 'A typed client' });
  await createClient({
    input: join(PROJECT, 'openapi', 'totp.json'),
    output: join(code.folder, 'totp-client'),
    logs: { level: 'silent' },
  });
});

afterAll(async () => {
  await code.remove();
  await keepsake.stop();
});

/** The generated client, with the cookies of somebody who is signed in to the example. */
async function clientOf(person: Person): Promise<unknown> {
  const generated = (await import(join(code.folder, 'totp-client', 'client', 'index.ts'))) as {
    createClient: (config: object) => unknown;
  };
  return generated.createClient({
    baseUrl: keepsake.url,
    fetch: async (request: Request) => {
      request.headers.set('cookie', person.cookie);
      request.headers.set('origin', keepsake.url);
      const response = await fetch(request);
      person.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? person.cookie;
      return response;
    },
  });
}

it('compiles', () => {
  // What the generator writes is for browsers, and not for this one setting.
  const settings = { lib: ['ES2023', 'DOM', 'DOM.Iterable'], exactOptionalPropertyTypes: false };
  expect(code.problems(settings)).toEqual([]);
});

it('enrols, signs in, is refused, and is locked', async () => {
  const { enrol, enter } = (await code.exports('client')) as unknown as Page;
  const ada = await Person.register(keepsake);
  let keyUri = '';
  const shown = () => totpCode(keyUri, keepsake.clock.now());
  const scan = (qrCodeString: string) => {
    keyUri = qrCodeString;
    return Promise.resolve(shown());
  };
  expect(await enter(await clientOf(ada), '000000')).toBe('Set up an authenticator first.');
  expect(await enrol(await clientOf(ada), scan)).toBe('OK');
  expect((await ada.get('/vault')).status).toBe(200);
  keepsake.clock.advance(30);

  const elsewhere = await ada.elsewhere();
  const client = await clientOf(elsewhere);
  expect(await enrol(client, scan)).toBe('invalid claim');
  expect(await enter(client, 'wrong')).toBe('Wrong code: 1 of 5.');
  expect(await enter(client, shown())).toBe('Welcome back.');
  expect((await elsewhere.get('/vault')).status).toBe(200);

  const third = await clientOf(await ada.elsewhere());
  for (let failure = 1; failure <= 5; failure++) {
    expect(await enter(third, 'wrong')).toBe(`Wrong code: ${failure} of 5.`);
  }
  expect(await enter(third, shown())).toBe('Try again in 15 minutes.');
});

it('is told that nobody is signed in', async () => {
  const { enter } = (await code.exports('client')) as unknown as Page;
  const nobody = await Person.register(keepsake);
  nobody.cookie = '';
  expect(await enter(await clientOf(nobody), '000000')).toBe('unauthorised');
});
