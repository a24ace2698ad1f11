/** The example in a browser that runs no scripts, or has not loaded them yet. */
import { type Page } from 'playwright-core';
import { describeInBrowser } from './browser.js';
import {
  addAuthenticator,
  confirm,
  confirmed,
  enterCode,
  PASSWORD,
  register,
  saveCodes,
  signIn,
  signOut,
} from './people.js';
import { useExample } from './use-example.js';

describeInBrowser('the example without scripts', () => {
  const example = useExample({ javaScriptEnabled: false });
  let page: Page;

  beforeEach(() => {
    page = example.ada.page;
  });

  afterEach(() => {
    expect(example.ada.addresses.filter((address) => /[0-9]{6}|[A-Z2-7]{16}|password=/.test(address))).toEqual([]);
  });

  const row = (name: string) => page.locator('[data-devices] > li').filter({ hasText: name });

  async function enrol(name: string) {
    const authenticator = await addAuthenticator(page, name);
    await confirmed(page, name, authenticator.code(example.keepsake.clock.now()));
    return authenticator;
  }

  it('enrols an authenticator, and says on the way that a code is wrong', async () => {
    await register(page);
    const phone = await addAuthenticator(page, 'Phone');
    await confirm(page, phone.wrongCode(example.keepsake.clock.now()));
    await page.getByText('You have 4 tries left.').waitFor();
    // The page is one that a reload does not send again: a reload must not cost a try.
    await page.reload();
    await row('Phone').locator('summary', { hasText: 'Confirm' }).click();
    await row('Phone').getByLabel('Code from your authenticator app').fill(phone.code(example.keepsake.clock.now()));
    await row('Phone').getByRole('button', { name: 'Verify' }).click();
    await saveCodes(page, 'Phone');
  });

  it('signs in with a password and a code, and leads to the page that was wanted', async () => {
    const email = await register(page);
    const phone = await enrol('Phone');
    await signOut(page);
    await page.goto('/vault');
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    expect(new URL(page.url()).pathname).toBe('/code');

    await page.getByLabel('Code from your authenticator app').fill(phone.wrongCode(example.keepsake.clock.now()));
    await page.getByLabel('Code from your authenticator app').press('Enter');
    await page.getByText('You have 4 tries left.').waitFor();
    const code = phone.code(example.keepsake.clock.now() + 30_000);
    await page.getByLabel('Code from your authenticator app').fill(code);
    await page.getByLabel('Code from your authenticator app').press('Enter');
    await page.waitForURL('**/vault');
    await page.getByText('Open', { exact: true }).waitFor();
  });

  it('shows how long a lock lasts, and takes the right code afterwards', async () => {
    const email = await register(page);
    const phone = await enrol('Phone');
    await signOut(page);
    await signIn(page, email);
    for (let attempt = 0; attempt < 5; attempt++) await enterCode(page, phone.wrongCode(example.keepsake.clock.now()));
    await page.getByText('You can try again in 15 minutes.').waitFor();
    expect(await page.getByRole('button', { name: 'Verify' }).isVisible()).toBe(false);

    example.keepsake.clock.advance(15 * 60);
    await page.getByRole('link', { name: 'Check again' }).click();
    await enterCode(page, phone.code(example.keepsake.clock.now()));
    await page.waitForURL('**/security');
  });

  it('renames and removes authenticators', async () => {
    await register(page);
    await enrol('Phone');
    await row('Phone').locator('summary', { hasText: 'Rename' }).click();
    await row('Phone').getByLabel('New name').fill('');
    await row('Phone').getByRole('button', { name: 'Save' }).click();
    await page.getByText('Enter a name.').waitFor();
    expect(await page.getByLabel('New name').getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('New name').fill('Old phone');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-message]').getByText('“Phone” is now called “Old phone”.').waitFor();

    await row('Old phone').locator('summary', { hasText: 'Remove' }).click();
    await page.getByText('It is your last authenticator.').waitFor();
    await row('Old phone').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('You have none yet.').waitFor();
  });

  it('asks for a fresh code before a change, and then makes the change', async () => {
    await register(page);
    const phone = await enrol('Phone');
    example.keepsake.clock.advance(21 * 60);
    await row('Phone').locator('summary', { hasText: 'Remove' }).click();
    await row('Phone').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('You want to remove “Phone”.').waitFor();
    await enterCode(page, phone.wrongCode(example.keepsake.clock.now()));
    await page.getByText('You have 4 tries left.').waitFor();
    await enterCode(page, phone.code(example.keepsake.clock.now()));
    await page.locator('[data-message]').getByText('“Phone” was removed.').waitFor();
  });

  it('asks for a fresh code before another authenticator is confirmed, and then for that of the new one', async () => {
    await register(page);
    const phone = await enrol('Phone');
    example.keepsake.clock.advance(60);
    const tablet = await addAuthenticator(page, 'Tablet');
    example.keepsake.clock.advance(21 * 60);
    await confirm(page, tablet.code(example.keepsake.clock.now()));
    await page.getByText('You want to confirm “Tablet”.').waitFor();
    await enterCode(page, phone.code(example.keepsake.clock.now()));
    await page.getByText('Now enter the code that “Tablet” shows.').waitFor();
    await page
      .getByLabel('Code from your authenticator app')
      .and(page.locator(':focus'))
      .fill(tablet.code(example.keepsake.clock.now()));
    await page.keyboard.press('Enter');
    await page.getByText('“Tablet” is ready.').waitFor();
  });

  it('leads nowhere else, whatever the form says', async () => {
    const email = await register(page);
    const phone = await enrol('Phone');
    await signOut(page);
    await signIn(page, email);
    example.keepsake.clock.advance(30);
    const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
    const answer = await fetch(`${example.keepsake.url}/code`, {
      method: 'POST',
      headers: { origin: example.keepsake.url, cookie },
      body: new URLSearchParams({ totp: phone.code(example.keepsake.clock.now()), next: 'https://example.org/' }),
      redirect: 'manual',
    });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/security']);
  });

  it.each(['/code', '/security/add', '/security/confirm', '/security/rename', '/security/remove', '/sign-out'])(
    'takes the form of %s from its own pages only',
    async (path) => {
      await register(page);
      const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
      const send = (headers: Record<string, string>) =>
        fetch(example.keepsake.url + path, {
          method: 'POST',
          headers: { ...headers, cookie },
          body: new URLSearchParams({ deviceName: 'Phone', newDeviceName: 'Tablet', totp: '123456' }),
          redirect: 'manual',
        });
      expect((await send({ origin: 'https://example.org' })).status).toBe(403);
      expect((await send({})).status).toBe(403);
      expect((await send({ origin: example.keepsake.url })).status).toBeLessThan(400);
    },
  );

  it('has no form and no button that only a script could serve', async () => {
    const email = await register(page);
    const pages = ['/security'];
    for (const address of pages) await expectForms(address);
    const phone = await addAuthenticator(page, 'Phone');
    await expectForms();
    await confirm(page, phone.code(example.keepsake.clock.now()));
    await expectForms();
    await signOut(page);
    await expectForms();
    await expectForms('/register');
    await signIn(page, email);
    await expectForms();

    async function expectForms(address?: string): Promise<void> {
      if (address !== undefined) await page.goto(address);
      // Scripts fill templates.
      const html = (await page.content()).replaceAll(/<template.*?<\/template>/gs, '');
      const forms = [...html.matchAll(/<form\b[^>]*>/g)].map(([tag]) => tag);
      expect(forms.length).toBeGreaterThan(0);
      expect(forms.filter((tag) => !/method="post" action="\/[a-z]| hidden/.test(tag))).toEqual([]);
      const buttons = [...html.matchAll(/<button type="button"[^>]*>/g)].map(([tag]) => tag);
      expect(buttons.filter((tag) => !tag.includes(' hidden'))).toEqual([]);
    }
  });
});
