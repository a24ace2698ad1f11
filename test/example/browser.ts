/** A browser for the tests of the example: Chromium as Debian packages it, Chrome, or what `CHROMIUM_PATH` names. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const executablePath =
  process.env.CHROMIUM_PATH ?? ['chromium', 'chromium-browser', 'google-chrome'].flatMap(onPath).at(0);

/** What the tests lack here; undefined when nothing. */
function missingForBrowserTests(): string | undefined {
  const missing = [
    executablePath === undefined ? ['Chromium (apt-get install chromium, or set CHROMIUM_PATH)'] : [],
    onPath('oathtool').length === 0 ? ['oathtool (apt-get install oathtool)'] : [],
  ].flat();
  return missing.length === 0 ? undefined : missing.join(' and ');
}

/** `describe`, or its skipping form with one plain line where something is missing; with TOTP_TEST_REQUIRE_ALL=1 that fails. */
export function describeInBrowser(name: string, tests: () => void): void {
  const missing = missingForBrowserTests();
  if (missing === undefined) {
    describe(name, tests);
    return;
  }
  const message = `The tests of the example in a browser need ${missing}.`;
  if (process.env.TOTP_TEST_REQUIRE_ALL === '1') {
    it(name, () => {
      throw new Error(message);
    });
    return;
  }
  process.stderr.write(`${message}\n`);
  describe.skip(name, tests);
}

/** In ms: what does not come in this time never does, on a busy machine either. */
export const PATIENCE = 120_000;

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    timeout: PATIENCE,
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

export interface Visitor {
  page: Page;
  /** What went wrong in the page by itself: exceptions, and whatever the content security policy refused. */
  faults: string[];
  /** Every address that the page had. */
  addresses: string[];
  leave: () => Promise<void>;
}

/** Somebody with a browser of their own: no cookies yet. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ ...options, baseURL: url });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const faults: string[] = [];
  const addresses: string[] = [];
  page.on('framenavigated', (frame) => addresses.push(frame.url()));
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) faults.push(message.text());
  });
  return { page, faults, addresses, leave: () => context.close() };
}

function onPath(program: string): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).filter((file) => existsSync(file));
}
