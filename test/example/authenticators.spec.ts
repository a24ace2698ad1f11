import { describeInBrowser, visit } from './browser.js';
import { addAuthenticator, confirm, confirmed, enterCode, eventNames, register, signIn, signOut } from './people.js';
import { useExample } from './use-example.js';

describeInBrowser('the example: authenticators', () => {
  const example = useExample();

  it('enrols from the QR code on the screen', async () => {
    const { page } = example.ada;
    const email = await register(page);
    await page.getByText('You have none yet.').waitFor();

    const phone = await addAuthenticator(page, 'Phone');
    expect(decodeURIComponent(phone.keyUri.href)).toContain(`otpauth://totp/Keepsake:${email}?`);
    const groups = await page.locator('[data-key] span').allTextContents();
    expect(groups).toHaveLength(8);
    expect(groups.join('')).toBe(phone.secret);

    await confirmed(page, 'Phone', phone.code(example.keepsake.clock.now()));
    await row('Phone').getByText('Added on').waitFor();
    expect(await page.locator('[data-key]').count()).toBe(0);
    await expectEvents(['totp.recovery-codes.created', 'totp.device.verified', 'totp.device.created']);
  });

  it('says that a code is wrong, and takes the right one afterwards', async () => {
    const { page } = example.ada;
    await register(page);
    const phone = await addAuthenticator(page, 'Phone');
    await confirm(page, 'abc');
    await page.getByText('Enter the six digits').waitFor();
    await confirm(page, phone.wrongCode(example.keepsake.clock.now()));
    await page.getByText('You have 4 tries left.').waitFor();
    await confirmed(page, 'Phone', phone.code(example.keepsake.clock.now()));
    await expectEvents([
      'totp.recovery-codes.created',
      'totp.device.verified',
      'totp.code.rejected',
      'totp.device.created',
    ]);
  });

  it('signs in with a code, and not with the one that enrolled', async () => {
    const { page } = example.ada;
    const { clock } = example.keepsake;
    const email = await register(page);
    const phone = await enrol('Phone');
    const used = phone.code(clock.now());
    await signOut(page);
    await signIn(page, email);
    await enterCode(page, used);
    await page.getByText('This code is wrong, or was used before. You have 5 tries left.').waitFor();

    await enterCode(page, phone.code(clock.now() + 30_000));
    await page.waitForURL('**/security');
    await expectEvents([
      'totp.code.accepted',
      'totp.code.replayed',
      'totp.recovery-codes.created',
      'totp.device.verified',
      'totp.device.created',
    ]);
  });

  it('opens the vault with a code only', async () => {
    const { page } = example.ada;
    const { clock } = example.keepsake;
    await register(page);
    await page.goto('/vault');
    await page.getByText('Closed').waitFor();

    await page.goto('/security');
    const phone = await enrol('Phone');
    await page.goto('/vault');
    await page.getByText('Open', { exact: true }).waitFor();

    clock.advance(21 * 60);
    await page.goto('/vault');
    expect(new URL(page.url()).pathname).toBe('/code');
    await enterCode(page, phone.code(clock.now()));
    await page.waitForURL('**/vault');
  });

  it('asks for a fresh code before it changes an authenticator, and then goes on', async () => {
    const { page } = example.ada;
    const { clock } = example.keepsake;
    await register(page);
    const phone = await enrol('Phone');
    clock.advance(21 * 60);

    await rename('Phone', 'Old phone');
    await page.getByRole('heading', { name: 'Enter a code to continue' }).waitFor();
    await page.getByText('You want to rename “Phone”.').waitFor();
    await enterCode(page, phone.wrongCode(clock.now()));
    await page.getByText('4 tries left.').waitFor();
    await enterCode(page, phone.code(clock.now()));
    await page.getByText('“Phone” is now called “Old phone”.', { exact: true }).first().waitFor();
    await row('Old phone').waitFor();
    await expectEvents([
      'totp.device.renamed',
      'totp.code.accepted',
      'totp.code.rejected',
      'totp.recovery-codes.created',
      'totp.device.verified',
      'totp.device.created',
    ]);
  });

  it('leaves everything as it is when the fresh code is called off', async () => {
    const { page } = example.ada;
    await register(page);
    await enrol('Phone');
    example.keepsake.clock.advance(21 * 60);
    await rename('Phone', 'Old phone');
    await page.getByRole('link', { name: 'Cancel' }).click();
    await row('Phone').getByText('Added on').waitFor();
  });

  it('does not give two authenticators one name', async () => {
    const { page } = example.ada;
    await register(page);
    await enrol('Phone');
    example.keepsake.clock.advance(60);
    await enrol('Tablet');
    await rename('Tablet', 'Phone');
    await page.getByText('Another authenticator has this name.').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('textbox', { name: 'Name (optional)' }).fill('Phone');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText('You have an authenticator with this name.').waitFor();
  });

  it('removes one after asking, and no code is asked for after the last', async () => {
    const { page } = example.ada;
    const email = await register(page);
    await enrol('Phone');
    await open('Phone', 'Remove');
    await row('Phone').getByRole('button', { name: 'Keep it' }).click();
    await row('Phone').getByText('It is your last authenticator.').waitFor({ state: 'hidden' });
    await open('Phone', 'Remove');
    await row('Phone').getByText('It is your last authenticator.').waitFor();
    await row('Phone').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('You have none yet.').waitFor();
    await expectEvents([
      'totp.device.removed',
      'totp.recovery-codes.created',
      'totp.device.verified',
      'totp.device.created',
    ]);

    await signOut(page);
    await signIn(page, email);
    expect(new URL(page.url()).pathname).toBe('/security');
  });

  it('takes an unfinished one away when setting up is called off', async () => {
    const { page } = example.ada;
    await register(page);
    await addAuthenticator(page, 'Phone');
    await page
      .getByRole('region', { name: /^Set up/ })
      .getByRole('button', { name: 'Cancel' })
      .click();
    await page.getByText('You have none yet.').waitFor();
  });

  it('starts an unfinished one again with a new key', async () => {
    const { page } = example.ada;
    await register(page);
    const first = await addAuthenticator(page, 'Phone');
    await page.goto('/security');
    await row('Phone').getByRole('button', { name: 'Set up again' }).click();
    await page.getByRole('heading', { name: 'Set up “Phone”' }).waitFor();
    const groups = await page.locator('[data-key] span').allTextContents();
    expect(groups.join('')).toHaveLength(32);
    expect(groups.join('')).not.toBe(first.secret);
  });

  it('shows events as they happen elsewhere, again after a reload, and only to their user', async () => {
    const { page } = example.ada;
    const email = await register(page);
    await page.getByText('Live', { exact: true }).waitFor();
    const secondWindow = await visit(example.browser, example.keepsake.url);
    const stranger = await visit(example.browser, example.keepsake.url);
    await register(stranger.page);
    await stranger.page.getByText('Live', { exact: true }).waitFor();
    await signIn(secondWindow.page, email);
    await addAuthenticator(secondWindow.page, 'Phone');

    await page.getByText('“Phone” was added.').waitFor();
    await page.reload();
    await page.getByText('“Phone” was added.').waitFor();
    expect(await eventNames(page)).toEqual(['totp.device.created']);
    expect(await eventNames(stranger.page)).toEqual([]);
    await stranger.leave();
    await secondWindow.leave();
  });

  it('stops telling a window whose session was ended', async () => {
    const { page } = example.ada;
    await register(page);
    await page.getByText('Live', { exact: true }).waitFor();
    const other = await page.context().newPage();
    await other.goto('/security');
    await signOut(other);
    await page.getByText('Not live').waitFor();
  });

  const row = (name: string) => example.ada.page.locator('[data-devices] > li').filter({ hasText: name });

  /** Opens a form of the row. */
  async function open(name: string, form: 'Rename' | 'Remove'): Promise<void> {
    await row(name).locator('summary', { hasText: form }).click();
  }

  async function rename(from: string, to: string): Promise<void> {
    await open(from, 'Rename');
    const newName = row(from).getByLabel('New name');
    await newName.fill(to);
    await newName.press('Enter');
  }

  async function enrol(name: string) {
    const authenticator = await addAuthenticator(example.ada.page, name);
    await confirmed(example.ada.page, name, authenticator.code(example.keepsake.clock.now()));
    return authenticator;
  }

  /** Newest first; waits for the first of them. */
  async function expectEvents(names: string[]): Promise<void> {
    const newest = names[0] ?? '';
    await example.ada.page.locator('[data-events] > li').first().filter({ hasText: newest }).waitFor();
    expect(await eventNames(example.ada.page)).toEqual(names);
  }
});
