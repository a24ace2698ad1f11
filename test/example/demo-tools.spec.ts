/** The demo tools: the phone, the attacks, the requests, the tour, and the docs and source that it links to. */
import { type Page } from 'playwright-core';
import { describeInBrowser } from './browser.js';

import { addAuthenticator, confirmed, register, saveCodes, signIn, signOut } from './people.js';
import { useExample, useServer } from './use-example.js';

describeInBrowser('the demo tools', () => {
  const example = useExample();
  let page: Page;

  beforeEach(() => {
    page = example.ada.page;
  });

  const digits = () => page.locator('.phone-digits').first();
  const phoneCode = async () => (await digits().textContent())?.replace(' ', '');

  /** With the demo phone alone. @returns the recovery codes */
  async function enrolWithDemoPhone(): Promise<string[]> {
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('button', { name: 'Scan the QR code' }).click();
    await digits().click();
    return saveCodes(page, 'Phone');
  }

  async function openTool(name: string): Promise<void> {
    await page.locator('.tool > summary', { hasText: name }).click();
  }

  it('scan the QR code, show the code of an authenticator app, and type it', async () => {
    const bodies: string[] = [];
    page.on('request', (request) => bodies.push(request.postData() ?? ''));
    await register(page);
    const app = await addAuthenticator(page, 'Phone');
    await page.getByRole('button', { name: 'Scan the QR code' }).click();
    await digits().waitFor();
    const { clock } = example.keepsake;
    expect([app.code(clock.now()), app.code(clock.now() + 30_000)]).toContain(await phoneCode());

    await digits().click();
    await saveCodes(page, 'Phone');
    await page.getByText('Used. The next one comes in').waitFor();
    expect(bodies.filter((body) => body.includes(app.secret))).toEqual([]);
  });

  it('keep the phone over a sign-out, and a used code is marked as used', async () => {
    const email = await register(page);
    await enrolWithDemoPhone();
    await signOut(page);
    await signIn(page, email);
    await page.getByText('Used. The next one comes in').waitFor();
    example.keepsake.clock.advance(30);
    await page.reload();
    await page.getByText(/^Changes in/).waitFor();
    await digits().click();
    await page.waitForURL('**/security');
    await page.getByText('Used. The next one comes in').waitFor();
  });

  it('lose the phone, and a recovery code signs in', async () => {
    const email = await register(page);
    const [recoveryCode = ''] = await enrolWithDemoPhone();
    await page.getByRole('button', { name: 'Lose the phone' }).click();
    await digits().waitFor({ state: 'detached' });
    await signOut(page);
    await signIn(page, email);
    await page.getByText('The phone is lost').waitFor();
    await page.getByRole('link', { name: 'Use a recovery code' }).click();
    await page.getByLabel('Recovery code', { exact: true }).fill(recoveryCode);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('You signed in with a recovery code.').waitFor();

    await page.getByRole('button', { name: 'Find it again' }).click();
    await digits().waitFor();
  });

  it('enter one code fifty times at once, and then guess a hundred codes', async () => {
    await register(page);
    await enrolWithDemoPhone();
    example.keepsake.clock.advance(30);
    await page.reload();
    await digits().waitFor();
    await openTool('Attack');
    await page.getByRole('button', { name: 'Enter it 50 times' }).click();
    await page.getByText('50 calls: 1 accepted, 49 refused as used before.').waitFor();
    await page.getByText('Used. The next one comes in').waitFor();
    expect(await page.locator('[data-shots] .shot-accepted').count()).toBe(1);
    expect(await page.locator('[data-shots] .shot-used').count()).toBe(49);

    await page.getByRole('button', { name: 'Guess 100 codes' }).click();
    await page.getByText('100 calls: 5 checked and wrong, 95 refused unchecked').waitFor();
    expect(await page.locator('[data-shots] .shot').count()).toBe(100);
    // The page is told by the event of the lock.
    await page.getByRole('timer').waitFor();
  });

  it('list what the session sent and what the module answered, without secrets', async () => {
    await register(page);
    const app = await addAuthenticator(page, 'Phone');
    await confirmed(page, 'Phone', app.code(example.keepsake.clock.now()));
    await openTool('Requests');
    const requests = page.locator('[data-requests]');
    expect(await requests.locator('summary').allTextContents()).toEqual([
      'POST /security/confirm 200',
      'POST /security/add 200',
    ]);
    expect(await requests.textContent()).toContain('TotpService.verifyDevice()');
    expect(await requests.textContent()).not.toContain(app.secret);

    await page.getByRole('button', { name: 'Send' }).click();
    await requests.getByText('"verified": true').waitFor();
    await page.getByLabel('Call the HTTP API').selectOption('POST /totp/verify');
    for (let attempt = 0; attempt < 5; attempt++) {
      await page.getByLabel('Body').fill(JSON.stringify({ totp: app.wrongCode(example.keepsake.clock.now()) }));
      await page.getByRole('button', { name: 'Send' }).click();
      await requests.locator('summary', { hasText: '/totp/verify' }).nth(attempt).waitFor();
    }
    await page.getByLabel('Body').fill('{');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('This is not JSON.').waitFor();
    await page.getByLabel('Body').fill('{"totp": "000000"}');
    await page.getByRole('button', { name: 'Send' }).click();
    await requests.getByText('Retry-After: 900').waitFor();
  });

  it('step the clock without losing a key that is shown only once', async () => {
    await register(page);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.locator('[data-qr]').waitFor();
    const stepped = page.waitForResponse('**/demo/clock');
    await page.getByRole('button', { name: '+ 30 s' }).click();
    expect((await stepped).status()).toBe(201);
    expect(await page.locator('[data-qr]').isVisible()).toBe(true);
    expect(new URL(page.url()).pathname).toBe('/security/add');
  });

  it('serve somebody who has only a keyboard', async () => {
    await register(page);
    await pressUntilOn('button', 'Add');
    await pressUntilOn('button', 'Scan the QR code');
    // Scanning leads to the field for the code; the phone types into it.
    await page.locator('input.code:focus').waitFor();
    await pressUntilOn('button', /^Enter the code/);
    await page.locator('a:focus, h1:focus').waitFor();
    await pressUntilOn('link', 'I have saved them');
    await page.getByText('“Phone” is ready.').waitFor();
  });

  /** Goes on with Tab until the element has the focus, and presses Enter. */
  async function pressUntilOn(role: 'button' | 'link', name: string | RegExp): Promise<void> {
    const wanted = page.getByRole(role, { name, exact: true });
    await wanted.waitFor();
    for (let n = 0; n < 60; n++) {
      await page.keyboard.press('Tab');
      if ((await wanted.and(page.locator(':focus')).count()) > 0) {
        await page.keyboard.press('Enter');
        return;
      }
    }
    throw new Error(`The focus never came to ${String(name)}.`);
  }

  it('tick the stops of the tour as they are done', async () => {
    await register(page);
    await page.locator('[data-tour-next]').getByText('Add an authenticator').waitFor();
    await enrolWithDemoPhone();
    await page.locator('[data-tour-next]').getByText('Sign in with a code').waitFor();
    await page.goto('/mail');
    await page.getByText('A new authenticator').waitFor();
    await page.goto('/');
    await page.getByText('2 of 6 done').waitFor();
    expect(await page.locator('.tour-stop-done h3 a').allTextContents()).toEqual([
      'Add an authenticator',
      'Read the events and the mails',
    ]);
    await page.getByRole('button', { name: 'Start the tour again' }).click();
    await page.getByText('0 of 6 done').waitFor();
  });
});

