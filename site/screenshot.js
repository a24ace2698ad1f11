/**
 * Photographs the example for the README: starts it with an empty data folder, creates an account, adds an authenticator, guesses 100 codes
 * at once, and writes the page to docs/images/, light and dark. Run it with `npm run docs:screenshot`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const PROJECT = join(import.meta.dirname, '..');
const IMAGES = join(PROJECT, 'docs', 'images');
const WIDTH = 1040;
const MARGIN = 32;
const CHROMIUM = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);

const data = mkdtempSync(join(tmpdir(), 'totp-screenshot-'));
const example = spawn(process.execPath, ['example/dist/main.js'], {
  cwd: PROJECT,
  env: { ...process.env, PORT: '0', EXAMPLE_DATA: data, DATABASE_URL: '', EXAMPLE_BROKER: '' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const url = await addressOf(example);
  mkdirSync(IMAGES, { recursive: true });
  const browser = await chromium.launch({
    ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
    ],
  });
  try {
    for (const [colorScheme, email] of [
      ['light', 'ada@example.com'],
      ['dark', 'ada@example.org'],
    ]) {
      await photograph(browser, url, colorScheme, email);
    }
  } finally {
    await browser.close();
  }
} finally {
  example.kill();
  await once(example, 'exit');
  rmSync(data, { recursive: true });
}

async function photograph(browser, url, colorScheme, email) {
  const context = await browser.newContext({
    baseURL: url,
    colorScheme,
    viewport: { width: WIDTH, height: 900 },
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto('/register');
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.waitForURL('**/security');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('button', { name: 'Scan the QR code' }).click();
  await page.locator('.phone-digits').click();
  await page.getByRole('link', { name: 'I have saved them' }).click();
  await page.locator('.tool > summary', { hasText: 'Clock' }).click();
  await page.locator('.tool > summary', { hasText: 'Attack' }).click();
  await page.getByRole('button', { name: 'Guess 100 codes' }).click();
  await page.getByText('100 calls:').waitFor();
  await page.getByRole('timer').waitFor();
  await page.evaluate('document.activeElement.blur()');
  const { y, height } = await page.getByRole('complementary', { name: 'Demo tools' }).boundingBox();
  await page.screenshot({
    path: join(IMAGES, `attack-${colorScheme}.png`),
    animations: 'disabled',
    fullPage: true,
    clip: { x: 0, y: 0, width: WIDTH, height: y + height + MARGIN },
  });
  await context.close();
}

/** The example prints it once it listens. */
async function addressOf(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    const [address] = /http:\S+/.exec(line) ?? [];
    if (address !== undefined) return address;
  }
  throw new Error('The example ended before it listened.');
}
