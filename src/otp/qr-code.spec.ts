import jsqr from 'jsqr';
import { keyUri } from './key-uri.js';
import { qrCodeImage as draw } from './qr-code.js';
import { newSecret, toBase32 } from './secret.js';

const PIXELS_PER_MODULE = 4;
const WIDTH = 232;
const qrCodeImage = (text: string) => draw(text, WIDTH);

/** Draws the SVG of a QR code, dark on white, and reads it with another library: the text, and the size from 1 to 40. */
function readPicture(dataUrl: string | undefined): { readonly text: string; readonly version: number } | undefined {
  const [, base64 = ''] = /^data:image\/svg\+xml;base64,([A-Za-z0-9+/]+=*)$/.exec(dataUrl ?? '') ?? [];
  const svg = Buffer.from(base64, 'base64').toString();
  const modules = Number(/viewBox="0 0 (\d+) \1"/.exec(svg)?.[1]);
  const size = modules * PIXELS_PER_MODULE;
  const pixels = new Uint8ClampedArray(size * size * 4).fill(255);

  // The dark modules are drawn as horizontal strokes: M moves to the middle of a row, m moves on, h draws.
  const path = /stroke="#000000" d="([^"]+)"/.exec(svg)?.[1] ?? '';
  let [x, y] = [0, 0];
  for (const [, command, first = '', second] of path.matchAll(/([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?/g)) {
    if (command === 'M') [x, y] = [Number(first), Number(second)];
    if (command === 'm') [x, y] = [x + Number(first), y + Number(second)];
    if (command !== 'h') continue;
    for (let row = 0; row < PIXELS_PER_MODULE; row++) {
      const start = (Math.floor(y) * PIXELS_PER_MODULE + row) * size + x * PIXELS_PER_MODULE;
      for (let pixel = start; pixel < start + Number(first) * PIXELS_PER_MODULE; pixel++) {
        pixels.fill(0, pixel * 4, pixel * 4 + 3);
      }
    }
    x += Number(first);
  }
  const found = jsqr.default(pixels, size, size);
  return found ? { text: found.data, version: found.version } : undefined;
}

describe('U3: the QR code, read by another library,', () => {
  const settings = { secret: toBase32(newSecret()), algorithm: 'SHA1', digits: 6, period: 30 } as const;

  it.each([
    ['of a usual user', 'Acme', 'ann@example.com'],
    ['of an issuer and an account in any script', 'Ünïcode & Söhne 株式会社', 'Анна+test@example.com'],
    ['of long names', 'A'.repeat(64), 'b'.repeat(254)],
  ])('U3: is the key URI %s', async (_, issuer, account) => {
    const uri = keyUri({ ...settings, issuer, account });
    expect(readPicture(await qrCodeImage(uri))?.text).toBe(uri);
  });

  it.each([100, WIDTH])('has a size of its own, so that pages need not give it one: %i pixels', async (width) => {
    const [, base64 = ''] = (await draw('otpauth://totp/x?secret=AAAA', width))?.split(',') ?? [];
    expect(Buffer.from(base64, 'base64').toString()).toMatch(
      new RegExp(`^<svg [^>]*width="${width}" height="${width}"`),
    );
  });

  it('is the text as far as a QR code holds it, and then there is none', async () => {
    const text = 'x'.repeat(2953);
    expect(readPicture(await qrCodeImage(text))?.text).toBe(text);
    expect(await qrCodeImage('x'.repeat(2954))).toBeUndefined();
    expect(await qrCodeImage('ä'.repeat(1477))).toBeUndefined();
  });

  it('can be read with 15 % of it damaged where there is room for that, and with 7 % beyond (ISO/IEC 18004 table 7)', async () => {
    const versionOf = async (length: number) => readPicture(await qrCodeImage('x'.repeat(length)))?.version;
    expect([await versionOf(2331), await versionOf(2332)]).toEqual([40, 36]);
    expect(await versionOf(106)).toBe(6);
  });
});
