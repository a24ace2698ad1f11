/** R1, R5: the text of recovery codes, and the hashes by which they are recognised. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { findCode, hashCodes, importProblem, newRecoveryCode } from './recovery-code.js';

const CODE = '7K2M-9XQ4-ZB1T-0HVN-C8RD-W5PA';

describe('a new code', () => {
  it('R1: is six groups of four characters of an alphabet of 32, which are 120 bits', () => {
    for (let n = 0; n < 200; n++)
      expect(newRecoveryCode()).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/);
  });

  it('R1: uses every character in every place', () => {
    const seen = Array.from({ length: 24 }, () => new Set<string>());
    for (let n = 0; n < 2_000; n++) {
      Array.from(newRecoveryCode().replaceAll('-', '')).forEach((letter, place) => seen[place]?.add(letter));
    }
    expect(seen.map(({ size }) => size)).toEqual(Array<number>(24).fill(32));
  });

  it('is never the same twice', () => {
    expect(new Set(Array.from({ length: 1_000 }, newRecoveryCode)).size).toBe(1_000);
  });
});

describe('what is stored of codes', () => {
  it('R1: is a random salt and the SHA-256 of the salt and each code', () => {
    const stored = Buffer.from(hashCodes([CODE], 'crockford'));
    expect(stored).toHaveLength(16 + 32);
    const expected = createHash('sha256').update(stored.subarray(0, 16)).update(CODE.replaceAll('-', '')).digest();
    expect(stored.subarray(16)).toEqual(expected);
    expect(Buffer.from(hashCodes([CODE], 'crockford'))).not.toEqual(stored);
  });

  it('recognises each code by its place', () => {
    const codes = Array.from({ length: 16 }, newRecoveryCode);
    const stored = hashCodes(codes, 'crockford');
    expect(codes.map((code) => findCode(stored, code, 'crockford'))).toEqual(codes.map((_, n) => n));
    expect(findCode(stored, newRecoveryCode(), 'crockford')).toBeUndefined();
  });
});

describe('an entered code', () => {
  const stored = hashCodes([CODE], 'crockford');

  it.each([
    ['in lower case', CODE.toLowerCase()],
    ['without hyphens', CODE.replaceAll('-', '')],
    ['with spaces', ` ${CODE.replaceAll('-', ' ')}\n`],
    ['with other dashes', CODE.replaceAll('-', '\u2013')],
    ['with O for 0', CODE.replace('0', 'O')],
    ['with l for 1', CODE.replace('1', 'l')],
    ['with I for 1', CODE.replace('1', 'I')],
  ])('is recognised %s', (_, entered) => {
    expect(findCode(stored, entered, 'crockford')).toBe(0);
  });

  it.each([
    ['that is empty', ''],
    ['that is too short', CODE.slice(0, -1)],
    ['that is too long', `${CODE}0`],
    ['with a character that is none', CODE.replace('7', 'U')],
    ['in full-width digits', CODE.replace('7', '\uFF17')],
    ['with NUL', `${CODE}\0`],
    ['of 10 kB', 'A'.repeat(10_000)],
    ['of spaces', ' '.repeat(300)],
  ])('is wrong %s', (_, entered) => {
    expect(findCode(stored, entered, 'crockford')).toBeUndefined();
  });

  it('is never another code, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(findCode(stored, text, 'crockford')).toBeUndefined();
        expect(findCode(hashCodes([''], 'exact'), text, 'exact')).toBeUndefined();
      }),
    );
  });
});

describe('a code of another product', () => {
  const FORTIFY = 'aBcDeFgHiJ-kLmNoPqRsT';

  it('is compared exactly, but for hyphens and spaces', () => {
    const stored = hashCodes([FORTIFY], 'exact');
    expect(findCode(stored, ` ${FORTIFY.replace('-', ' ')}`, 'exact')).toBe(0);
    expect(findCode(stored, FORTIFY.toLowerCase(), 'exact')).toBeUndefined();
  });

  it.each([
    ['20 letters of both cases', FORTIFY],
    ['22 letters and digits', 'abcdefghijklmnopq12345'],
    ['28 hexadecimal digits', '0123456789abcdef0123456789ab'],
    ['34 digits', '1234567890123456789012345678901234'],
  ])('can be imported with %s', (_, code) => {
    expect(importProblem(code, 'recoveryCodes[0]')).toBeUndefined();
  });

  it.each([
    ['10 letters and digits', 'a1b2c3d4z5', 51],
    ['19 letters of both cases', 'aBcDeFgHiJkLmNoPqRs', 108],
    ['16 hexadecimal digits', '0123456789abcdef', 64],
    ['one digit', '1', 3],
  ])('can be guessed with %s, and is refused', (_, code, bits) => {
    expect(importProblem(code, 'recoveryCodes[0]')).toContain(
      `recoveryCodes[0] has at most ${String(bits)} random bits`,
    );
  });

  it.each(['', '$2y$10$abcdefghijklmnopqrstuv', 'a'.repeat(129), 'ä'.repeat(40)])('is refused as %j', (code) => {
    expect(importProblem(code, 'recoveryCodes[0]')).toContain('must be 1 to 128 letters and digits');
  });
});
