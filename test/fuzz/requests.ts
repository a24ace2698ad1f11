/**
 * Requests as plain data, which fast-check makes, shrinks and prints, and the bytes that they are sent as.
 *
 * Some values can only be filled in when the request is sent: the name of a device that was made before, or its code.
 */
import fc from 'fast-check';
import { anyText, type Nesting, nesting, otherJson, type Repetition, repetition, written } from './texts.js';

/** The routes of the module, below its path. */
export const ROUTES = [
  ['POST', '/device', ['deviceName']],
  ['GET', '/device/list', []],
  ['POST', '/device/remove', ['deviceName']],
  ['POST', '/device/verify', ['deviceName', 'totp']],
  ['POST', '/device/rename', ['existingDeviceName', 'newDeviceName']],
  ['POST', '/verify', ['totp', 'trustBrowser']],
  ['POST', '/recovery-codes', []],
  ['GET', '/recovery-codes', []],
  ['POST', '/recovery-codes/verify', ['recoveryCode', 'trustBrowser']],
  ['GET', '/trusted-browsers', []],
  ['POST', '/trusted-browsers/forget', ['id']],
] as const;

/** The `owner` stays in one session; `again` is the owner, signed in again each time; a `stranger` is another user. */
export type Who = 'owner' | 'again' | 'stranger' | 'nobody';

/** A value in a body. */
export type Value =
  | { readonly text: string }
  | { readonly json: string }
  | Repetition
  | Nesting
  /** The name of one of the user's devices. */
  | { readonly nameOf: number }
  /** One of the recovery codes that the user was shown. */
  | { readonly recoveryCodeOf: number }
  /** The code of one of the user's devices, some steps away; it may contain spaces. */
  | { readonly codeOf: number; readonly steps: number; readonly space: string };

export type Body =
  | null
  | { readonly fields: readonly (readonly [string, Value])[]; readonly cutAt?: number }
  | { readonly value: Value }
  | { readonly raw: string; readonly encoding: 'utf8' | 'utf16le' | 'latin1' }
  | { readonly bytes: readonly number[] };

/** How the body's end is told: truly, or not. */
type Framing =
  'length' | 'chunked' | 'no length' | 'chunked and length' | 'broken chunks' | { readonly length: string };

/** What becomes of the connection once the request, or some of it, was sent. */
type Ending =
  /** The request is whole: the answer must come. */
  | 'wait'
  /** It need not come: the connection is closed when nothing comes for a moment. */
  | 'give up'
  /** The connection breaks after so much of the request (a part of 1). */
  | { readonly breakAfter: number };

type Header = readonly [name: string, value: string | Repetition];

export interface FuzzedRequest {
  readonly who: Who;
  /** Seconds that pass before the request. */
  readonly wait: number;
  readonly method: string;
  readonly target: string | Repetition;
  readonly headers: readonly Header[];
  readonly body: Body;
  readonly framing: Framing;
  readonly ending: Ending;
}

/** What a request is filled in with when it is sent. */
export interface Filling {
  nameOf(device: number): string;
  recoveryCodeOf(n: number): string;
  codeOf(device: number, steps: number): string;
}

const FIELDS = [
  'deviceName',
  'totp',
  'existingDeviceName',
  'newDeviceName',
  'recoveryCode',
  'trustBrowser',
  'id',
] as const;

const codeValue = fc.record({
  codeOf: fc.nat(3),
  steps: fc.constantFrom(0, 1, -1, 2, -2, 3),
  space: fc.constantFrom('', ' ', '\u00a0', '\t'),
});

const fieldValue = (largest: number): fc.Arbitrary<Value> =>
  fc.oneof(
    { arbitrary: anyText.map((text) => ({ text })), weight: 6 },
    { arbitrary: fc.record({ nameOf: fc.nat(3) }), weight: 4 },
    { arbitrary: codeValue, weight: 4 },
    { arbitrary: otherJson.map((json) => ({ json })), weight: 4 },
    { arbitrary: repetition(largest), weight: 1 },
    { arbitrary: nesting(Math.floor(largest / 6)), weight: 1 },
  );

