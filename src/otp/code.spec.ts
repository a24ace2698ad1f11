import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { TotpSecretError } from '../shared/errors.js';
import { codeOfStep, matchingSteps, stepAt } from './code.js';
import { isSecret } from './secret.js';

const HOTP = { algorithm: 'SHA1', digits: 6, period: 30 } as const;

/** The secret that RFC 6238 uses for a hash function: the same digits, repeated up to its length. */
function secretOf(bytes: number): Uint8Array {
  return Buffer.from('1234567890'.repeat(7).slice(0, bytes), 'ascii');
}

const secret = secretOf(20);

describe('C1: the vectors of RFC 6238 appendix B', () => {
  it.each([
    [59, '94287082', '46119246', '90693936'],
    [1_111_111_109, '07081804', '68084774', '25091201'],
    [1_111_111_111, '14050471', '67062674', '99943326'],
    [1_234_567_890, '89005924', '91819424', '93441116'],
    [2_000_000_000, '69279037', '90698825', '38618901'],
    [20_000_000_000, '65353130', '77737706', '47863826'],
  ])('C1: at %i s are %s with SHA-1, %s with SHA-256 and %s with SHA-512', (seconds, sha1, sha256, sha512) => {
    const step = stepAt(seconds * 1000, 30);
    const code = (algorithm: 'SHA1' | 'SHA256' | 'SHA512', bytes: number) =>
      codeOfStep(secretOf(bytes), step, { algorithm, digits: 8, period: 30 });
    expect([code('SHA1', 20), code('SHA256', 32), code('SHA512', 64)]).toEqual([sha1, sha256, sha512]);
  });
});

/** RFC 4226 §5.3, written out. */
function hotp(secret: Uint8Array, step: number, algorithm: string, digits: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac(algorithm, secret).update(counter).digest();
  const truncated = mac.readUInt32BE(mac.readUInt8(mac.length - 1) & 0x0f) & 0x7fffffff;
  return String(truncated % 10 ** digits).padStart(digits, '0');
}

it('C1: a code is the one that RFC 4226 computes, of any secret at any step, past 32 bits too', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 64 }).filter(isSecret),
      fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1)),
      fc.constantFrom('SHA1', 'SHA256', 'SHA512'),
      fc.constantFrom(6, 8),
      (secret, step, algorithm, digits) => {
        expect(codeOfStep(secret, step, { algorithm, digits, period: 30 })).toBe(hotp(secret, step, algorithm, digits));
      },
    ),
    { numRuns: 500 },
  );
});

it.each([
  ['with 13 bytes and 5 zeros', Buffer.concat([secretOf(13), Buffer.alloc(5)])],
  ['of zeros alone', Buffer.alloc(20)],
  ['of 65 bytes', secretOf(65)],
])('C4: no code is right for a secret %s, nor wrong: it is a fault', (_, weak) => {
  expect(() => matchingSteps(weak, '123456', 0, { ...HOTP, skew: 1 })).toThrow(TotpSecretError);
});

it.each([0, 1, 15])('C4: no code is right for a secret of %i bytes, nor wrong: it is a fault', (bytes) => {
  expect(() => matchingSteps(secretOf(bytes), '123456', 0, { ...HOTP, skew: 1 })).toThrow(TotpSecretError);
});

it('C2: the vectors of RFC 4226 appendix D are the codes of steps 0 to 9', () => {
  const codes = Array.from({ length: 10 }, (_, step) => codeOfStep(secret, step, HOTP));
  expect(codes).toEqual([
    '755224',
    '287082',
    '359152',
    '969429',
    '338314',
    '254676',
    '287922',
    '162583',
    '399871',
    '520489',
  ]);
});

describe('a time', () => {
  it.each([
    [0, 0],
    [29_999, 0],
    [30_000, 1],
    [59_999.9, 1],
    [-1, -1],
  ])('of %i ms lies in step %i', (now, step) => {
    expect(stepAt(now, 30)).toBe(step);
  });
});

const STEP = 50_000_000;
const NOW = STEP * 30_000;

function match(entered: string, { now = NOW, skew = 1, digits = 6 } = {}): number[] {
  return matchingSteps(secret, entered, now, { ...HOTP, digits, skew });
}

describe('the window', () => {
  it.each([0, 1, 2])('W1: with a skew of %i is so many steps to either side, and no more', (skew) => {
    const steps = [-3, -2, -1, 0, 1, 2, 3].map((offset) => STEP + offset);
    const accepted = steps.filter((step) => match(codeOfStep(secret, step, HOTP), { skew }).includes(step));
    expect(accepted).toEqual(steps.filter((step) => Math.abs(step - STEP) <= skew));
  });

  it('begins and ends with its steps, to the millisecond', () => {
    const code = codeOfStep(secret, STEP, HOTP);
    expect(match(code, { now: NOW - 30_001 })).toEqual([]);
    expect(match(code, { now: NOW - 30_000 })).toEqual([STEP]);
    expect(match(code, { now: NOW + 59_999 })).toEqual([STEP]);
    expect(match(code, { now: NOW + 60_000 })).toEqual([]);
  });

  it('begins with step 0', () => {
    expect(match('755224', { now: 0, skew: 2 })).toEqual([0]);
    expect(match('287082', { now: 0, skew: 2 })).toEqual([1]);
    expect(match('287082', { now: 0, skew: 0 })).toEqual([]);
  });

  it('W8: is empty while the clock is before all steps', () => {
    expect(match('755224', { now: -30_000, skew: 0 })).toEqual([]);
    expect(match('755224', { now: -30_000, skew: 1 })).toEqual([0]);
  });

  it('C6: is compared to its end: a code that by chance is that of two steps is found as both', () => {
    const step = 910_737;
    expect(match('911617', { now: step * 30_000 })).toEqual([step, step + 1]);
  });
});

