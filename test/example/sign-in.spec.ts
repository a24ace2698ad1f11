import { describeInBrowser, PATIENCE, type Visitor } from './browser.js';
import { addAuthenticator, confirmed, enterCode, PASSWORD, register, signIn, signOut } from './people.js';
import { useExample } from './use-example.js';

describeInBrowser('the example: accounts and sessions', () => {
  const example = useExample();

  it('says what is wrong with a registration, and loses nothing that was typed', async () => {
    const { page } = example.ada;
    await page.goto('/register');
    await page.getByLabel('E-mail address').fill('ada@example.com');
    const password = page.getByLabel('Password', { exact: true });
    await password.fill('short');
    await page.getByRole('button', { name: 'Create account' }).click();

    await page.getByText('The password needs at least 10 characters. This one has 5.').waitFor();
    expect(await page.getByLabel('E-mail address').inputValue()).toBe('ada@example.com');
    expect(await password.inputValue()).toBe('short');
    expect(await password.getAttribute('aria-invalid')).toBe('true');
    await password.and(page.locator(':focus')).waitFor();
    expect(await page.getByLabel('E-mail address').getAttribute('aria-invalid')).toBeNull();
  });

  it('says the same without JavaScript, and keeps the address', async () => {
    const context = await example.browser.newContext({ baseURL: example.keepsake.url, javaScriptEnabled: false });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    await page.goto('/register');
    await page.fill('#email', 'ada@example.com');
    await page.fill('#password', 'password123');
    await page.getByRole('button', { name: 'Create account' }).click();

    await page.getByText('This password is one of the most common ones.').waitFor();
    expect(await page.inputValue('#email')).toBe('ada@example.com');
    await context.close();
  });

  it('refuses a second account with the same address, however it is typed', async () => {
    const { page } = example.ada;
    const email = await register(page);
    await signOut(page);
    await page.goto('/register');
    await page.getByLabel('E-mail address').fill(email.toUpperCase());
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Create account' }).click();

    await page.getByText('There is already an account with this address.').waitFor();
  });

  it('answers a wrong password and an unknown address alike', async () => {
    const { page } = example.ada;
    const email = await register(page);
    await signOut(page);
    for (const address of [email, 'nobody@example.com']) {
      await page.goto('/sign-in');
      await page.getByLabel('E-mail address').fill(address);
      await page.getByLabel('Password', { exact: true }).fill('not the password');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('The e-mail address or the password is wrong.').waitFor();
    }
  });

  it('shows the sign-in page to strangers, and afterwards the page they wanted', async () => {
    const { page } = example.ada;
    const email = await register(page);
    await signOut(page);
    await page.goto('/vault');
    expect(new URL(page.url()).pathname).toBe('/sign-in');
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();

    await page.waitForURL('**/vault');
  });

  it('never leads to another site after signing in', async () => {
    const { page } = example.ada;
    await page.goto('/sign-in?next=https%3A%2F%2Fexample.org');
    expect(await page.locator('input[name=next]').inputValue()).toBe('/security');
  });

  it('asks for a code after the password, and gives the session a new id at each step', async () => {
    const { page } = example.ada;
    const { clock } = example.keepsake;
    const email = await register(page);
    const phone = await addAuthenticator(page, 'Phone');
    await confirmed(page, 'Phone', phone.code(clock.now()));
    await signOut(page);

    await signIn(page, email);
    const withPassword = await sessionId(example.ada);
    expect(new URL(page.url()).pathname).toBe('/code');
    expect(await page.getByLabel('Code from your authenticator app').getAttribute('autocomplete')).toBe(
      'one-time-code',
    );
    await page.goto('/security');
    expect(new URL(page.url()).pathname).toBe('/code');

    clock.advance(30);
    await enterCode(page, phone.code(clock.now()));
    await page.waitForURL('**/security');
    const withCode = await sessionId(example.ada);
    expect(withCode).not.toBe(withPassword);

    const old = await fetch(`${example.keepsake.url}/totp/device/list`, {
      headers: { cookie: `keepsake=${withPassword}` },
    });
    expect(old.status).toBe(401);
  });

  it('ends the session when signing out', async () => {
    const { page } = example.ada;
    await register(page);
    const id = await sessionId(example.ada);
    await signOut(page);

    const list = await fetch(`${example.keepsake.url}/totp/device/list`, { headers: { cookie: `keepsake=${id}` } });
    expect(list.status).toBe(401);
    expect(await list.json()).toEqual({ message: 'unauthorised' });
  });

  it.each([
    ['of another site', { origin: 'https://example.org' }],
    ['that name no site', {}],
  ])('refuses changes by requests %s', async (_, headers) => {
    const { page } = example.ada;
    await register(page);
    const cookie = `keepsake=${await sessionId(example.ada)}`;
    const answer = await fetch(`${example.keepsake.url}/totp/device`, {
      method: 'POST',
      headers: { ...headers, cookie, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(answer.status).toBe(403);
  });

  it('lets browsers run nothing but its own scripts, and shows itself in no frame', async () => {
    const { headers } = await fetch(`${example.keepsake.url}/sign-in`);
    const policy = headers.get('content-security-policy');
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers.get('x-powered-by')).toBeNull();
  });

  async function sessionId(visitor: Visitor): Promise<string> {
    const cookies = await visitor.page.context().cookies();
    const cookie = cookies.find(({ name }) => name === 'keepsake');
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
    return cookie?.value ?? '';
  }
});
