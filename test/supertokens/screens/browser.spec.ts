/** SuperTokens' pre-built React screens, unmodified, in a browser against an application with the option `superTokens`. */
import { randomUUID } from 'node:crypto';
import { totpCode } from 'nestjs-totp/testing';
import jsqr from 'jsqr';
import type { Browser, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { describeInBrowser, launchBrowser, visit, type Visitor } from '../../example/browser.js';
import { startApplication, type TestApplication } from '../../support/application.js';
import { databases, type OpenDatabase } from '../../support/databases.js';
import { configure, issuer, options, PASSWORD, RoutesModule } from './application.js';
import { type FrontEnd, startFrontEnd } from './front-end.js';

describeInBrowser("the pre-built screens of SuperTokens' React package", () => {
  let database: OpenDatabase;
  let application: TestApplication;
  let frontEnd: FrontEnd;
  let browser: Browser;
  let visitor: Visitor;
  let page: Page;
  let email: string;

  beforeAll(async () => {
    [frontEnd, browser, database] = await Promise.all([startFrontEnd(), launchBrowser(), databases[0].open()]);
    application = await startApplication({
      database,
      options,
      imports: [RoutesModule],
      configure: configure(frontEnd.url),
    });
    frontEnd.callTo(application.url);
  });

  afterAll(async () => {
    await browser.close();
    await application.close();
    await frontEnd.close();
    await database.drop();
  });

  beforeEach(async () => {
    visitor = await visit(browser, frontEnd.url);
    page = visitor.page;
    email = `${randomUUID()}@example.com`;
  });

  afterEach(async () => {
    expect(visitor.faults).toEqual([]);
    await visitor.leave();
  });

  async function signIn(): Promise<void> {
    await page.goto('/auth');
    await page.locator('input[name=email]').fill(email);
    await page.locator('input[name=password]').fill(PASSWORD);
    await page.getByRole('button', { name: 'SIGN IN' }).click();
  }

  const isAtHome = () => page.getByRole('heading', { name: `Signed in as ${email}` }).waitFor();
  const button = (name: string) => page.getByRole('button', { name });
  const isAskedForCode = () => page.getByText('Enter TOTP', { exact: true }).waitFor();

  async function submit(code: string): Promise<void> {
    await page.locator('input[name=totp]').fill(code);
    await button('Continue').click();
  }

  /** What the QR code on the screen says. */
  async function scan(): Promise<URL> {
    const code = page.locator('[data-supertokens~=totpDeviceQR]');
    await code.waitFor();
    const { data, width, height } = PNG.sync.read(await code.screenshot());
    const found = jsqr.default(new Uint8ClampedArray(data), width, height);
    if (found === null) throw new Error('There is no QR code on the page.');
    return new URL(found.data);
  }

  /** Signs in with the password alone, and enrols. The code is used up, so the clock goes on to the next. */
  async function enrol(): Promise<{ code: () => string; wrongCode: () => string }> {
    await signIn();
    await isAtHome();
    await button('Add an authenticator').click();
    const keyUri = await scan();
    const code = (steps = 0) => totpCode(keyUri.href, application.clock.now() + steps * 30_000);
    await submit(code());
    await isAtHome();
    application.clock.advance(30);
    const near = () => [-2, -1, 0, 1, 2].map(code);
    const wrongCode = () =>
      ['000000', '111111', '222222', '333333', '444444', '555555'].find((one) => !near().includes(one)) ?? '';
    return { code, wrongCode };
  }

  async function signOut(): Promise<void> {
    await button('Sign out').click();
    await page.locator('input[name=email]').waitFor();
  }

  it('enrol a device by its QR code, and ask for a code at the next sign-in', async () => {
    const { code, wrongCode } = await enrol();
    await signOut();
    await signIn();
    await isAskedForCode();
    await submit(wrongCode());
    await page.getByText('Invalid TOTP. Please try again.').waitFor();
    await submit(code());
    await isAtHome();
  });

  it('enrol a device by its secret', async () => {
    await signIn();
    await isAtHome();
    await button('Add an authenticator').click();
    await button('secret key').click();
    const secret = await page.locator('[data-supertokens~=totpSecret]').innerText();
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    await submit(totpCode(secret, application.clock.now()));
    await isAtHome();
    expect(await application.totp.getStatus({ userId: email })).toMatchObject({ enrolled: true });
  });

  it('lead from the factor chooser to the code', async () => {
    const { code } = await enrol();
    await button('Choose a factor').click();
    await page.getByText('Please select a factor').waitFor();
    await page.locator('[data-supertokens~=factorChooserOption]').click();
    await isAskedForCode();
    await submit(code());
    await isAtHome();
  });

  it('ask for a code again where an action needs a recent one', async () => {
    const { code } = await enrol();
    await button('Pay').click();
    await page.getByText('Paid: 201').waitFor();
    application.clock.advance(301);
    await button('Pay').click();
    await isAskedForCode();
    await submit(code());
    await isAtHome();
    await button('Pay').click();
    await page.getByText('Paid: 201').waitFor();
  });

  it('still ask for the code after a reload, and at any other address of the application', async () => {
    const { code } = await enrol();
    await signOut();
    await signIn();
    await isAskedForCode();
    await page.reload();
    await isAskedForCode();
    await page.goto('/');
    await isAskedForCode();
    await submit(code());
    await isAtHome();
    await page.reload();
    await isAtHome();
  });

  it('say that the account is locked, and for how long', async () => {
    const { code, wrongCode } = await enrol();
    await signOut();
    await signIn();
    await isAskedForCode();
    for (let n = 1; n <= 5; n++) {
      const answer = page.waitForResponse('**/auth/totp/verify');
      await submit(wrongCode());
      await (await answer).finished();
    }
    await submit(wrongCode());
    await page.getByText('Account locked due to multiple failed login attempts.').waitFor();
    await page.getByText(/1[45]:\d\d/).waitFor();
    application.clock.advance(900);
    await page.reload();
    await isAskedForCode();
    await submit(code());
    await isAtHome();
  });

  it('say how many attempts are left, never more than there are, when a code was used already', async () => {
    const { code } = await enrol();
    await signOut();
    await signIn();
    await isAskedForCode();
    const used = code();
    await application.totp.verifyTOTP({ userId: email, totp: used });
    await submit(used);
    await page.getByText(/5\s*attempt\(s\) remaining/).waitFor();
  });

  it('sign a user out whose session ended on the server', async () => {
    await signIn();
    await isAtHome();
    await visitor.page.context().clearCookies({ name: 'connect.sid' });
    await button('Add an authenticator').click();
    await page.locator('input[name=email]').waitFor();
  });

  it('refresh a session, and go on, when the time in its front token is over', async () => {
    await signIn();
    await isAtHome();
    await page.clock.install();
    await page.clock.fastForward('02:00:00');
    const refreshed = page.waitForResponse((response) => response.url().endsWith('/auth/session/refresh'));
    await button('Add an authenticator').click();
    expect((await refreshed).status()).toBe(200);
    await scan();
  });

  it.each(['A & B', 'Acme #1', 'Ä/ö + 50 %?'])('show the issuer %s to the authenticator', async (name) => {
    issuer.name = name;
    try {
      await signIn();
      await isAtHome();
      await button('Add an authenticator').click();
      const keyUri = await scan();
      expect(keyUri.searchParams.get('issuer')).toBe(name);
      await submit(totpCode(keyUri.href, application.clock.now()));
      await isAtHome();
    } finally {
      issuer.name = 'Acme';
    }
  });

  it('fit a narrow phone', async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    await signIn();
    await isAtHome();
    await button('Add an authenticator').click();
    await scan();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
  });
});
