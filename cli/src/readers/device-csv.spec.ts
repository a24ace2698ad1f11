import fc from 'fast-check';
import { toBase32, TotpArgumentError } from 'nestjs-totp';
import { collected } from '../../../test/support/pages.js';
import { readDeviceCsv } from './device-csv.js';

const SECRET = Buffer.from('a secret of tests 20');
const BASE32 = toBase32(SECRET);
const HEX = SECRET.toString('hex');

/** A table with one row of these cells. */
function table(cells: Record<string, string>): string {
  return `${Object.keys(cells).join(',')}\n${Object.values(cells).join(',')}\n`;
}

const ann = (cells: Record<string, string>) => table({ user_id: 'ann', secret: BASE32, ...cells });
const read = (text: string) => collected(readDeviceCsv(text));
const saidOf = (text: string) => read(text).catch((error: unknown) => error);

describe('a CSV of devices', () => {
  it('reads a device from each row', async () => {
    const text = [
      'user_id,device_name,secret,algorithm,digits,period,skew',
      `ann,Ann's phone,${BASE32},SHA256,8,60,2`,
      `bob,,${BASE32},,,,`,
    ];
    expect(await read(text.join('\n'))).toEqual({
      devices: [
        {
          source: 'line 2',
          userId: 'ann',
          account: undefined,
          issuer: undefined,
          deviceName: "Ann's phone",
          secret: new Uint8Array(SECRET),
          algorithm: 'SHA256',
          digits: 8,
          period: 60,
          skew: 2,
        },
        {
          source: 'line 3',
          userId: 'bob',
          account: undefined,
          issuer: undefined,
          deviceName: undefined,
          secret: new Uint8Array(SECRET),
          algorithm: 'SHA1',
          digits: 6,
          period: 30,
          skew: undefined,
        },
      ],
      refused: [],
    });
  });

  it.each([
    ['two columns alone', `user_id,secret\nann,${BASE32}`],
    ['a secret in hex', `user_id,secret_hex\nann,${HEX}`],
    ['a secret in capital hex', `secret_hex,user_id\n${HEX.toUpperCase()},ann`],
    ['both columns of secrets, one of them filled', `user_id,secret,secret_hex\nann,,${HEX}`],
    ['a secret in groups of small letters', `user_id,secret\nann,${BASE32.toLowerCase().replace(/(.{4})/g, '$1 ')}`],
    ['what a spreadsheet writes', `\uFEFFuser_id,secret\r\n"ann","${BASE32}"\r\n\r\n`],
    ['spaces around the column names', `user_id , secret\nann,${BASE32}`],
    ['semicolons', `user_id;secret\nann;${BASE32}`],
    ['tabs', `user_id\tsecret\nann\t${BASE32}`],
    ['a line that names the delimiter', `\uFEFFsep=;\r\nuser_id;secret\r\nann;${BASE32}\r\n`],
    ['column names in capitals', `USER_ID,Secret\nann,${BASE32}`],
    ['empty columns at the end', `user_id,secret,,\nann,${BASE32},,\n`],
    ['empty cells at the end of a row', `user_id,secret\nann,${BASE32},,`],
    ['empty lines', `\n\nuser_id,secret\n\nann,${BASE32}\n\n`],
  ])('is read with %s', async (_, text) => {
    expect(await read(text)).toMatchObject({
      devices: [{ userId: 'ann', secret: new Uint8Array(SECRET) }],
      refused: [],
    });
  });

  it('counts the line that names the delimiter', async () => {
    expect((await read(`sep=;\nuser_id;secret\nann;`)).refused).toMatchObject([{ source: 'line 3' }]);
  });

  it('keeps semicolons within the cells of a file with commas', async () => {
    expect((await read(`user_id,secret\n"a;b;c",${BASE32}`)).devices).toMatchObject([{ userId: 'a;b;c' }]);
  });

  it('says whose device is refused, unless that cannot be a user id', async () => {
    expect((await read(ann({ digits: '7' }))).refused).toMatchObject([{ userId: 'ann' }]);
    expect((await read(ann({ user_id: 'a\0' }))).refused[0]).not.toHaveProperty('userId');
  });

  it.each(['3', '10'])('narrows a skew of %s to the largest, and says so', async (skew) => {
    const { devices } = await read(ann({ skew }));
    const notes = [`the skew is 2 steps, the largest, instead of ${skew}`];
    expect(devices).toMatchObject([{ skew: 2, notes }]);
  });

  it('leaves user ids and names as they are', async () => {
    const text = `user_id,device_name,secret\n" ann ""the"" ä, 📱 ",constructor,${BASE32}`;
    expect((await read(text)).devices).toMatchObject([{ userId: ' ann "the" ä, 📱 ', deviceName: 'constructor' }]);
  });

  it.each([
    ['no user', ann({ user_id: '' }), /user_id is empty/],
    ['an endless user id', ann({ user_id: 'a'.repeat(10_001) }), /user_id is longer than 10000/],
    ['NUL in the user id', ann({ user_id: 'a\0' }), /user_id contains NUL or unpaired surrogates/],
    ['a line break in the name', ann({ device_name: '"a\nb"' }), /device_name must not contain control characters/],
    ['an endless name', ann({ device_name: 'a'.repeat(257) }), /device_name must not be longer than 256/],
    [
      'a user id that a spreadsheet has rounded',
      ann({ user_id: '1.23457E+17' }),
      /user_id is 1.23457E\+17: a spreadsheet/,
    ],
    ['no secret', ann({ secret: '' }), /has no secret/],
    ['two secrets', ann({ secret_hex: HEX }), /has two secrets/],
    ['hex in the column of Base32', ann({ secret: HEX }), /secret is not Base32/],
    ['Base32 in the column of hex', table({ user_id: 'ann', secret_hex: BASE32 }), /secret_hex is not hex/],
    ['half a byte in hex', table({ user_id: 'ann', secret_hex: HEX.slice(1) }), /secret_hex is not hex/],
    ['a secret of 15 bytes', table({ user_id: 'ann', secret_hex: '00'.repeat(15) }), /has 15 bytes, not 16 to 64/],
    [
      'zeros as a secret',
      table({ user_id: 'ann', secret_hex: '00'.repeat(20) }),
      /fewer than 14 bytes before the zeros/,
    ],
    ['a secret of 65 bytes', table({ user_id: 'ann', secret_hex: '00'.repeat(65) }), /has 65 bytes/],
    ['an unknown algorithm', ann({ algorithm: 'MD5' }), /algorithm is not one of/],
    ['7 digits', ann({ digits: '7' }), /digits is neither 6 nor 8/],
    ['a period of 301 s', ann({ period: '301' }), /period .* from 15 to 300/],
    ['a negative period', ann({ period: '-30' }), /period/],
    ['a skew that is no number', ann({ skew: 'x' }), /skew .* from 0 to 2/],
    ['an endless skew', ann({ skew: '1000' }), /skew .* from 0 to 2/],
    ['digits of another script', ann({ period: '３０' }), /period/],
    ['too few cells', `user_id,secret,skew\nann,${BASE32}`, /has 2 cells, and the first line names 3 columns/],
    ['too many cells', `user_id,secret\nann,${BASE32},1`, /has 3 cells, and the first line names 2 columns/],
  ])('is not read in a row with %s', async (_, text, reason) => {
    expect(await read(text)).toEqual({
      devices: [],
      refused: [
        expect.objectContaining({
          source: expect.stringMatching(/^line [23]$/),
          reason: expect.stringMatching(reason),
        }),
      ],
    });
  });

  it.each([
    ['nothing', '', /is empty/],
    ['no line of names', `ann,${BASE32}`, /first line does not name the columns/],
    ['colons', `user_id:secret\nann:${BASE32}`, /first line does not name the columns.*commas/],
    ['endless semicolons', `user_id;secret\n${';'.repeat(10_000_000)}`, /more than 1000 cells/],
    ['no users', `secret\n${BASE32}`, /no column user_id/],
    ['no secrets', 'user_id\nann', /no column secret or secret_hex/],
    ['a column twice', `user_id,secret,secret\nann,${BASE32},${BASE32}`, /column secret is there twice/],
    ['an unknown column', `user_id,secret,digit\nann,${BASE32},8`, /unknown: column 3 \(digit\)/],
    ['a column called as a property', `user_id,secret,__proto__\nann,${BASE32},8`, /unknown: column 3/],
    ['a quote that is not closed', `user_id,secret\n"ann,${BASE32}`, /row after line 1 is broken/],
    ['a quote inside of a cell', `user_id,secret\nann,${BASE32}\nan"n,${BASE32}`, /row after line 2 is broken/],
    ['text after a quote', `user_id,secret\n"ann"x,${BASE32}`, /row after line 1 is broken/],
    ['an endless cell', `user_id,secret\nann,${'A'.repeat(10_000_000)}`, /longer than 16384 characters/],
    ['an endless quoted cell', `user_id,secret\n"${'ann\n'.repeat(3_000_000)}`, /longer than 16384 characters/],
    ['endless commas', `user_id,secret\n${','.repeat(10_000_000)}`, /more than 1000 cells/],
    ['endless columns', `user_id,secret${',x'.repeat(500)}\n`, /more than 100 columns/],
  ])('is not read at all with %s', async (_, text, message) => {
    const said = await saidOf(text);
    expect(said).toBeInstanceOf(TotpArgumentError);
    expect(String(said)).toMatch(message);
  });

  it.each([
    ['a first line that is a row', `ann,phone,${BASE32}\n`],
    ['a secret for a column', `user_id,secret,${BASE32}\n`],
    ['a short secret for a column', `user_id,secret,JBSWY3DPEHPK3PXP\n`],
    ['a broken quote', `user_id,secret\n${BASE32}"ann,x\n`],
    ['a quote that is not closed', `user_id,secret\nann,"${BASE32}\n`],
    ['a row with too many cells', `user_id,secret\nann,x,${BASE32}\n`],
    ['a secret in the column of another setting', `user_id,secret,period\nann,${BASE32},${BASE32}\n`],
    ['a secret that is not quite Base32', `user_id,secret\nann,${BASE32}!\n`],
  ])('repeats no secret of %s', async (_, text) => {
    const said = await saidOf(text);
    const words = said instanceof Error ? `${String(said)} ${String(said.stack)}` : JSON.stringify(said);
    expect(words).not.toContain(BASE32);
    expect(words).not.toContain('JBSWY3DPEHPK3PXP');
    expect(said instanceof Error ? said.cause : undefined).toBeUndefined();
  });

  it('returns what was written, whatever the order of the columns', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((one) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(one));
    const row = fc.record({
      user_id: text.filter((one) => one !== ''),
      device_name: text,
      secret: fc.uint8Array({ minLength: 16, maxLength: 64 }).map((bytes) => bytes.with(-1, 1)),
      algorithm: fc.constantFrom('SHA1', 'SHA256', 'SHA512'),
      digits: fc.constantFrom(6, 8),
      period: fc.integer({ min: 15, max: 300 }),
      skew: fc.integer({ min: 0, max: 2 }),
    });
    const columns = fc.shuffledSubarray(
      ['user_id', 'device_name', 'secret', 'algorithm', 'digits', 'period', 'skew'] as const,
      {
        minLength: 7,
      },
    );
    const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 20 }),
        columns,
        fc.constantFrom('\n', '\r\n'),
        async (rows, names, end) => {
          const lines = rows.map((one) =>
            names.map((name) => quoted(name === 'secret' ? toBase32(one.secret) : String(one[name]))).join(','),
          );
          const { devices, refused } = await read([names.join(','), ...lines].join(end));
          expect(refused).toEqual([]);
          expect(devices).toMatchObject(
            rows.map(({ user_id: userId, device_name: name, ...rest }) => ({
              userId,
              deviceName: name || undefined,
              ...rest,
            })),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it('answers any text with devices, refusals or its own error', async () => {
    const pieces = fc.constantFrom(
      'user_id',
      'secret',
      BASE32,
      'ann',
      ',',
      '"',
      '\n',
      '\r',
      '\0',
      ';',
      '\uFEFF',
      ' ',
      '30',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 40 }), async (texts) => {
        const said = await saidOf(texts.join(''));
        if (said instanceof Error) expect(said).toBeInstanceOf(TotpArgumentError);
        else expect(said).toEqual({ devices: expect.any(Array), refused: expect.any(Array) });
      }),
      { numRuns: 2_000 },
    );
  });

  describe('that comes in pieces', () => {
    /** The bytes of a text, a few at a time: also in the middle of a character. */
    async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += size) yield Promise.resolve(bytes.subarray(at, at + size));
    }

    it.each([1, 2, 7, 1_000])('is read as the whole is: %i bytes at a time', async (size) => {
      const text = `\uFEFFsep=;\r\nuser_id;device_name;secret\r\n"ä\n📱";" a ""b"" ";${BASE32}\r\nbob;;${BASE32}\r\n`;
      // A line break within a cell belongs to a user id that is refused.
      expect(await collected(readDeviceCsv(pieces(text, size)))).toEqual(await read(text));
      const broken = `user_id,secret\nann,${BASE32}\n"bob`;
      await expect(collected(readDeviceCsv(pieces(broken, size)))).rejects.toThrow('the row after line 2 is broken');
    });

    it('is refused when it is not UTF-8, after rows that are', async () => {
      const file = (async function* () {
        yield* pieces(`user_id,secret\nann,${BASE32}\n`, 5);
        yield Buffer.from('ä,', 'latin1');
      })();
      await expect(collected(readDeviceCsv(file))).rejects.toThrow('not UTF-8 text');
    });

    it('is not read further than its devices are taken', async () => {
      let made = 0;
      async function* endless(): AsyncGenerator<Uint8Array> {
        yield Promise.resolve(Buffer.from('user_id,secret\n'));
        for (;;) {
          made += 100;
          yield Promise.resolve(Buffer.from(`ann,${BASE32}\n`.repeat(100)));
        }
      }
      let taken = 0;
      for await (const { devices } of readDeviceCsv(endless())) {
        taken += devices.length;
        if (taken >= 50_000) break;
      }
      expect(taken).toBe(50_000);
      expect(made - taken).toBeLessThan(5_000);
    });

    it('passes on the error of its file', async () => {
      const failing = (async function* () {
        yield Promise.resolve(Buffer.from('user_id,secret\n'));
        throw new Error('the disk is gone');
      })();
      await expect(collected(readDeviceCsv(failing))).rejects.toThrow('the disk is gone');
    });
  });
});
