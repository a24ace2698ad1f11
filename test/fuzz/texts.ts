/** Texts and JSON values that have broken other programs, and random ones between them. */
import fc from 'fast-check';

/** Each is a trap of its own; random texts are also pieced together from them. */
export const TRAPS: readonly string[] = [
  // what ends, hides or breaks a line, and what a terminal obeys
  '',
  ' ',
  '\0',
  'a\0b',
  '\u0007',
  'a\r\nX-Injected: yes',
  '\n[Nest] 1 - LOG everything is fine',
  '\u001b[31mred\u001b[0m',
  '\u007f',
  '\u0085',
  '\u009b31m',
  '\u2028',
  '\u2029',
  // byte order marks, directions, joiners, and what cannot be seen
  '\ufeff',
  '\ufeffphone',
  '\ufffe',
  '\uffff',
  '\u202ephone\u202c',
  '\u2066phone\u2069',
  '\u200b',
  '\u200d',
  '\u00ad',
  '\u3164',
  // one character in several forms, and letters that change their number with their case
  'é',
  'e\u0301',
  '\u212b',
  'Å',
  'ﬁ',
  'ſ',
  'İ',
  'ı',
  'ß',
  'ẞ',
  '각',
  '\u1100\u1161\u11a8',
  'Z\u0351\u036b\u0343\u036a\u0302',
  // four bytes, halves of four bytes, and beyond
  '🙂',
  '👩‍👩‍👧‍👦',
  '🏴󠁧󠁢󠁥󠁮󠁧󠁿',
  '\u{10ffff}',
  '\ud800',
  '\udfff',
  '\udc00\ud800',
  '12345\ud83d',
  // digits that are none, and numbers in disguise
  '１２３４５６',
  '١٢٣٤٥٦',
  '𝟙𝟚𝟛𝟜𝟝𝟞',
  '123456\0',
  '-12345',
  '+12345',
  '1e0005',
  '0x1234',
  '1_2345',
  '12345.',
  'NaN',
  'Infinity',
  '000000',
  '123 456',
  '9007199254740993',
  // names that every object has
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'toJSON',
  'hasOwnProperty',
  'then',
  'length',
  '__defineGetter__',
  // pieces of other languages
  "' OR '1'='1",
  "'; DROP TABLE totp_accounts; --",
  '" OR ""="',
  '\\',
  "\\'",
  '`',
  '?',
  '$1',
  ':p1',
  '@p1',
  '%',
  '%00',
  '%0d%0a',
  '%s%n%j%o',
  '/*',
  '${7*7}',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '{"$gt":""}',
  '../../../etc/passwd',
  'null',
  'undefined',
  'true',
];

/** A text so that a terminal shows it and obeys none of it. */
export function inAscii(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const codeUnit = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit));

/** Any text, also one that is no well-formed Unicode. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { arbitrary: fc.constantFrom(...TRAPS), weight: 6 },
  { arbitrary: fc.array(fc.constantFrom(...TRAPS), { maxLength: 5 }).map((pieces) => pieces.join('')), weight: 2 },
  { arbitrary: fc.string({ unit: codeUnit, maxLength: 20 }), weight: 2 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 300 }), weight: 1 },
  { arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }), weight: 1 },
);

/** Text that a database and a header can hold: an application gives its users such ids. */
export const validText = anyText.map((text) => text.replace(/[\0\p{Cs}]/gu, 'x')).filter((text) => text !== '');

/** A long text, told by what it repeats: so a counterexample is short. */
export interface Repetition {
  readonly before?: string;
  readonly repeat: string;
  readonly times: number;
  readonly after?: string;
}

export function written(text: string | Repetition): string {
  if (typeof text === 'string') return text;
  return `${text.before ?? ''}${text.repeat.repeat(text.times)}${text.after ?? ''}`;
}

export const repetition = (max: number): fc.Arbitrary<Repetition> =>
  fc.record({
    repeat: fc.constantFrom('x', ' ', '9', '\u00a0', '🙂', 'e\u0301', '\0', '\ud800', "'", '\\', '%'),
    times: fc.oneof(
      fc.constantFrom(6, 8, 255, 256, 257, 511, 512, 513, 1_000, 65_535, 65_536).filter((times) => times <= max),
      fc.integer({ min: 0, max }),
    ),
  });

/** JSON that is no string: of every type and depth, and numbers that no double holds. */
export const otherJson: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    'false',
    '0',
    '-0',
    '123456',
    '1e400',
    '-1e400',
    '1e-400',
    '0.1e1',
    '9007199254740993',
    '1'.repeat(400),
    '[]',
    '{}',
    '[[]]',
    '["123456"]',
    '[null]',
    '{"toString":"123456"}',
    '{"length":6}',
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"__proto__":null}',
    '{"then":true}',
    '{"toJSON":1}',
  ),
  fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
);

/** JSON so deep that a recursive reader would run out of stack, told by its depth. */
export interface Nesting {
  readonly nest: '[' | '{"a":';
  readonly times: number;
}

export const nesting = (max: number): fc.Arbitrary<Nesting> =>
  fc.record({ nest: fc.constantFrom('[', '{"a":'), times: fc.integer({ min: 1, max }) });
