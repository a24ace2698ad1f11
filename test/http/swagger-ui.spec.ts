/** Swagger UI, as `@nestjs/swagger` serves it, in a browser: every route can be called from the page. */
import { randomUUID } from 'node:crypto';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { totpCode } from 'nestjs-totp/testing';
import type { Browser, Page } from 'playwright-core';
import { describeInBrowser, launchBrowser, visit, type Visitor } from '../example/browser.js';
import { platforms } from '../support/application.js';
import { useApplication } from '../support/client.js';

interface Called {
  readonly status: string;
  readonly body: Record<string, unknown>;
}

/** Calls a route from its block on the page: with the body of its example, or another one. */
async function call(page: Page, operationId: string, body?: object): Promise<Called> {
  const block = page.locator(`[id$="-${operationId}"].opblock`);
  if (!(await block.getByRole('button', { name: 'Execute' }).isVisible())) {
    if (!(await block.locator('.opblock-body').isVisible())) await block.locator('.opblock-summary-control').click();
    await block.getByRole('button', { name: 'Try it out' }).click();
  }
  if (body !== undefined) await block.locator('textarea').fill(JSON.stringify(body));
  const answered = page.waitForResponse((response) => response.url().includes('/totp/'));
  await block.getByRole('button', { name: 'Execute' }).click();
  await answered;
  const live = block.locator('.live-responses-table');
  const shown = live.locator('.highlight-code').first();
  await shown.waitFor();
  return {
    status: (await live.locator('.response-col_status').nth(1).innerText()).split('\n')[0] ?? '',
    body: (await (await answered).json()) as Record<string, unknown>,
  };
}

describeInBrowser('Swagger UI', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  describe.each(platforms)('on %s', (platform) => {
    const application = useApplication({
      platform,
      options: { trustedBrowsers: { days: 30 } },
      configure: (app) => {
        const document = SwaggerModule.createDocument(app, new DocumentBuilder().setTitle('Acme').build());
        SwaggerModule.setup('docs', app, document);
      },
    });
    let ann: Visitor;

    beforeEach(async () => {
      ann = await visit(browser, application().url, {
        extraHTTPHeaders: { 'x-user': randomUUID(), 'x-session': randomUUID() },
      });
      await ann.page.goto('/docs');
      await ann.page.getByText('Create a device').waitFor();
    });
    afterEach(async () => {
      expect(ann.faults).toEqual([]);
      await ann.leave();
    });

    it('enrols an authenticator, and calls every route', async () => {
      const { page } = ann;
      const created = await call(page, 'totpCreateDevice');
      expect(created).toMatchObject({ status: '200', body: { status: 'OK', deviceName: 'TOTP Device 0' } });
      const code = (stepsAway: number) =>
        totpCode(String(created.body.qrCodeString), application().clock.now() + stepsAway * 30_000);
      const device = { deviceName: 'TOTP Device 0', totp: code(0) };
      expect(await call(page, 'totpVerifyDevice', device)).toMatchObject({ status: '200', body: { status: 'OK' } });
      // The examples of the other bodies are right as they are, but for the code.
      expect(await call(page, 'totpVerifyCode')).toMatchObject({ body: { status: 'INVALID_TOTP_ERROR' } });
      expect(await call(page, 'totpVerifyCode', { totp: code(1), trustBrowser: true })).toMatchObject({
        body: { status: 'OK' },
      });
      const others = [
        'totpListDevices',
        'totpCreateRecoveryCodes',
        'totpCountRecoveryCodes',
        'totpVerifyRecoveryCode',
        'totpListTrustedBrowsers',
        'totpForgetTrustedBrowsers',
        'totpRenameDevice',
        'totpRemoveDevice',
      ];
      const answers = new Map<string, unknown>();
      for (const operationId of others) {
        const { status, body } = await call(page, operationId);
        answers.set(operationId, [status, body.status]);
      }
      expect(Object.fromEntries(answers)).toEqual({
        totpListDevices: ['200', 'OK'],
        totpCreateRecoveryCodes: ['200', 'OK'],
        totpCountRecoveryCodes: ['200', 'OK'],
        totpVerifyRecoveryCode: ['200', 'INVALID_RECOVERY_CODE_ERROR'],
        totpListTrustedBrowsers: ['200', 'OK'],
        totpForgetTrustedBrowsers: ['200', 'OK'],
        totpRenameDevice: ['200', 'OK'],
        totpRemoveDevice: ['200', 'OK'],
      });
    });
  });
});
