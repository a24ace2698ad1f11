import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenDatabase, databases } from '../support/databases.js';
import { type Keepsake, startKeepsake } from './keepsake.js';
import { PASSWORD } from './people.js';

describe.each(databases)('the example on $name', ({ open }) => {
  let folder: string;
  let database: OpenDatabase;
  let keepsake: Keepsake | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keepsake-'));
    database = await open();
  });

  afterEach(async () => {
    await keepsake?.stop();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  it('keeps accounts, sessions and authenticators over a restart', async () => {
    const settings = { folder, databaseUrl: urlOf(database) };
    keepsake = await startKeepsake(settings);
    const registered = await post(keepsake, '/register', { email: 'ada@example.com', password: PASSWORD });
    const cookie = registered.headers.get('set-cookie')?.split(';')[0] ?? '';
    await post(keepsake, '/totp/device', { deviceName: 'Phone' }, cookie);
    await keepsake.stop();

    keepsake = undefined;
    keepsake = await startKeepsake(settings);
    const list = await fetch(`${keepsake.url}/totp/device/list`, { headers: { cookie } });
    expect(await list.json()).toMatchObject({ devices: [{ name: 'Phone', verified: false }] });
    const again = await post(keepsake, '/sign-in', { email: 'Ada@example.com', password: PASSWORD });
    expect([again.status, again.headers.get('location')]).toEqual([303, '/security']);
    // Next to `ada@example.com`, and not the same: collations may think otherwise.
    const neighbour = await post(keepsake, '/register', { email: 'äda@example.com', password: PASSWORD });
    expect(neighbour.status).toBe(303);
  });
});

async function post({ url }: Keepsake, path: string, fields: Record<string, string>, cookie = ''): Promise<Response> {
  const headers = { origin: url, cookie, 'content-type': 'application/json' };
  const body = JSON.stringify(fields);
  const response = await fetch(url + path, { method: 'POST', headers, body, redirect: 'manual' });
  // The end of an answer comes when the session is stored.
  await response.text();
  return response;
}

/** Empty for SQLite, which the example keeps in its folder. */
function urlOf({ options }: OpenDatabase): string {
  if (options.type === 'better-sqlite3') return '';
  const { type, host = '', port = '', username = '', password, database = '' } = options;
  const secret = typeof password === 'string' && password !== '' ? `:${encodeURIComponent(password)}` : '';
  return `${type}://${encodeURIComponent(username)}${secret}@${host}:${port}/${database}`;
}
