/** An authenticator app: reads the QR code off the screen, and makes codes with a program that is not this library. */
import { execFileSync } from 'node:child_process';
import jsqr from 'jsqr';
import { type Page } from 'playwright-core';
import { PNG } from 'pngjs';

export class Authenticator {
  private constructor(readonly keyUri: URL) {}

  static async scan(page: Page): Promise<Authenticator> {
    const image = page.locator('[data-qr]');
    await image.waitFor();
    // The image is there when it has been decoded, not when it has its address; where no script runs, the page waits for it.
    await image.evaluate('(element) => element.decode()').catch(() => undefined);
    const { data, width, height } = PNG.sync.read(await image.screenshot());
    const found = jsqr.default(new Uint8ClampedArray(data), width, height);
    if (found === null) throw new Error('There is no QR code on the page.');
    return new Authenticator(new URL(found.data));
  }

  get secret(): string {
    return this.keyUri.searchParams.get('secret') ?? '';
  }

  /** The code at a time in epoch ms. */
  code(atMs: number): string {
    const args = ['--totp', '--base32', `--now=@${Math.floor(atMs / 1000)}`, this.secret];
    return execFileSync('oathtool', args, { encoding: 'utf8' }).trim();
  }

  /** Six digits that are not the code at the time, nor that of a step close to it. */
  wrongCode(atMs: number): string {
    const near = [-60, -30, 0, 30, 60].map((seconds) => this.code(atMs + seconds * 1000));
    const wrong = ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !near.includes(code));
    if (wrong === undefined) throw new Error('Every guess is a right code.');
    return wrong;
  }
}
