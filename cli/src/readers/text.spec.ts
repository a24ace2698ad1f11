import { constants } from 'node:buffer';
import { TotpArgumentError } from 'nestjs-totp';
import { filledLines, textOf } from './text.js';

describe('a file', () => {
  it.each([
    ['UTF-8', Buffer.from('ä📱')],
    ['UTF-8 with a byte order mark', Buffer.from('\uFEFFä📱')],
  ])('is text when it is %s', (_, bytes) => {
    expect(textOf(bytes)).toBe('ä📱');
  });

  it.each([
    ['Latin-1', Buffer.from('ä', 'latin1')],
    ['UTF-16 with a byte order mark', Buffer.from('\uFEFFann', 'utf16le')],
    ['a picture', Buffer.from('89504e470d0a1a0a', 'hex')],
  ])('is refused when it is %s', (_, bytes) => {
    expect(() => textOf(bytes)).toThrow(TotpArgumentError);
    expect(() => textOf(bytes)).toThrow('save it as UTF-8');
  });
});

it('a file that is too long for a text is refused as that', () => {
  expect(() => textOf(Buffer.alloc(constants.MAX_STRING_LENGTH + 1))).toThrow('too long');
});

it('lines are those of every system, numbered as an editor does', () => {
  expect(Array.from(filledLines('\uFEFFa\n\n b \r\nc\rd'), ({ number, text }) => [number, text])).toEqual([
    [1, 'a'],
    [3, 'b'],
    [4, 'c'],
    [5, 'd'],
  ]);
});
