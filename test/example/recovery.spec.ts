import { supportPassword } from '../../example/support/support-password.js';
import { describeInBrowser, visit } from './browser.js';
import { addAuthenticator, confirm, confirmed, enterCode, register, saveCodes, signIn, signOut } from './people.js';
import { useExample } from './use-example.js';

describeInBrowser('the example: a lost phone, trusted browsers and the support desk', () => {
  const example = useExample();

  /** Ada has an account and an authenticator, and has saved her recovery codes. */
  async function enrol() {
    const { page } = example.ada;
    const email = await register(page);
    const phone = await addAuthenticator(page, 'Phone');
    await confirm(page, phone.code(example.keepsake.clock.now()));
    const codes = await saveCodes(page, 'Phone');
    example.keepsake.clock.advance(60);
    return { page, email, phone, codes };
  }

  async function enterRecoveryCode(code: string) {
    const { page } = example.ada;
    await page.getByRole('link', { name: 'Use a recovery code' }).click();
    await page.getByLabel('Recovery code').fill(code);
    await page.getByRole('button', { name: 'Continue' }).click();
  }

  async function wrongCodes(count: number) {
    const { page } = example.ada;
    for (let n = 0; n < count; n++) await enterCode(page, '000000');
  }

  it('shows the codes once, and gets a person in who lost the phone, removes it and adds another', async () => {
    const { page, email, codes } = await enrol();
    expect(codes).toHaveLength(8);
    await page.getByText('8 of 8 codes are left.').waitFor();

    await signOut(page);
    await signIn(page, email);
    await enterRecoveryCode('0000-0000');
    await page.getByText('This recovery code is wrong, or was used before.').waitFor();
    await page.getByLabel('Recovery code').fill((codes[0] ?? '').toLowerCase());
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('7 codes are left.').first().waitFor();

    await page.locator('summary', { hasText: 'Remove' }).click();
    await page.getByRole('form', { name: 'Remove “Phone”?' }).getByRole('button', { name: 'Remove' }).click();
    await page.getByText('“Phone” was removed.').first().waitFor();
    const tablet = await addAuthenticator(page, 'Tablet');
    await confirmed(page, 'Tablet', tablet.code(example.keepsake.clock.now()));
    await page.getByText('7 of 8 codes are left.').waitFor();
  });

  it('offers the codes as a text file, which has each of them', async () => {
    const { page } = example.ada;
    await register(page);
    const phone = await addAuthenticator(page, 'Phone');
    await confirm(page, phone.code(example.keepsake.clock.now()));
    const link = page.getByRole('link', { name: 'Download as text' });
    const text = decodeURIComponent((await link.getAttribute('href')) ?? '');
    for (const code of await page.locator('[data-codes] code').allTextContents()) expect(text).toContain(code);
    expect(await link.getAttribute('download')).toBe('keepsake-recovery-codes.txt');
    await saveCodes(page, 'Phone');
  });

  it('lets the owner in by a recovery code while somebody else has locked the account', async () => {
    const { page, email, codes } = await enrol();
    await signOut(page);
    await signIn(page, email);
    await wrongCodes(5);
    await page.getByText('Too many wrong codes.').first().waitFor();
    await enterRecoveryCode(codes[0] ?? '');
    await page.getByText('You signed in with a recovery code.').waitFor();
    await page.getByText('Unlocked by a recovery code.').first().waitFor();
  });

  it('asks a trusted browser for the password alone, also in a lock, until it is forgotten', async () => {
    const { page, email, phone } = await enrol();
    await signOut(page);
    await signIn(page, email);
    await page.getByLabel('Trust this browser for 30 days').check();
    await enterCode(page, phone.code(example.keepsake.clock.now()));
    await page.waitForURL('**/security');
    await signOut(page);

    const thief = await visit(example.browser, example.keepsake.url);
    await signIn(thief.page, email);
    for (let n = 0; n < 5; n++) await enterCode(thief.page, '000000');
    await thief.page.getByText('Too many wrong codes.').first().waitFor();
    await thief.leave();

    await signIn(page, email);
    await page.waitForURL('**/security');
    await page.getByText('Last used on', { exact: false }).and(page.locator('[data-browsers] p')).waitFor();
    example.keepsake.clock.advance(3_600);
    await page.getByRole('button', { name: /^Forget: / }).click();
    await page.getByText('that takes a fresh code.').waitFor();
    await enterCode(page, phone.code(example.keepsake.clock.now()));
    await page.getByText('The browser will ask for a code again.').waitFor();
    await signOut(page);
    await signIn(page, email);
    await page.getByLabel('Code from your authenticator app').waitFor();
  });

  it('makes new codes with a fresh code only, and the old ones stop working', async () => {
    const { page, email, phone, codes } = await enrol();
    example.keepsake.clock.advance(3_600);
    await page.getByRole('button', { name: 'Create new codes' }).click();
    await enterCode(page, phone.code(example.keepsake.clock.now()));
    await page.getByRole('heading', { name: 'Save your recovery codes' }).waitFor();
    await page.getByRole('link', { name: 'I have saved them' }).click();
    await page.getByText('The new codes replace the old ones.').waitFor();
    await signOut(page);
    await signIn(page, email);
    await enterRecoveryCode(codes[0] ?? '');
    await page.getByText('This recovery code is wrong, or was used before.').waitFor();
  });

  it('the support desk issues a temporary code with a reason, which signs in once', async () => {
    const { page, email } = await enrol();
    await signOut(page);
    const agent = await visit(example.browser, example.keepsake.url);
    await agent.page.goto('/support');
    await agent.page.getByLabel('Your name').fill('Grace');
    await agent.page.getByLabel('Password of the support desk').fill(supportPassword());
    await agent.page.getByRole('button', { name: 'Sign in' }).click();
    await agent.page.getByLabel('E-mail address').fill(email);
    await agent.page.getByRole('button', { name: 'Find' }).click();
    await agent.page.getByRole('button', { name: 'Issue a temporary code' }).click();
    await agent.page.getByText('Write the reason').or(agent.page.locator(':invalid').first()).first().waitFor();
    await agent.page.locator('#code-reason').fill('Case 4711');
    await agent.page.getByRole('button', { name: 'Issue a temporary code' }).click();
    const code = (await agent.page.locator('[data-temporary-code]').textContent()) ?? '';
    expect(agent.faults).toEqual([]);
    await agent.leave();

    await signIn(page, email);
    await enterRecoveryCode(code);
    await page.getByText('You signed in with a recovery code. 8 codes are left.').waitFor();
    await page.getByText('Support issued a temporary code. By “Grace”: “Case 4711”.').waitFor();
  });

  it('the support desk is closed to account holders, and to those without its password', async () => {
    const { page } = await enrol();
    await page.goto('/support');
    await page.waitForURL('**/support/sign-in');
    await page.getByLabel('Your name').fill('Mallory');
    await page.getByLabel('Password of the support desk').fill('guess');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The password is wrong.').waitFor();
  });
});
