import { fromBase32, MIN_SECRET_BYTES, newSecret, toBase32 } from './secret.js';

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

  it.each(['MZXW6YTBOI======', 'mzxw6ytboi', 'mzxw 6ytb oi', ' MZXW\n6YTB\tOI '])('is read from %j', (text) => {
    expect(Buffer.from(fromBase32(text) ?? []).toString()).toBe('foobar');
  });

  it.each([
    ['empty', ''],
    ['blanks', '  '],
    ['padding alone', '===='],
    ['a digit outside of the alphabet', 'MZXW6YTB0I'],
    ['a hyphen', 'MZXW-6YTB'],
    ['full-width letters', 'ＭＺＸＷ'],
    ['an emoji', 'MZXW📱'],
    ['a letter that is SS in upper case', 'ßßßß'],
    ['a first letter that is S in upper case', 'ſZXW6YTB'],
    ['a last letter that is S in upper case', 'MZXW6YTſ'],
    ['of an impossible length', 'MZX'],
    ['with bits left over', 'MZ'],
  ])('is not read from text that is %s', (_, text) => {
    expect(fromBase32(text)).toBeUndefined();
  });
});
