import fc from 'fast-check';
import { toBase32, TotpArgumentError } from 'nestjs-totp';
import { collected } from '../../../test/support/pages.js';
import { readSuperTokensDevices } from './supertokens.js';

const SECRET = Buffer.from('a secret of tests 20');
const row = {
  app_id: 'public',
  user_id: '0c0ffee0-0000-4000-8000-000000000000',
  device_name: 'TOTP Device 0',
  secret_key: toBase32(SECRET),
  period: 30,
  skew: 1,
  verified: true as unknown,
  created_at: 1_700_000_000_000,
};
const device = {
  userId: row.user_id,
  account: undefined,
  issuer: undefined,
  deviceName: 'TOTP Device 0',
  secret: new Uint8Array(SECRET),
  algorithm: 'SHA1',
  digits: 6,
  period: 30,
  skew: 1,
};

function csv(rows: object[]): string {
  return [Object.keys(row), ...rows.map((one) => Object.values(one).map(String))].join('\n');
}

const read = (text: string, options?: { appId: string }) => collected(readSuperTokensDevices(text, options));
const json = (fields: object) => JSON.stringify({ ...row, ...fields });
const without = (name: keyof typeof row) => Object.fromEntries(Object.entries(row).filter(([key]) => key !== name));

describe("rows of SuperTokens' totp_user_devices", () => {
  it.each([
    ['CSV', csv([row, row]), ['line 2', 'line 3']],
    ['CSV with CRLF and a byte order mark', `\uFEFF${csv([row, row]).replaceAll('\n', '\r\n')}`, ['line 2', 'line 3']],
    ['a JSON array', JSON.stringify([row, row], null, 2), ['record 1', 'record 2']],
    ['JSON lines', `${json({})}\n\n${json({})}\n`, ['line 1', 'line 3']],
    ['JSON lines with a byte order mark', `\uFEFF${json({})}\r\n${json({})}`, ['line 1', 'line 2']],
  ])('are read from %s', async (_, text, sources) => {
    expect(await read(text)).toEqual({
      devices: sources.map((source) => ({ source, ...device })),
      refused: [],
    });
  });

  it('have their names trimmed, as in a bulk import of SuperTokens', async () => {
    const { devices } = await read(json({ device_name: '  my phone ' }));
    expect(devices).toMatchObject([{ deviceName: 'my phone' }]);
  });

  it('need neither app_id nor created_at, which early versions lack', async () => {
    const { user_id, device_name, secret_key } = row;
    const text = `user_id,device_name,secret_key,period,skew,verified\n${user_id},${device_name},${secret_key},30,1,t`;
    expect(await read(text)).toEqual({ devices: [{ source: 'line 2', ...device }], refused: [] });
  });

  it('may have columns of versions to come', async () => {
    expect((await read(json({ last_used: null }))).devices).toHaveLength(1);
    expect((await read(csv([row]).replace('\n', ',last_used\n').concat(','))).devices).toHaveLength(1);
  });

  it.each(['t', 'true', 'TRUE', '1', true, 1])('are verified by %j', async (verified) => {
    expect((await read(json({ verified }))).devices).toHaveLength(1);
  });

  it.each(['f', 'false', 'False', '0', false, 0])(
    'are refused when verified is %j: their owner never finished',
    async (verified) => {
      expect((await read(json({ verified }))).refused).toEqual([
        { source: 'line 1', reason: expect.stringContaining('never verified') },
      ]);
    },
  );

  it('are of one app', async () => {
    const text = csv([row, { ...row, app_id: 'other' }]);
    expect(await read(text)).toMatchObject({
      devices: [{ source: 'line 2' }],
      refused: [{ source: 'line 3', reason: expect.stringContaining('another app') }],
    });
    expect(await read(text, { appId: 'other' })).toMatchObject({
      devices: [{ source: 'line 3' }],
      refused: [{ source: 'line 2' }],
    });
  });

  it.each([
    ['that says neither', json({ verified: 'yes' }), /neither true nor false/],
    ['whose verified is an object', json({ verified: {} }), /verified is missing/],
    ['without a user', json({ user_id: '' }), /user_id is missing/],
    ['without a name', json({ device_name: null }), /device_name is missing/],
    ['without a secret', JSON.stringify(without('secret_key')), /secret_key is missing/],
    ['with an object for a secret', json({ secret_key: { a: 1 } }), /secret_key is missing/],
    ['without a period', json({ period: null }), /period is missing/],
    ['with a secret that is not Base32', json({ secret_key: '1'.repeat(32) }), /secret_key is not Base32/],
    ['with a secret of 10 bytes', json({ secret_key: 'JBSWY3DPEHPK3PXP' }), /has 10 bytes/],
    ['with a period of 1 s', json({ period: 1 }), /period .* from 15 to 300/],
    ['with a fraction of a period', json({ period: 30.5 }), /period/],
    ['with an endless period', json({ period: 1e300 }), /period/],
    ['with a negative skew', json({ skew: -1 }), /skew .* from 0 to 2/],
    ['with a control character in the name', json({ device_name: 'a\u0007' }), /device_name must not contain/],
    ['with half a character in the user id', json({ user_id: 'a\ud800' }), /user_id contains NUL or unpaired/],
    ['that is a number', '{}\n7', /is not a JSON object/],
    ['that is cut off', `{}\n${json({}).slice(0, -5)}`, /is not JSON/],
    ['with nothing but __proto__', `{"__proto__": ${json({})}}`, /user_id is missing/],
  ])('are refused %s', async (_, text, reason) => {
    const { devices, refused } = await read(text);
    expect(devices).toEqual([]);
    expect(refused.at(-1)?.reason).toMatch(reason);
  });

  it.each([
    ['nothing', '\n', /is empty/],
    ['a CSV without a column', csv([row]).replace('verified', 'checked'), /no column verified/],
    ['a CSV without names', csv([row]).split('\n')[1] ?? '', /first line does not name/],
    ['a JSON array that is cut off', JSON.stringify([row]).slice(0, -1), /one whole array/],
    ['arrays in arrays, without end', '['.repeat(1_000_000), /one whole array/],
  ])('are not read at all from %s', async (_, text, message) => {
    await expect(read(text)).rejects.toThrow(TotpArgumentError);
    await expect(read(text)).rejects.toThrow(message);
  });

  it('come back as they were written, in CSV and in JSON', async () => {
    const text = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 40 })
      .filter((one) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(one));
    const rows = fc.array(
      fc.record({
        app_id: fc.constant('public'),
        user_id: text,
        device_name: text,
        secret_key: fc
          .uint8Array({ minLength: 16, maxLength: 64 })
          .map((bytes) => bytes.with(-1, 1))
          .map(toBase32),
        period: fc.integer({ min: 15, max: 300 }),
        skew: fc.integer({ min: 0, max: 2 }),
        verified: fc.constant('t'),
        created_at: fc.nat(),
      }),
      { minLength: 1, maxLength: 10 },
    );
    const quoted = (one: object) => Object.values(one).map((cell) => `"${String(cell).replaceAll('"', '""')}"`);
    await fc.assert(
      fc.asyncProperty(rows, async (written) => {
        const forms = [
          [Object.keys(row), ...written.map(quoted)].join('\n'),
          JSON.stringify(written),
          written.map((one) => JSON.stringify(one)).join('\n'),
        ];
        for (const form of forms) {
          const { devices, refused } = await read(form);
          expect(refused).toEqual([]);
          expect(
            devices.map(({ userId, deviceName, secret, period, skew }) => [
              userId,
              deviceName,
              toBase32(secret),
              period,
              skew,
            ]),
          ).toEqual(written.map((one) => [one.user_id, one.device_name, one.secret_key, one.period, one.skew]));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('repeat no secret when they are refused', async () => {
    const texts = [`{"secret_key": "${row.secret_key}`, json({ secret_key: `${row.secret_key}!` }), `[${json({})}`];
    for (const text of texts) {
      const said = await read(text).catch(String);
      expect(JSON.stringify(said)).not.toContain(row.secret_key.slice(0, 12));
    }
  });
});
