import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { TotpArgumentError } from 'nestjs-totp';
import { readGoogleAuthenticatorExport } from './google-authenticator.js';

interface Entry {
  secret?: Uint8Array;
  name?: string;
  issuer?: string;
  algorithm?: number;
  digits?: number;
  type?: number;
  counter?: number;
}

const SECRET = Buffer.from('a secret of tests 20');

/** What the app writes for one account: field by field, as the messages of qistoph/otp_export number them. */
function entry({
  secret = SECRET,
  name = 'ann',
  issuer = '',
  algorithm = 1,
  digits = 1,
  type = 2,
  counter,
}: Entry): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).bytes(secret);
  writer.tag(2, WireType.LengthDelimited).string(name);
  writer.tag(3, WireType.LengthDelimited).string(issuer);
  writer.tag(4, WireType.Varint).int32(algorithm);
  writer.tag(5, WireType.Varint).int32(digits);
  writer.tag(6, WireType.Varint).int32(type);
  if (counter !== undefined) writer.tag(7, WireType.Varint).int64(counter);
  writer.tag(8, WireType.LengthDelimited).string('a field of a newer version');
  return writer.finish();
}

function payload(entries: Entry[], { size = 1, index = 0, id = -1234567 } = {}): Uint8Array {
  const writer = new BinaryWriter();
  for (const one of entries) writer.tag(1, WireType.LengthDelimited).bytes(entry(one));
  writer.tag(2, WireType.Varint).int32(1);
  writer.tag(3, WireType.Varint).int32(size);
  writer.tag(4, WireType.Varint).int32(index);
  writer.tag(5, WireType.Varint).int32(id);
  return writer.finish();
}

function qrCode(bytes: Uint8Array): string {
  return `otpauth-migration://offline?data=${encodeURIComponent(Buffer.from(bytes).toString('base64'))}`;
}

const one = (fields: Entry = {}) => qrCode(payload([fields]));
const three = [0, 1, 2].map((index) => qrCode(payload([{ name: `user ${index}` }], { size: 3, index })));