/** What a well-behaved client would send in this field. */
const sensibleValue = (name: string): fc.Arbitrary<Value> => {
  if (name === 'totp') return codeValue;
  if (name === 'recoveryCode') return fc.record({ recoveryCodeOf: fc.nat(20) });
  if (name === 'trustBrowser') return fc.constantFrom('true', 'false').map((json) => ({ json }));
  if (name === 'id') return fc.constant({ text: 'an id' });
  const known = fc.record({ nameOf: fc.nat(3) });
  return name === 'newDeviceName'
    ? fc.oneof(
        known,
        fc.constantFrom('phone 0', 'phone 1', 'new', 'tablet').map((text) => ({ text })),
      )
    : known;
};

const sensibleFields = (names: readonly string[]) =>
  fc.tuple(...names.map((name) => sensibleValue(name).map((value): [string, Value] => [name, value])));

const fieldsOf = (names: readonly string[], largest: number) =>
  fc
    .tuple(
      fc.tuple(
        ...names.map((name) =>
          fc.oneof(sensibleValue(name), fieldValue(largest)).map((value): [string, Value] => [name, value]),
        ),
      ),
      fc.array(
        fc.tuple(fc.oneof(fc.constantFrom<string>(...FIELDS, '__proto__', 'constructor'), anyText), fieldValue(300)),
        { maxLength: 2 },
      ),
    )
    .map(([known, others]) => [...others, ...known]);

const anyBody = (names: readonly string[], largest: number): fc.Arbitrary<Body> =>
  fc.oneof(
    { arbitrary: fc.record({ fields: sensibleFields(names) }), weight: 15 },
    { arbitrary: fc.record({ fields: fieldsOf(names, largest) }), weight: 15 },
    { arbitrary: fc.record({ fields: fieldsOf(names, 300), cutAt: fc.nat(60) }), weight: 1 },
    { arbitrary: fc.record({ value: fieldValue(largest) }), weight: 1 },
    {
      arbitrary: fc.record({ raw: anyText, encoding: fc.constantFrom('utf8', 'utf16le', 'latin1') }),
      weight: 1,
    },
    { arbitrary: fc.record({ bytes: fc.array(fc.nat(255), { maxLength: 20 }) }), weight: 1 },
    { arbitrary: fc.constant(null), weight: 1 },
  );

const seconds = fc.oneof(
  { arbitrary: fc.constantFrom(0, 0.25), weight: 6 },
  { arbitrary: fc.constantFrom(30, 60, 900, 1_201, 86_400, -0.5, -30, -900), weight: 2 },
);

export const plainly = {
  wait: 0,
  headers: [['content-type', 'application/json']],
  framing: 'length',
  ending: 'wait',
} as const;

/** A right code of the owner's newest device, entered in the owner's session. */
export const ownSignIn: FuzzedRequest = {
  ...plainly,
  who: 'owner',
  method: 'POST',
  target: '/totp/verify',
  body: { fields: [['totp', { codeOf: 0, steps: 0, space: '' }]] },
};

/** What a user has done before the requests. */
export interface Past {
  readonly verified: number;
  readonly unverified: number;
  /** Whether the owner's session completed TOTP, where there was a device. */
  readonly completed: boolean;
  readonly failures: number;
}

export const anyPast: fc.Arbitrary<Past> = fc.record({
  verified: fc.integer({ min: 0, max: 2 }),
  unverified: fc.integer({ min: 0, max: 1 }),
  completed: fc.boolean(),
  failures: fc.constantFrom(0, 0, 3, 4, 5),
});

const DEVICE_ROUTE_WEIGHTS: Readonly<Record<string, number>> = {
  '/device': 3,
  '/device/rename': 2,
  '/device/verify': 3,
};

/**
 * A request that HTTP has nothing against: what it says is another matter.
 *
 * @param largest the length of its longest texts
 */
