/** Every page of the example in its states, checked by axe: wide and narrow, light and dark. */
import axe from 'axe-core';
import { type Page } from 'playwright-core';
import { supportPassword } from '../../example/support/support-password.js';
import { describeInBrowser, visit, type Visitor } from './browser.js';
import { addAuthenticator, confirm, enterCode, register, saveCodes, signIn, signOut } from './people.js';
import { useExample } from './use-example.js';

const LOOKS = [
  { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  { viewport: { width: 390, height: 844 }, colorScheme: 'light' },
  { viewport: { width: 320, height: 640 }, colorScheme: 'dark' },
] as const;

interface Finding {
  id: string;
  nodes: { html: string; failureSummary?: string }[];
}

describeInBrowser('the pages of the example', () => {
  const example = useExample();

  it.each(LOOKS)('have no fault that axe finds, and are no wider than the screen: %o', async (look) => {
    const { clock } = example.keepsake;
    const visitor: Visitor = await visit(example.browser, example.keepsake.url, { ...look, reducedMotion: 'reduce' });
    const { page } = visitor;
    const seen: string[] = [];

    async function lookAt(state: string): Promise<void> {
      seen.push(state);
      expect({ state, findings: await findings(page) }).toEqual({ state, findings: [] });
      const overflow = await page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect({ state, overflow }).toEqual({ state, overflow: 0 });
    }

    await page.goto('/');
    await lookAt('the tour');
    await page.goto('/register');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByText('Choose a password.').waitFor();
    await lookAt('registration with mistakes');
    const email = await register(page);
    await lookAt('an account without authenticators');
    await page.goto('/vault');
    await lookAt('the closed vault');
    await page.goto('/security');

    const phone = await addAuthenticator(page, 'Phone');
    await page.getByRole('button', { name: 'Scan the QR code' }).waitFor();
    await lookAt('the QR code');
    await page.locator('.key-details summary').click();
    await lookAt('the key');
    await confirm(page, phone.wrongCode(clock.now()));
    await page.getByText('4 tries left').waitFor();
    await lookAt('a wrong first code');
    await confirm(page, phone.code(clock.now()));
    await page.getByRole('link', { name: 'I have saved them' }).waitFor();
    await lookAt('the recovery codes');
    await saveCodes(page, 'Phone');
    await lookAt('an account with an authenticator');
    await page.locator('summary', { hasText: 'Rename' }).click();
    await lookAt('renaming');
    await page.locator('summary', { hasText: 'Remove' }).click();
    await lookAt('removing');
    await page.locator('.event summary').first().click();
    await page.locator('.tool > summary', { hasText: 'Requests' }).click();
    await page.locator('.requests summary').first().click();
    await lookAt('the JSON of events and requests');
    await page.goto('/vault');
    await lookAt('the open vault');
    await page.goto('/password');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('not your current password').waitFor();
    await lookAt('the password with a mistake');
    await page.goto('/mail');
    await page.getByRole('heading', { name: 'A new authenticator' }).waitFor();
    await lookAt('mails');

    clock.advance(21 * 60);
    await page.goto('/security');
    await page.getByRole('button', { name: 'Create new codes' }).click();
    await page.getByRole('heading', { name: 'Enter a code to continue' }).waitFor();
    await lookAt('a fresh code');
    await page.goto('/security');
    await page.locator('.tool > summary', { hasText: 'Attack' }).click();
    await page.getByRole('button', { name: 'Guess 100 codes' }).click();
    await page.getByText('100 calls:').waitFor();
    await page.getByRole('timer').waitFor();
    await lookAt('an attack and a lock');
    await signOut(page);
    await lookAt('signed out');
    await page.goto('/sign-in');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The e-mail address or the password is wrong.').waitFor();
    await lookAt('a wrong password');
    await signIn(page, email);
    await page.getByRole('timer').waitFor();
    await lookAt('a lock while signing in');
    await page.getByRole('link', { name: 'Use a recovery code' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('This recovery code is wrong').waitFor();
    await lookAt('a wrong recovery code');
    clock.advance(15 * 60);
    await page.goto('/code');
    await lookAt('the code');
    await enterCode(page, phone.wrongCode(clock.now()));
    await page.getByText('tries left').or(page.getByText('one try left')).waitFor();
    await lookAt('a wrong code');
    await page.goto('/missing');
    await lookAt('a missing page');
    await page.goto('/read/docs/security.md');
    await lookAt('the docs');
    await page.goto('/read/example/demo/attack.ts');
    await lookAt('the source');

    await page.goto('/support/sign-in');
    await lookAt('the support desk, signed out');
    await page.getByLabel('Your name').fill('Grace');
    await page.getByLabel('Password of the support desk').fill(supportPassword());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('E-mail address').fill(email);
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('heading', { name: email }).waitFor();
    await lookAt('the support desk');
    expect(seen.length).toBeGreaterThan(27);
    expect(visitor.faults).toEqual([]);
    await visitor.leave();
  });
});

/** What axe finds at all levels of WCAG 2.2 AA, and of its best practices. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate<Finding[]>('axe.run().then(({ violations }) => violations)');
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html}: ${node.failureSummary ?? ''}`),
  );
}
