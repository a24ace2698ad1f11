import fc from 'fast-check';
import { toBase32 } from 'nestjs-totp';
import { keyUri } from '../../../src/otp/key-uri.js';
import { readKeyUris } from './key-uris.js';

const SECRET = Buffer.from('a secret of tests 20'.padEnd(20));
const BASE32 = toBase32(SECRET);

function uri(label: string, query = `secret=${BASE32}`): string {
  return `otpauth://totp/${label}?${query}`;
}

const reasonFor = (line: string) => readKeyUris(line).refused[0]?.reason;
const settings = fc.record({
  algorithm: fc.constantFrom('SHA1', 'SHA256', 'SHA512'),
  digits: fc.constantFrom(6, 8),
  period: fc.integer({ min: 15, max: 300 }),
});
/** Any text of one line that does not begin with a space, which is no part of an account. */
const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 60 })
  .filter((text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}:]|^\s/u.test(text));

describe('a list of key URIs', () => {
  it('reads a device from each line, without blank lines and comments', () => {
    const list = `\uFEFF# from the old server\r\n\r\n${uri('Acme:ann@example.com')}\r\n  ${uri('bob')}  \r\n`;
    expect(readKeyUris(list)).toEqual({
      devices: [
        {
          source: 'line 3',
          userId: undefined,
          account: 'ann@example.com',
          issuer: 'Acme',
          deviceName: undefined,
          secret: new Uint8Array(SECRET),
          algorithm: 'SHA1',
          digits: 6,
          period: 30,
          skew: undefined,
        },
        expect.objectContaining({ source: 'line 4', account: 'bob', issuer: undefined }),
      ],
      refused: [],
    });
  });

  it.each([
    ['a percent-encoded colon', uri('Acme%3Aann', `secret=${BASE32}&issuer=Acme`), 'Acme', 'ann'],
    ['a space after the colon', uri('Acme:%20ann'), 'Acme', 'ann'],
    ['a space as "+" in the issuer', uri('My%20App:ann', `issuer=My+App&secret=${BASE32}`), 'My App', 'ann'],
    ['an issuer next to a label without one', uri('ann', `secret=${BASE32}&issuer=Acme`), 'Acme', 'ann'],
    ['a colon in the account', uri('Acme:Other:ann', `secret=${BASE32}&issuer=Acme`), 'Acme', 'Other:ann'],
    ['the issuer alone', uri('Acme:', `secret=${BASE32}&issuer=Acme`), 'Acme', undefined],
    ['a space as "+" in both halves', uri('My+Shop:ann', `secret=${BASE32}&issuer=My+Shop`), 'My Shop', 'ann'],
    ['a space as "+" in the label only', uri('My+Shop:ann', `secret=${BASE32}&issuer=My%20Shop`), 'My Shop', 'ann'],
    ['an issuer that ends in "+"', uri('C++:ann', `secret=${BASE32}&issuer=C++`), 'C++', 'ann'],
    ['an encoded "+" in the issuer', uri('C%2B%2B:ann', `secret=${BASE32}&issuer=C%2B%2B`), 'C++', 'ann'],
    ['an issuer that ends in "+" and a label without it', uri('ann', `secret=${BASE32}&issuer=C++`), 'C++', 'ann'],
    ['a "+" in the account', uri('Acme:ann+test@a.com', `secret=${BASE32}&issuer=Acme`), 'Acme', 'ann+test@a.com'],
    [
      'a "+" in the account, and in the issuer a space',
      uri('ann+test', `secret=${BASE32}&issuer=A+B`),
      'A B',
      'ann+test',
    ],
    ['a colon in the issuer', uri('Acme: EU:ann', `secret=${BASE32}&issuer=Acme:%20EU`), 'Acme: EU', 'ann'],
    ['a colon in the issuer and in the account', uri('A:B:c:d', `secret=${BASE32}&issuer=A:B`), 'A:B', 'c:d'],
    ['a label that is the issuer', uri('Shop', `secret=${BASE32}&issuer=Shop`), 'Shop', undefined],
    ['text that is not encoded', uri('Ä B:ann', `secret=${BASE32}`), 'Ä B', 'ann'],
    ['a scheme and type in capitals', uri('ann').replace('otpauth://totp', 'OTPAUTH://TOTP'), undefined, 'ann'],
    [
      'what apps add for the eye',
      uri('ann', `secret=${BASE32}&image=https%3A%2F%2Fexample.com%2Fi.png&counter=0`),
      undefined,
      'ann',
    ],
  ])('is read with %s', (_, line, issuer, account) => {
    expect(readKeyUris(line)).toMatchObject({ devices: [{ issuer, account }], refused: [] });
  });

  it.each([
    ['text', 'hello', /^not a key URI/],
    ['a web address', `https://example.com/?secret=${BASE32}`, /^not a key URI/],
    ['a device that counts (HOTP)', uri('ann').replace('totp', 'hotp'), /HOTP/],
    ['a device of Steam', uri('ann').replace('totp', 'steam'), /Steam/],
    ['a device of Steam as KeePassXC writes it', uri('ann', `secret=${BASE32}&encoder=steam`), /Steam/],
    ['another type', uri('ann').replace('totp', 'motp'), /type is not totp/],
    ['a Google Authenticator export', 'otpauth-migration://offline?data=AAAA', /Google Authenticator export/],
    ['no secret', uri('ann', 'issuer=Acme'), /no secret/],
    ['an empty secret', uri('ann', 'secret='), /secret is not Base32/],
    ['two secrets', uri('ann', `secret=${BASE32}&secret=${BASE32}`), /a parameter is repeated/],
    ['a parameter that may change the codes', uri('ann', `secret=${BASE32}&offset=60`), /may change the codes/],
    ['a parameter called as a property', uri('ann', `secret=${BASE32}&__proto__=1`), /may change the codes/],
    ['an issuer that is not the prefix', uri('Acme:ann', `secret=${BASE32}&issuer=Other`), /another issuer/],
    ['a secret of 10 bytes', uri('ann', 'secret=JBSWY3DPEHPK3PXP'), /has 10 bytes, not 16 to 64/],
    ['a secret of 65 bytes', uri('ann', `secret=${toBase32(Buffer.alloc(65, 7))}`), /has 65 bytes/],
    ['a secret that is not Base32', uri('ann', 'secret=18181818181818181818181818181818'), /not Base32/],
    ['a secret that is far too long', uri('ann', `secret=${'A'.repeat(600)}`), /not Base32 of 16 to 64 bytes/],
    ['MD5', uri('ann', `secret=${BASE32}&algorithm=MD5`), /algorithm is not one of SHA1, SHA256, SHA512/],
    ['7 digits', uri('ann', `secret=${BASE32}&digits=7`), /digits is neither 6 nor 8/],
    ['a period of 10 s', uri('ann', `secret=${BASE32}&period=10`), /period .* from 15 to 300/],
    ['a period that is no whole number', uri('ann', `secret=${BASE32}&period=30.5`), /period/],
    ['two spellings of one setting', uri('ann', `secret=${BASE32}&key=${BASE32}`), /a parameter is repeated/],
    ['another type of code', uri('ann', `secret=${BASE32}&type=hotp`), /type is not totp/],
    ['the settings of KeeOtp for HOTP', `key=${BASE32}&type=hotp&counter=1`, /HOTP/],
    ['a label that is not UTF-8', uri('%FF'), /percent-encoded UTF-8/],
    ['a label that is cut off', uri('ann%4'), /percent-encoded UTF-8/],
    ['a terminal command in the label', uri('%1B%5B2Jann'), /account holds control characters/],
    ['a line break in the issuer', uri('ann', `secret=${BASE32}&issuer=a%0Ab`), /issuer holds control characters/],
    ['an endless line', uri('a'.repeat(1_000_000)), /too long/],
    ['a NUL', uri('a\0b'), /control characters/],
  ])('is not read from a line with %s', (_, line, reason) => {
    expect(readKeyUris(line)).toEqual({
      devices: [],
      refused: [{ source: 'line 1', reason: expect.stringMatching(reason) }],
    });
  });

  it.each([
    ['Ente', 'algorithm=sha1&digits=6&period=30&codeDisplay=%7B%7D', 1],
    ['FreeOTP', 'algorithm=SHA1&digits=6&period=30&lock=false&image=file%3A%2F%2F%2Fa&color=FF0000', 3],
    ['2FAS', 'tokenType=TOTP&icon=Label&iconType=a&position=3', 3],
    ['Aegis and others', 'icon=a&note=work&group=Private&favourite=true&uuid=1-2', 5],
    ['a Flutter application', 'algorithm=Algorithm.sha1&digits=6.0&period=30.0', 0],
    ['one that writes SHA_1', 'algorithm=SHA_1', 0],
    ['one in capitals', 'ALGORITHM=SHA1&DIGITS=6', 0],
    ['one that says its type', 'type=totp', 0],
  ])('is read as %s exports it', (_, parameters, ignored) => {
    const { devices, refused } = readKeyUris(uri('ann', `secret=${BASE32}&${parameters}`));
    expect(refused).toEqual([]);
    expect(devices).toMatchObject([{ account: 'ann', algorithm: 'SHA1', digits: 6, period: 30 }]);
    const note = `${ignored} ${ignored === 1 ? 'parameter' : 'parameters'} of the exporter ignored`;
    expect(devices[0]?.notes).toEqual(ignored === 0 ? undefined : [note]);
  });

  it.each([
    `key=${BASE32}&step=60&size=8&otpHashMode=sha256`,
    `otpauth://totp/?key=${BASE32}&step=60&size=8&type=totp&otpHashMode=Sha256`,
  ])('is read from the settings of KeeOtp: %s', (line) => {
    expect(readKeyUris(line).devices).toMatchObject([
      { account: undefined, secret: new Uint8Array(SECRET), algorithm: 'SHA256', digits: 8, period: 60 },
    ]);
  });

  it.each([
    ['hyphens', BASE32.replace(/(.{4})(?=.)/g, '$1-'), SECRET, undefined],
    [
      '30 letters',
      BASE32.slice(0, 30),
      SECRET.subarray(0, 18),
      ['secret has bits left over at its end, which authenticator apps ignore too'],
    ],
    ['33 letters', `${BASE32}B`, SECRET, ['secret has bits left over at its end, which authenticator apps ignore too']],
  ])('is read with a secret as people see it: %s', (_, secret, bytes, notes) => {
    const [device] = readKeyUris(uri('ann', `secret=${secret}`)).devices;
    expect(device).toMatchObject({ secret: new Uint8Array(bytes) });
    expect(device?.notes).toEqual(notes);
  });

  it('names the parameter that it does not know, unless it may be a secret', () => {
    expect(reasonFor(uri('ann', `secret=${BASE32}&offset=60`))).toMatch(/^the parameter offset may change the codes/);
    expect(reasonFor(uri('ann', `secret=${BASE32}&${BASE32}`))).toMatch(/^the parameter may change the codes/);
  });

  it('does not lead to another account by dot segments, as URL parsers resolve them', () => {
    const { devices } = readKeyUris(uri('Acme:mallory/../Acme:ann', `secret=${BASE32}&issuer=Acme`));
    expect(devices).toMatchObject([{ account: 'mallory/../Acme:ann' }]);
  });

  it('goes on after a refused line', () => {
    const { devices, refused } = readKeyUris(['nonsense', uri('ann')].join('\n'));
    expect([devices[0]?.source, refused[0]?.source]).toEqual(['line 2', 'line 1']);
  });

  it('repeats nothing of a refused line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 20 }), (text) => {
        for (const line of [text, uri(text), uri('ann', text), uri('ann', `secret=${text}`)]) {
          expect(reasonFor(line) ?? '').not.toContain(text);
        }
      }),
    );
  });

  it("returns what an exporter wrote with the platform's URL class", () => {
    const secret = fc.uint8Array({ minLength: 16, maxLength: 64 }).map((bytes) => bytes.with(-1, 1));
    fc.assert(
      fc.property(fc.option(name), name, secret, settings, (issuer, account, bytes, device) => {
        const exported = new URL(
          `otpauth://totp/${issuer === null ? '' : `${encodeURIComponent(issuer)}:`}${encodeURIComponent(account)}`,
        );
        exported.searchParams.set('secret', toBase32(bytes));
        if (issuer !== null) exported.searchParams.set('issuer', issuer);
        for (const [key, value] of Object.entries(device)) exported.searchParams.set(key, String(value));
        // The class itself takes a label of dots for a path: no exporter can write it so.
        fc.pre(exported.pathname.length > 1 && !/^\/\.{1,2}$/.test(decodeURIComponent(exported.pathname)));
        expect(readKeyUris(exported.href)).toMatchObject({
          devices: [{ issuer: issuer ?? undefined, account, secret: bytes, ...device }],
          refused: [],
        });
      }),
    );
  });

  it('returns what this module wrote', () => {
    fc.assert(
      fc.property(name, name, settings, (issuer, account, device) => {
        const text = keyUri({
          issuer,
          account,
          secret: BASE32,
          ...device,
          algorithm: device.algorithm === 'SHA1' ? 'SHA1' : 'SHA512',
        });
        expect(readKeyUris(text)).toMatchObject({
          devices: [{ issuer, account, digits: device.digits, period: device.period }],
        });
      }),
    );
  });
});