describe('the demo tools on the server', () => {
  const server = useServer();

  it('attack without scripts too, and lead back to the page', async () => {
    await server.ada.enrol('Phone');
    const attack = await server.ada.send(
      '/demo/attack',
      { kind: 'guesses' },
      { referer: `${server.keepsake.url}/vault` },
    );
    expect([attack.status, attack.headers.get('location')]).toEqual([303, '/vault']);
    expect(await (await server.ada.get('/security')).text()).toContain(
      '100 calls: 5 checked and wrong, 95 refused unchecked',
    );
  });

  it('lead nowhere else', async () => {
    const step = await server.ada.send('/demo/clock', { step: 'none' }, { referer: 'https://example.org/phish' });
    expect(step.headers.get('location')).toBe('/');
  });

  it('let nobody attack who has given only the password', async () => {
    await server.ada.enrol('Phone');
    const thief = await server.ada.elsewhere();
    const attack = await thief.send('/demo/attack', { kind: 'guesses' }, { accept: 'application/json' });
    expect(attack.status).toBe(403);
    expect(await (await thief.get('/code')).text()).not.toContain('/demo/attack');
  });

  it('show each session its own requests only', async () => {
    await server.ada.enrol('Phone');
    const thief = await server.ada.elsewhere();
    expect(await (await server.ada.get('/demo/requests')).text()).toContain('/security/add');
    expect(await (await thief.get('/demo/requests')).text()).toContain('None yet.');
    await thief.send('/code', { totp: '000000' });
    expect(await (await thief.get('/demo/requests')).text()).toContain('INVALID_TOTP_ERROR');
    expect(await (await server.ada.get('/demo/requests')).text()).not.toContain('INVALID_TOTP_ERROR');
  });

  it('leave passwords, keys and recovery codes out of the requests', async () => {
    const key = await server.ada.enrol('Phone');
    const codes = await (await server.ada.send('/security/recovery-codes')).text();
    const [code = ''] = /[0-9A-Z]{4}(?:-[0-9A-Z]{4}){5}/.exec(codes) ?? [];
    await server.ada.send('/code/recovery', { recoveryCode: code });
    const requests = await (await server.ada.get('/demo/requests')).text();
    expect(requests).toContain('TotpService.createRecoveryCodes()');
    expect(code).not.toBe('');
    for (const secret of [key, code]) expect(requests).not.toContain(secret);
  });

  it.each(['docs/security.md', 'example/demo/attack.ts', 'README.md', 'src/index.ts'])('show %s', async (file) => {
    const response = await server.ada.get(`/read/${file}`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('Back to the tour');
  });

  it.each([
    'package.json',
    '.npmrc',
    'docs/../package.json',
    'docs/%2e%2e/package.json',
    `docs${encodeURIComponent('/../../README')}.md`,
    'example/data/totp-keys.json',
    'example/data/session-secret',
    'docs/missing.md',
    'node_modules/eta/README.md',
  ])('do not show %s', async (file) => {
    expect((await server.ada.get(`/read/${file}`)).status).toBe(404);
  });
});
