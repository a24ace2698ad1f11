/** What people do with the pages of the example. */
import { randomBytes } from 'node:crypto';
import { type Locator, type Page } from 'playwright-core';
import { Authenticator } from './authenticator.js';

export const PASSWORD = 'correct horse battery';

/** Ends on the security page. Returns the e-mail address. */
export async function register(page: Page): Promise<string> {
  const email = `ada-${randomBytes(4).toString('hex')}@example.com`;
  await page.goto('/register');
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.waitForURL('**/security');
  return email;
}

/** The password step: ends on whatever page comes next. */
export async function signIn(page: Page, email: string): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((url) => url.pathname !== '/sign-in');
}

export async function signOut(page: Page): Promise<void> {
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are signed out.').waitFor();
}

/** Adds an authenticator and scans its QR code, and leaves it to be confirmed. */
export async function addAuthenticator(page: Page, name: string): Promise<Authenticator> {
  await page.getByRole('textbox', { name: 'Name (optional)' }).fill(name);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  return Authenticator.scan(page);
}

export async function confirm(page: Page, code: string): Promise<void> {
  const form = page.getByRole('region', { name: /^Set up/ });
  const field = form.getByLabel('Code from your authenticator app');
  if (!(await field.isVisible())) await form.locator('summary', { hasText: 'Enter the code' }).click();
  await send(field, form.getByRole('button', { name: 'Verify' }), code);
}

/** Confirms an authenticator. With the first one, the recovery codes come next, which are saved. */
export async function confirmed(page: Page, name: string, code: string): Promise<void> {
  await confirm(page, code);
  await saveCodes(page, name);
}

/** After an authenticator was confirmed. @returns the recovery codes, if they were shown */
export async function saveCodes(page: Page, name: string): Promise<string[]> {
  const saved = page.getByRole('link', { name: 'I have saved them' });
  const ready = page.getByText(`“${name}” is ready.`);
  await saved.or(ready).waitFor();
  const codes = await page.locator('[data-codes] code').allTextContents();
  if (await saved.isVisible()) await saved.click();
  await ready.waitFor();
  return codes;
}

/** On the page after the password. Ends on the page that answers. */
export async function enterCode(page: Page, code: string): Promise<void> {
  // Of an earlier page, where a test goes on before it is there.
  await page.waitForLoadState();
  const answer = page.waitForEvent('load');
  await send(page.getByLabel('Code from your authenticator app'), page.getByRole('button', { name: 'Verify' }), code);
  await answer;
}

/** With scripts, the sixth digit sends the form; anything else takes the button. */
async function send(field: Locator, button: Locator, code: string): Promise<void> {
  // The scripts have run when the page is loaded.
  await field.page().waitForLoadState();
  const sendsItself = /^[0-9]{6}$/.test(code) && (await field.page().locator('html[data-scripts]').count()) > 0;
  await field.fill(code);
  if (!sendsItself) await button.click();
}

/** The names of the events that the page shows, newest first. */
export async function eventNames(page: Page): Promise<string[]> {
  return page.locator('[data-events] code').allTextContents();
}