describe('C5: what was entered', () => {
  const code = codeOfStep(secret, STEP, HOTP);
  const [first, rest] = [code.slice(0, 3), code.slice(3)];
  const translate = (zero: number) => code.replace(/[0-9]/g, (digit) => String.fromCodePoint(zero + Number(digit)));

  it.each([
    ['is the code', code],
    ['has a space inside', `${first} ${rest}`],
    ['has spaces around', `  ${code}\n`],
    ['has tabs, line ends and no-break spaces', `\t${first}\u00A0\u202F${rest}\r\n`],
    ['has spaces everywhere', code.split('').join(' ')],
    ['has 250 spaces around', `${code}${' '.repeat(250)}`],
    ['has a hyphen inside', `${first}-${rest}`],
    ['has a dash inside', `${first}–${rest}`],
    ['has a dot inside', `${first}.${rest}`],
    ['has a middle dot inside', `${first}·${rest}`],
    ['has a zero-width space inside', `${first}\u200B${rest}`],
    ['has a soft hyphen inside', `${first}\u00AD${rest}`],
    ['has marks of direction around', `\u200E\u2066${code}\u2069\u200F`],
    ['has a byte order mark before it', `\uFEFF${code}`],
    ['has full-width digits', translate(0xff10)],
    ['has Arabic digits', translate(0x0660)],
    ['has Persian digits', translate(0x06f0)],
    ['has Devanagari digits', translate(0x0966)],
    ['has mathematical digits, of which several rows follow each other', translate(0x1d7d8)],
    ['has digits of two scripts', translate(0xff10).slice(0, 1) + code.slice(1)],
  ])('is accepted when it %s', (_, entered) => {
    expect(match(entered)).toEqual([STEP]);
  });

  it.each([
    ['nothing', ''],
    ['spaces', '      '],
    ['a digit too few', code.slice(1)],
    ['a digit too many', `0${code}`],
    ['two more digits', `${code}00`],
    ['the code twice', code + code],
    ['letters whose last byte is a digit', translate(0x0130)],
    ['a code but for its first digit', `x${code.slice(1)}`],
    ['a code but for its last digit', `${code.slice(0, -1)}x`],
    ['a digit too few in another script', translate(0x0660).slice(1)],
    ['a digit too many in another script', translate(0x0660) + translate(0x0660).slice(1, 2)],
    ['separators alone', '-–.·'],
    ['Roman numerals', 'ⅠⅡⅢⅣⅤⅥ'],
    ['superscript digits', '¹²³¹²³'],
    ['a minus', `-${code.slice(1)}`],
    ['a plus', `+${code}`],
    ['an exponent', '1e0005'],
    ['hexadecimal digits', '0xabcd'],
    ['letters', 'abcdef'],
    ['an emoji', '📱'],
    ['six code units of emoji', '📱📱📱'],
    ['half an emoji', `\uD83D${code}`],
    ['NUL', `${code}\0`],
    ['NUL inside', `${first}\0${rest}`],
    ['a combining mark', `${code}\u0308`],
    ['10 kB of digits', '1'.repeat(10_000)],
    ['10 kB of spaces', ' '.repeat(10_000)],
    ['251 spaces and a code', `${' '.repeat(251)}${code}`],
    ['10 kB behind the code', `${code}${' '.repeat(10_000)}x`],
    ['SQL', "' OR 1=1; --"],
    ['a name of every object', '__proto__'],
  ])('C5: is no code and no error when it is %s', (_, entered) => {
    expect(match(entered)).toEqual([]);
    expect(match(entered, { digits: 8 })).toEqual([]);
  });

  it('has the digits of every numbering system of Unicode', () => {
    const systems = Intl.supportedValuesOf('numberingSystem').filter((system) => {
      const zero = new Intl.NumberFormat('en', { numberingSystem: system }).format(0);
      return /^\p{Nd}$/u.test(zero);
    });
    expect(systems.length).toBeGreaterThan(50);
    for (const numberingSystem of systems) {
      const format = new Intl.NumberFormat('en', { numberingSystem });
      expect(match(code.replace(/[0-9]/g, (digit) => format.format(Number(digit))))).toEqual([STEP]);
    }
  });

  it('is a code of 8 digits for a device of 8 digits only', () => {
    const long = codeOfStep(secret, STEP, { ...HOTP, digits: 8 });
    expect(long.slice(2)).toBe(code);
    expect(match(long, { digits: 8 })).toEqual([STEP]);
    expect(match(long)).toEqual([]);
    expect(match(code, { digits: 8 })).toEqual([]);
  });
});
