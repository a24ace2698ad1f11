/** SuperTokens' pre-built React screens, unmodified, in a browser against an application with the option `superTokens`. */
import { randomUUID } from 'node:crypto';
import { totpCode } from 'nestjs-totp/testing';
import type { Browser, Page } from 'playwright-core';
import { describeInBrowser, launchBrowser, visit, type Visitor } from '../../example/browser.js';
import { startApplication, type TestApplication } from '../../support/application.js';
import { databases, type OpenDatabase } from '../../support/databases.js';
import { configure, options, PASSWORD, RoutesModule } from './application.js';
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

  it('DEBUG', async () => {
    page.on('console', (m) => process.stderr.write(`console ${m.text()}\n`));
    page.on('pageerror', (m) => process.stderr.write(`error ${String(m)}\n`));
    page.on('response', (m) => process.stderr.write(`${m.request().method()} ${m.url()} ${m.status()}\n`));
    page.setDefaultTimeout(8000);
    try {
      await signIn();
      await page.getByRole('heading').waitFor();
      process.stderr.write((await page.locator('body').innerText()) + '\n');
      await page.getByRole('button', { name: 'Add an authenticator' }).click();
      await page.waitForTimeout(1500);
    } finally {
      await page.screenshot({ path: '/tmp/shot.png' });
      process.stderr.write(page.url() + '\n' + (await page.locator('body').innerHTML()).slice(0, 300) + '\n');
    }
    expect(totpCode).toBeDefined();
  });
});