export const wellFormedRequest = (largest: number): fc.Arbitrary<FuzzedRequest> =>
  fc.oneof(
    ...ROUTES.map(([method, route, names]) => ({
      // A device has a history, which takes several requests.
      weight: DEVICE_ROUTE_WEIGHTS[route] ?? 1,
      arbitrary: fc.record({
        who: fc.oneof(
          { arbitrary: fc.constant('owner' as const), weight: 8 },
          { arbitrary: fc.constantFrom('again', 'stranger', 'nobody'), weight: 2 },
        ),
        wait: seconds,
        method: fc.constant(method),
        target: fc.constant(`/totp${route}`),
        headers: fc.constant(plainly.headers),
        body: method === 'GET' ? fc.constant(null) : anyBody(names, largest),
        framing: fc.constantFrom('length', 'length', 'length', 'chunked'),
        ending: fc.constant('wait' as const),
      }),
    })),
  );

/** A request of the owner's with a text or a nesting in every field that is as large as a platform lets pass. */
export const hugeRequest = (largest: number): fc.Arbitrary<FuzzedRequest> =>
  fc.oneof(
    ...ROUTES.filter(([method]) => method === 'POST').map(([method, route, names]) =>
      fc
        .tuple(...names.map((name) => hugeValue(largest).map((value): [string, Value] => [name, value])))
        .map((fields): FuzzedRequest => ({
          ...plainly,
          who: 'owner',
          method,
          target: `/totp${route}`,
          body: { fields },
        })),
    ),
  );

const hugeValue = (largest: number): fc.Arbitrary<Value> =>
  fc.oneof(
    repetition(largest).map(({ repeat }) => ({ repeat, times: Math.floor(largest / JSON.stringify(repeat).length) })),
    fc.constantFrom<Value>(
      { nest: '[', times: Math.floor(largest / 2) },
      { nest: '{"a":', times: Math.floor(largest / 6) },
      { before: '123456', repeat: ' ', times: largest, after: 'x' },
      { before: '\u00a0', repeat: '\t\u00a0', times: Math.floor(largest / 4), after: '123456' },
    ),
  );

/** One text in every field of every route, one after the other; what else the route needs is sensible. */
export function requestsWith(text: string): FuzzedRequest[] {
  return ROUTES.flatMap(([method, route, names]) =>
    names.map((trapped): FuzzedRequest => ({
      ...plainly,
      who: 'owner',
      method,
      target: `/totp${route}`,
      body: {
        fields: names.map((name) => [name, name === trapped ? { text } : { text: name === 'totp' ? '000000' : 'new' }]),
      },
    })),
  );
}

const METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY', 'PROPFIND'];
const NO_METHODS = ['get', 'post', 'G\0T', 'FOO', '', 'POST POST', 'PRI'];

/** A path as a careless client, a proxy or an attacker writes it. */
const anyTarget: fc.Arbitrary<string | Repetition> = fc.oneof(
  ...ROUTES.map(([, route]) => targetLike(`/totp${route}`)),
);

function targetLike(path: string): fc.Arbitrary<string | Repetition> {
  return fc.oneof(
    { arbitrary: fc.constant(path), weight: 4 },
    {
      arbitrary: fc.constantFrom<string | Repetition>(
        `${path}/`,
        `${path}//`,
        `/${path}`,
        path.replaceAll('/', '//'),
        path.toUpperCase(),
        path.replace('totp', '%74otp'),
        path.replaceAll('/', '%2f'),
        path.replace('/totp', '/totp/.'),
        path.replace('/totp', '/x/../totp'),
        path.replace('/totp', '/totp;a=b'),
        `${path}%`,
        `${path}%00`,
        `${path}%c0%80`,
        `${path}%ed%a0%80`,
        `${path}%2e%2e`,
        `${path}?`,
        `${path}?deviceName=phone&totp=123456&now=0`,
        `${path}?__proto__[polluted]=yes&constructor[prototype][polluted]=yes`,
        { before: `${path}?`, repeat: 'a[]=1&', times: 500 },
        `${path}?%`,
        `${path}#fragment`,
        `http://elsewhere.example${path}`,
        `//elsewhere.example${path}`,
        '*',
        '',
        '/',
        `${path} ${path}`,
        `${path}\\..`,
        { before: `${path}/`, repeat: 'x', times: 10_000 },
      ),
      weight: 4,
    },
    { arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 20 }).map((end) => path + end), weight: 1 },
    { arbitrary: anyText.map((end) => path + encodeURI(end.replace(/\p{Cs}/gu, '\ufffd'))), weight: 1 },
  );
}