describe("Google Authenticator's export", () => {
  it('reads the accounts of a QR code', () => {
    const read = readGoogleAuthenticatorExport([
      qrCode(
        payload([
          { name: 'Acme:ann@example.com', issuer: 'Acme' },
          { algorithm: 3, digits: 2 },
        ]),
      ),
    ]);
    expect(read).toEqual({
      devices: [
        {
          source: 'QR code 1, account 1',
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
        expect.objectContaining({ source: 'QR code 1, account 2', account: 'ann', algorithm: 'SHA512', digits: 8 }),
      ],
      refused: [],
    });
  });

  it.each([
    ['Acme: EU:ann', 'Acme: EU', 'ann'],
    ['Shop', 'Shop', undefined],
    ['other:ann', 'Acme', 'other:ann'],
  ])('takes the issuer off the name, and nothing else: %s of %s', (accountName, issuer, account) => {
    expect(readGoogleAuthenticatorExport([one({ name: accountName, issuer })]).devices).toMatchObject([
      { account, issuer },
    ]);
  });

  it('reads the example of its first description', () => {
    // https://github.com/dim13/otpauth: "Hello!" and four bytes, which is too short a secret for this module.
    const text =
      'otpauth-migration://offline?data=CjEKCkhlbGxvId6tvu8SGEV4YW1wbGU6YWxpY2VAZ29vZ2xlLmNvbRoHRXhhbXBsZTAC';
    expect(readGoogleAuthenticatorExport([text])).toEqual({
      devices: [],
      refused: [{ source: 'QR code 1, account 1', reason: expect.stringContaining('has 10 bytes') }],
    });
  });

  it.each([
    ['in order', three],
    ['in any order', [three[2], three[0], three[1]]],
    ['one in each line of one text', [`\uFEFF${three.join('\r\n')}\r\n`]],
    ['with "+" as it is', three.map((text) => text.replaceAll('%2B', '+'))],
    ['with Base64 as it is', three.map(decodeURIComponent)],
  ])('is read of several QR codes %s', (_, texts) => {
    const { devices, refused } = readGoogleAuthenticatorExport(texts.map(String));
    expect(devices.map(({ account }) => account).sort()).toEqual(['user 0', 'user 1', 'user 2']);
    expect(refused).toEqual([]);
  });

  it('leaves out a QR code that is there twice, and says so', () => {
    const { devices, refused } = readGoogleAuthenticatorExport([...three, String(three[1])]);
    expect(devices).toHaveLength(3);
    expect(refused).toEqual([{ source: 'QR code 4', reason: 'the same as QR code 2, so it was left out' }]);
  });

  it.each([
    ['nothing', [' \n '], /no text of a QR code/],
    ['a QR code missing', [three[0], three[2]], /number 2 of its 3 QR codes is missing/],
    ['QR codes of two exports', [one(), qrCode(payload([{}], { id: 5 }))], /QR code 2 is of another export/],
    ['two QR codes of one number', [one(), one({ name: 'bob' })], /QR code 2 contradicts/],
    ['the key URI of one device', ['otpauth://totp/ann?secret=AAAA'], /QR code 1 is the key URI of one device/],
    ['another text', ['hello'], /QR code 1 is not of such an export/],
    ['no data', ['otpauth-migration://offline?data='], /damaged/],
    ['data that is not Base64', ['otpauth-migration://offline?data=%2A%2A'], /damaged/],
    ['data that is cut off', [one().slice(0, -30)], /damaged/],
    ['an impossible number of QR codes', [qrCode(payload([{}], { size: 2_147_483_647 }))], /damaged/],
    ['an impossible QR code number', [qrCode(payload([{}], { size: 1, index: 1 }))], /damaged/],
    ['a name that is not UTF-8', [qrCode(Buffer.from('0a0312019f', 'hex'))], /damaged/],
    ['a group in a group, without end', [qrCode(Buffer.alloc(2_000, 0x4b))], /damaged/],
    ['an endless text', [`otpauth-migration://offline?data=${'A'.repeat(1_000_000)}`], /not of such an export/],
    ['thousands of QR codes', [`${one()}\n`.repeat(1_001)], /more than 1000 QR codes/],
  ])('is not read at all with %s', (_, texts, message) => {
    expect(() => readGoogleAuthenticatorExport(texts.map(String))).toThrow(TotpArgumentError);
    expect(() => readGoogleAuthenticatorExport(texts.map(String))).toThrow(message);
  });

  it.each([
    ['that counts (HOTP)', { type: 1, counter: 7 }, /HOTP/],
    ['of no type', { type: 0 }, /type is not TOTP/],
    ['with MD5', { algorithm: 4 }, /algorithm is not one of/],
    ['with an algorithm to come', { algorithm: 99 }, /algorithm is not one of/],
    ['with a negative algorithm', { algorithm: -1 }, /algorithm is not one of/],
    ['with 7 digits', { digits: 3 }, /digits/],
    ['without a secret', { secret: new Uint8Array() }, /has 0 bytes/],
    ['with a line break in its name', { name: 'a\nb' }, /control characters/],
  ])('is read without an account %s', (_, account, reason) => {
    expect(readGoogleAuthenticatorExport([qrCode(payload([account, {}]))])).toMatchObject({
      devices: [{ source: 'QR code 1, account 2' }],
      refused: [{ source: 'QR code 1, account 1', reason: expect.stringMatching(reason) }],
    });
  });

  it('keeps a name whole whose prefix is not the issuer: people may change it', () => {
    const { devices } = readGoogleAuthenticatorExport([one({ name: 'Other:ann', issuer: 'Acme' })]);
    expect(devices).toMatchObject([{ account: 'Other:ann', issuer: 'Acme' }]);
  });

  it('returns what the app wrote', () => {
    const entries = fc.array(
      fc.record({
        secret: fc.uint8Array({ minLength: 16, maxLength: 64 }).map((bytes) => bytes.with(-1, 1)),
        name: fc
          .string({ unit: 'grapheme', minLength: 1, maxLength: 10 })
          .filter((text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}:]|^\s/u.test(text)),
        algorithm: fc.constantFrom(1, 2, 3),
        digits: fc.constantFrom(1, 2),
      }),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(fc.array(entries, { minLength: 1, maxLength: 5 }), fc.integer(), (qrCodes, id) => {
        const texts = qrCodes.map((accounts, index) =>
          qrCode(payload(accounts, { size: qrCodes.length, index, id: id | 0 })),
        );
        const { devices, refused } = readGoogleAuthenticatorExport(texts);
        expect(refused).toEqual([]);
        expect(devices).toMatchObject(
          qrCodes.flat().map(({ secret, name, algorithm, digits }) => ({
            secret,
            account: name,
            algorithm: ['', 'SHA1', 'SHA256', 'SHA512'][algorithm],
            digits: digits === 2 ? 8 : 6,
          })),
        );
      }),
    );
  });

  it('answers any bytes with devices, refusals or its own error, which repeats nothing of them', () => {
    const whole = payload([{}, { name: 'bob' }]);
    const damaged = fc
      .tuple(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length))
      .map(([position, byte, length]) => whole.map((old, index) => (index === position ? byte : old)).slice(0, length));
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 500 })), (bytes) => {
        const text = qrCode(bytes);
        try {
          readGoogleAuthenticatorExport([text]);
        } catch (error) {
          expect(error).toBeInstanceOf(TotpArgumentError);
          if (bytes.length > 12) expect(String(error)).not.toContain(text.slice(33, 49));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
