/** What protects an owner beyond codes: mails, other sessions, and the password. */
import { type SessionData } from 'express-session';
import { SessionStore } from '../../example/sessions/session-store.js';
import { Client } from './client.js';
import { useServer } from './use-example.js';
import { PASSWORD } from './people.js';
import { totpCode } from 'nestjs-totp/testing';

describe('the owner of an account', () => {
  const server = useServer();

  /** The same person in a second browser, signed in with a code. */
  async function second(key: string): Promise<Client> {
    const other = await server.ada.elsewhere();
    server.keepsake.clock.advance(30);
    await other.send('/code', { totp: totpCode(key, server.keepsake.clock.now()) });
    expect((await other.get('/security')).status).toBe(200);
    return other;
  }

  /** What comes from the outbox comes soon after the answer. */
  async function eventually(check: () => Promise<boolean>): Promise<void> {
    while (!(await check())) await new Promise((resolve) => setImmediate(resolve));
  }

  const isSignedIn = async (client: Client) => (await client.get('/code/wait')).status === 200;

  const mail = async (client = server.ada) => (await client.get('/mail')).text();

  it('gets a mail about a new authenticator, a lock and a removal, which nobody else sees', async () => {
    await server.ada.enrol('Phone');
    await eventually(async () => (await mail()).includes('“<bdi>Phone</bdi>” now makes codes for your account.'));
    await server.ada.send('/demo/attack', { kind: 'guesses' });
    await eventually(async () => (await mail()).includes('Your account is locked'));
    await server.ada.send('/security/remove', { deviceName: 'Phone' });
    await eventually(async () => (await mail()).includes('An authenticator was removed'));
    const stranger = await Client.register(server.keepsake);
    expect(await mail(stranger)).toContain('No mail yet.');
  });

  it('shows mails to nobody who has given only the password', async () => {
    await server.ada.enrol('Phone');
    const thief = await server.ada.elsewhere();
    const page = await thief.get('/mail', { accept: 'text/html' });
    expect([page.status, page.headers.get('location')]).toEqual([303, `/code?next=${encodeURIComponent('/mail')}`]);
  });

  it('is signed out of other browsers when an authenticator is removed', async () => {
    const key = await server.ada.enrol('Phone');
    const other = await second(key);
    await server.ada.send('/security/remove', { deviceName: 'Phone' });
    await eventually(async () => !(await isSignedIn(other)));
    expect((await server.ada.get('/security')).status).toBe(200);
  });

  it('sees where they are signed in, and ends one session or all others', async () => {
    const key = await server.ada.enrol('Phone');
    const others = [await second(key), await second(key)];
    const page = await (await server.ada.get('/security')).text();
    const handles = [...page.matchAll(/name="handle" value="([^"]+)"/g)].map(([, handle]) => handle ?? '');
    expect(handles).toHaveLength(2);
    await server.ada.send('/security/end', { handle: handles[0] ?? '' });
    const open = () => Promise.all(others.map(isSignedIn));
    expect((await open()).filter(Boolean)).toHaveLength(1);
    await server.ada.send('/security/end');
    expect(await open()).toEqual([false, false]);
    expect(await isSignedIn(server.ada)).toBe(true);
  });

  it('is not signed in again by a request that was on its way when the session ended', async () => {
    const key = await server.ada.enrol('Phone');
    const other = await second(key);
    const id = decodeURIComponent(other.cookie).replace(/^keepsake=s:([^.]+)\..*$/, '$1');
    const store = server.keepsake.get(SessionStore);
    const session = await new Promise<SessionData | null | undefined>((resolve) => {
      store.get(id, (_error, data) => {
        resolve(data);
      });
    });
    if (!session) throw new Error('The session was not found.');
    await server.ada.send('/security/end');
    await new Promise<void>((resolve) => {
      store.set(id, session, () => {
        resolve();
      });
    });
    expect(await isSignedIn(other)).toBe(false);
  });

  it('cannot end the sessions of somebody else', async () => {
    const stranger = await Client.register(server.keepsake);
    const page = await (await (await stranger.elsewhere()).get('/security')).text();
    const [, handle = ''] = /name="handle" value="([^"]+)"/.exec(page) ?? [];
    expect(handle).not.toBe('');
    await server.ada.send('/security/end', { handle });
    expect(await isSignedIn(stranger)).toBe(true);
  });

  it('changes the password, which ends the other sessions and is mailed', async () => {
    const key = await server.ada.enrol('Phone');
    const other = await second(key);
    const wrong = await server.ada.send('/password', { current: 'not the password', password: 'a new pass phrase' });
    expect([wrong.status, await wrong.text()]).toEqual([422, expect.stringContaining('not your current password')]);
    const short = await server.ada.send('/password', { current: PASSWORD, password: 'short' });
    expect([short.status, await short.text()]).toEqual([422, expect.stringContaining('at least 10 characters')]);

    const changed = await server.ada.send('/password', { current: PASSWORD, password: 'a new pass phrase' });
    expect([changed.status, changed.headers.get('location')]).toEqual([303, '/security']);
    expect(await isSignedIn(other)).toBe(false);
    expect(await isSignedIn(server.ada)).toBe(true);
    expect(await mail()).toContain('Your password was changed');
    // The old password no longer signs in.
    expect(await isSignedIn(await server.ada.elsewhere())).toBe(false);
  });

  it('needs a code of the last twenty minutes to change the password', async () => {
    await server.ada.enrol('Phone');
    server.keepsake.clock.advance(21 * 60);
    const fields = { current: PASSWORD, password: 'a new pass phrase' };
    const refused = await server.ada.send('/password', fields, { accept: 'text/html' });
    expect([refused.status, refused.headers.get('location')]).toEqual([
      303,
      `/code?next=${encodeURIComponent('/password')}`,
    ]);
    expect(await isSignedIn(await server.ada.elsewhere())).toBe(true);
  });
});