const CONTENT_TYPES: readonly (string | Repetition)[] = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'application/json; charset=utf-7',
  'application/json; charset=utf-99',
  'application/json; charset=iso-8859-1',
  'application/json; charset="a\\"b"',
  'application/json; charset=\u0080\u009b',
  'application/json;',
  { before: 'application/json', repeat: ' ', times: 5_000, after: 'x' },
  { before: 'application/json', repeat: ';a=b', times: 1_000 },
  'APPLICATION/JSON',
  'application/json, application/json',
  'application/jsonp',
  'application/vnd.api+json',
  'text/json',
  'text/plain',
  'text/plain; application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'application/__proto__',
  '*/*',
  '/',
  ';',
  '',
  '\u00ff',
];

/** A header's value may hold these bytes and no others; with any other byte the request ends there. */
const headerText = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((unit) => String.fromCharCode(unit)), maxLength: 20 }),
  anyText,
);

const anyHeader: fc.Arbitrary<Header> = fc.oneof(
  {
    arbitrary: fc.constantFrom<Header>(
      ['content-encoding', 'gzip'],
      ['content-encoding', 'br'],
      ['content-encoding', 'identity'],
      ['content-encoding', '\u0080x'],
      ['expect', '100-continue'],
      ['expect', '200-ok'],
      ['connection', 'Upgrade'],
      ['upgrade', 'h2c'],
      ['upgrade', 'websocket'],
      ['te', 'trailers'],
      ['trailer', 'x-user'],
      ['accept', 'text/html'],
      ['accept-encoding', '*;q=0'],
      ['range', 'bytes=0-0'],
      ['if-none-match', '*'],
      ['if-modified-since', 'Thu, 01 Jan 1970 00:00:00 GMT'],
      ['cookie', '__proto__=1; a=%; =; ;;'],
      ['authorization', 'Bearer null'],
      ['x-http-method-override', 'DELETE'],
      ['x-forwarded-for', '127.0.0.1, ::1'],
      ['x-forwarded-host', 'elsewhere.example'],
      ['forwarded', 'for="\r'],
      ['origin', 'null'],
      ['host', ''],
      ['host', 'a b'],
      ['date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
      ['x-session', 'another'],
      ['x-tenant', "'; DROP TABLE totp_accounts; --"],
      ['__proto__', 'x'],
      ['constructor', 'x'],
      ['x-long', { repeat: 'x', times: 20_000 }],
      [' x', 'y'],
      ['x y', 'z'],
      ['', ''],
    ),
    weight: 3,
  },
  { arbitrary: fc.tuple(fc.constantFrom('x-tenant', 'cookie', 'accept', 'user-agent'), headerText), weight: 1 },
);

/** A request that may break every rule of HTTP. */
export const anyRequest: fc.Arbitrary<FuzzedRequest> = fc.record({
  who: fc.constantFrom('owner', 'again', 'stranger', 'nobody'),
  wait: fc.constant(0),
  method: fc.oneof(
    { arbitrary: fc.constant('POST'), weight: 6 },
    { arbitrary: fc.constantFrom(...METHODS), weight: 4 },
    { arbitrary: fc.constantFrom(...NO_METHODS), weight: 1 },
  ),
  target: anyTarget,
  headers: fc
    .tuple(
      fc.oneof(
        { arbitrary: fc.constant([['content-type', 'application/json']] as const), weight: 3 },
        {
          arbitrary: fc.constantFrom(...CONTENT_TYPES).map((type): Header[] => [['content-type', type]]),
          weight: 3,
        },
        { arbitrary: headerText.map((type): Header[] => [['content-type', type]]), weight: 1 },
        { arbitrary: fc.constant([] as const), weight: 1 },
      ),
      fc.array(anyHeader, { maxLength: 2 }),
    )
    .map(([types, others]) => [...types, ...others]),
  body: anyBody(FIELDS, 2_000),
  framing: fc.oneof(
    { arbitrary: fc.constant('length' as const), weight: 4 },
    { arbitrary: fc.constantFrom('chunked', 'no length', 'chunked and length', 'broken chunks'), weight: 2 },
    {
      arbitrary: fc
        .constantFrom('0', '1', '00', '+5', '-1', '0x5', '5, 5', '5.0', '1e3', '', '999999999', '99999999999999999999')
        .map((length) => ({ length })),
      weight: 1,
    },
  ),
  ending: fc.oneof(
    { arbitrary: fc.constant('give up' as const), weight: 4 },
    { arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map((breakAfter) => ({ breakAfter })), weight: 1 },
  ),
});

/** The bytes of a request; without those that come after a connection broke. */
export function bytesOf(request: FuzzedRequest, sender: Readonly<Record<string, string>>, filling: Filling): Buffer {
  const content = bodyBytes(request.body, filling);
  const { framing, ending } = request;
  const headers: readonly Header[] = [
    ...Object.entries({ host: 'localhost', ...sender }),
    ...request.headers,
    ...framingHeaders(framing, content),
  ];
  const head = Buffer.from(
    `${request.method} ${written(request.target)} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${written(value)}\r\n`).join('')}\r\n`,
    'latin1',
  );
  const bytes = Buffer.concat([head, framedBody(framing, content)]);
  return typeof ending === 'object' ? bytes.subarray(0, Math.floor(bytes.length * ending.breakAfter)) : bytes;
}

function framingHeaders(framing: Framing, content: Buffer): [string, string][] {
  const length: [string, string] = ['content-length', String(content.length)];
  const chunked: [string, string] = ['transfer-encoding', 'chunked'];
  if (typeof framing === 'object') return [['content-length', framing.length]];
  switch (framing) {
    case 'length':
      return content.length === 0 ? [] : [length];
    case 'chunked':
    case 'broken chunks':
      return [chunked];
    case 'chunked and length':
      return [chunked, length];
    case 'no length':
      return [];
  }
}

function framedBody(framing: Framing, content: Buffer): Buffer {
  const isChunked = framing === 'chunked' || framing === 'chunked and length' || framing === 'broken chunks';
  if (!isChunked) return content;
  const half = Math.floor(content.length / 2);
  const chunks = [content.subarray(0, half), content.subarray(half)].filter((chunk) => chunk.length > 0);
  const size = (chunk: Buffer) => (framing === 'broken chunks' ? 'zz' : chunk.length.toString(16));
  return Buffer.concat([
    ...chunks.flatMap((chunk) => [Buffer.from(`${size(chunk)}\r\n`), chunk, Buffer.from('\r\n')]),
    Buffer.from('0\r\n\r\n'),
  ]);
}

function bodyBytes(body: Body, filling: Filling): Buffer {
  if (body === null) return Buffer.alloc(0);
  if ('fields' in body) {
    const members = body.fields.map(([name, value]) => `${JSON.stringify(name)}:${jsonOf(value, filling)}`);
    const json = Buffer.from(`{${members.join(',')}}`);
    return body.cutAt === undefined ? json : json.subarray(0, body.cutAt);
  }
  if ('value' in body) return Buffer.from(jsonOf(body.value, filling));
  if ('raw' in body) return Buffer.from(body.raw, body.encoding);
  return Buffer.from(body.bytes);
}

function jsonOf(value: Value, filling: Filling): string {
  if ('text' in value) return JSON.stringify(value.text);
  if ('json' in value) return value.json;
  if ('repeat' in value) return JSON.stringify(written(value));
  if ('nest' in value)
    return value.nest.repeat(value.times) + '0' + (value.nest === '[' ? ']' : '}').repeat(value.times);
  if ('recoveryCodeOf' in value) return JSON.stringify(filling.recoveryCodeOf(value.recoveryCodeOf));
  if ('nameOf' in value) return JSON.stringify(filling.nameOf(value.nameOf));
  const code = filling.codeOf(value.codeOf, value.steps);
  return JSON.stringify(`${code.slice(0, 3)}${value.space}${code.slice(3)}`);
}
