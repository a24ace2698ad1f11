import { TotpArgumentError } from 'nestjs-totp';
import { filledLines, wholeTextOf } from './text.js';

/** A file of these bytes. */
async function* fileOf(...pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* await Promise.resolve(pieces);
}

describe('a file', () => {
  it.each([
    ['UTF-8', Buffer.from('ä📱')],
    ['UTF-8 with a byte order mark', Buffer.from('\uFEFFä📱')],
  ])('is text when it is %s', async (_, bytes) => {
    expect(await wholeTextOf(fileOf(bytes))).toBe('ä📱');
  });

  it.each([
    ['Latin-1', Buffer.from('ä', 'latin1')],
    ['UTF-16 with a byte order mark', Buffer.from('\uFEFFann', 'utf16le')],
    ['a picture', Buffer.from('89504e470d0a1a0a', 'hex')],
  ])('is refused when it is %s', async (_, bytes) => {
    await expect(wholeTextOf(fileOf(bytes))).rejects.toThrow(TotpArgumentError);
    await expect(wholeTextOf(fileOf(bytes))).rejects.toThrow('save it as UTF-8');
  });
});

it('a file that is too long for a text is refused as that', async () => {
  const file = () => fileOf(Buffer.from('ab'), Buffer.from('cd'));
  expect(await wholeTextOf(file(), 4)).toBe('abcd');
  await expect(wholeTextOf(file(), 3)).rejects.toThrow('too long');
});

it('a file that ends in the middle of a character is refused', async () => {
  await expect(wholeTextOf(fileOf(Buffer.from('ä').subarray(0, 1)))).rejects.toThrow('save it as UTF-8');
});

it('lines are those of every system, numbered as an editor does', () => {
  expect(Array.from(filledLines('\uFEFFa\n\n b \r\nc\rd'), ({ number, text }) => [number, text])).toEqual([
    [1, 'a'],
    [3, 'b'],
    [4, 'c'],
    [5, 'd'],
  ]);
});
