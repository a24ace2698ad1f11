import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { codeOfStep } from './code.js';
import { fromBase32, type HmacSecret, isSameKey, isSecret, MIN_SECRET_BYTES, newSecret, toBase32 } from './secret.js';
import { ALGORITHMS } from './settings.js';

describe('a new secret', () => {
  it('C4: is 160 bit long, and never the same', () => {
    const secrets = Array.from({ length: 1_000 }, newSecret);
    expect(secrets.every((secret) => secret.length === 20)).toBe(true);
    expect(new Set(secrets.map(toBase32)).size).toBe(1_000);
    expect(MIN_SECRET_BYTES * 8).toBe(128);
  });

  it('U2: is written in upper-case Base32 without padding', () => {
    for (let time = 0; time < 100; time++) expect(toBase32(newSecret())).toMatch(/^[A-Z2-7]{32}$/);
  });
});

/** `length` bytes other than 0, then `zeros` zeros. */
const padded = (length: number, zeros: number) => Buffer.concat([Buffer.alloc(length, 'secret'), Buffer.alloc(zeros)]);

describe('the length of a secret', () => {
  it.each([
    [15, 0, false],
    [16, 0, true],
    [64, 0, true],
    [65, 0, false],
    [15, 1, true],
    [14, 2, true],
    [13, 3, false],
    [13, 51, false],
    [16, 48, true],
    [16, 49, false],
    [0, 20, false],
    [0, 0, false],
  ])('of %i bytes and %i zeros at the end is sufficient: %s', (length, zeros, isSufficient) => {
    expect(isSecret(padded(length, zeros))).toBe(isSufficient);
  });

  it('counts zeros at the beginning and in the middle', () => {
    expect(isSecret(Buffer.concat([Buffer.alloc(15), Buffer.from([1])]))).toBe(true);
  });
});

describe('two secrets', () => {
  const sha1 = (secret: Uint8Array): HmacSecret => ({ secret, algorithm: 'SHA1' });
  const sha512 = (secret: Uint8Array): HmacSecret => ({ secret, algorithm: 'SHA512' });
  const sha = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest();

  it.each([
    ['equal', sha1(padded(20, 0)), sha1(padded(20, 0))],
    ['equal but for zeros at the end', sha1(padded(20, 0)), sha1(padded(20, 1))],
    ['equal but for zeros up to the block size', sha1(padded(20, 3)), sha1(padded(20, 44))],
    ['equal under two algorithms', sha1(padded(20, 0)), sha512(padded(20, 4))],
    ['one longer than a block, and its hash', sha1(padded(65, 0)), sha1(sha(padded(65, 0)))],
    ['as long as two blocks, and equal under SHA-512 but for zeros', sha512(padded(100, 0)), sha512(padded(100, 28))],
  ])('are one key when they are %s', (_, one, other) => {
    expect([isSameKey(one, other), isSameKey(other, one)]).toEqual([true, true]);
  });

  it.each([
    ['different', sha1(padded(20, 0)), sha1(Buffer.alloc(20, 'other'))],
    ['one a part of the other', sha1(padded(20, 0)), sha1(padded(21, 0))],
    [
      'equal but for zeros at the beginning',
      sha1(padded(20, 0)),
      sha1(Buffer.concat([Buffer.alloc(1), padded(20, 0)])),
    ],
    ['longer than a block of SHA-1, which SHA-512 does not hash', sha1(padded(65, 0)), sha512(padded(65, 0))],
    ['longer than a block, where zeros at the end are hashed too', sha1(padded(65, 0)), sha1(padded(65, 1))],
    ['longer than two blocks, and different under SHA-512', sha512(padded(129, 0)), sha512(padded(129, 1))],
  ])('are two keys when they are %s', (_, one, other) => {
    expect([isSameKey(one, other), isSameKey(other, one)]).toEqual([false, false]);
  });

  it('that make the same codes under one algorithm are one key, and only those', () => {
    const secrets = fc.uint8Array({ minLength: 16, maxLength: 24 }).filter(isSecret);
    const pairs = fc.oneof(
      fc.tuple(secrets, secrets),
      fc
        .tuple(secrets, fc.nat(40))
        .map(([secret, zeros]) => [secret, Buffer.concat([secret, Buffer.alloc(zeros)])] as const),
    );
    fc.assert(
      fc.property(pairs, fc.constantFrom(...ALGORITHMS), ([one, other], algorithm) => {
        const codesOf = (secret: Uint8Array) =>
          [0, 1, 2].map((step) => codeOfStep(secret, step, { algorithm, digits: 8, period: 30 })).join(' ');
        const isSame = isSameKey({ secret: one, algorithm }, { secret: other, algorithm });
        expect(isSame).toBe(codesOf(one) === codesOf(other));
      }),
    );
  });
});

describe('Base32', () => {
  it.each([
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ])('of %j is %s (RFC 4648 §10)', (text, encoded) => {
    expect(toBase32(Buffer.from(text))).toBe(encoded);
    expect(Buffer.from(fromBase32(encoded) ?? []).toString()).toBe(text);
  });

  it.each(['MZXW6YTBOI======', 'mzxw6ytboi', 'mzxw 6ytb oi', ' MZXW\n6YTB\tOI ', 'MZXW-6YTB-OI'])(
    'is read from %j',
    (text) => {
      expect(Buffer.from(fromBase32(text) ?? []).toString()).toBe('foobar');
    },
  );

  it.each([
    ['MZ', 'f'],
    ['MZX', 'f'],
    ['MZXW7', 'foo'],
    ['MZXW6YTBOIA', 'foobar'],
  ])('is read from %s as %j, without the bits that are left over', (text, bytes) => {
    expect(Buffer.from(fromBase32(text) ?? []).toString()).toBe(bytes);
  });

  it('of any number of letters is what RFC 4648 §6 makes of its whole bytes', () => {
    const values = fc.array(fc.nat(31), { minLength: 2, maxLength: 110 });
    fc.assert(
      fc.property(values, (letters) => {
        const text = letters.map((value) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(value)).join('');
        const bits = letters.map((value) => value.toString(2).padStart(5, '0')).join('');
        const bytes = bits.match(/.{8}/g) ?? [];
        expect(Array.from(fromBase32(text) ?? [])).toEqual(bytes.map((byte) => parseInt(byte, 2)));
      }),
    );
  });

  it.each([
    ['empty', ''],
    ['spaces', '  '],
    ['padding alone', '===='],
    ['a digit outside of the alphabet', 'MZXW6YTB0I'],
    ['full-width letters', 'ＭＺＸＷ'],
    ['an emoji', 'MZXW📱'],
    ['a letter that is SS in upper case', 'ßßßß'],
    ['a first letter that is S in upper case', 'ſZXW6YTB'],
    ['a last letter that is S in upper case', 'MZXW6YTſ'],
    ['shorter than a byte', 'M'],
  ])('is not read from text that is %s', (_, text) => {
    expect(fromBase32(text)).toBeUndefined();
  });
});
