/** Which requests are refused, in which words, and what is read as what (contract §1). */
import { platforms } from '../support/application.js';
import {
  answered,
  badRequest,
  invalidClaim,
  invalidTotp,
  type Message,
  Person,
  send,
  refused,
  unauthorised,
  useApplication,
} from '../support/client.js';

const required = (field: string) => `${field} is required and must be a non-empty string`;
const tooLong = (field: string) => `${field} must not be longer than 256 characters`;
const control = (field: string) => `${field} must not contain control characters`;
const totpRequired = 'totp is required and must be a string';

const routes = [
  ['POST', '/device'],
  ['GET', '/device/list'],
  ['POST', '/device/remove'],
  ['POST', '/device/verify'],
  ['POST', '/device/rename'],
  ['POST', '/verify'],
] as const;

/** Names that no device may have, and what is said of them. */
const badNames = [
  ['an empty name', '', required],
  ['a name of 257 characters', 'x'.repeat(257), tooLong],
  ['a name with a NUL', 'a\0b', control],
  ['a name with a line break', 'a\nb', control],
  ['a name with a delete character', 'a\u007fb', control],
  ['a name with a line separator', 'a\u2028b', control],
  ['a name with half a surrogate pair', 'a\ud800b', control],
] as const;

/** Values that are no string at all. */
const noStrings = [
  ['a number', 1],
  ['null', null],
  ['true', true],
  ['an array', ['phone']],
  ['an object', { toString: 'phone' }],
] as const;

/** What is no code: counted as a failure, never evaluated, never an error. */
const noCodes = [
  ['an empty text', ''],
  ['spaces', '   '],
  ['letters', 'abcdef'],
  ['too few digits', '12345'],
  ['too many digits', '1234567'],
  ['full-width digits', '１２３４５６'],
  ['Arabic digits', '١٢٣٤٥٦'],
  ['a sign', '-12345'],
  ['an exponent', '1e0005'],
  ['a decimal point', '12345.'],
  ['a NUL', '12345\0'],
  ['a NUL after six digits', '123456\0'],
  ['emoji', '🙂🙂🙂'],
  ['half a surrogate pair', '12345\ud83d'],
  ['a text of 10 kB', '9'.repeat(10_000)],
  ['a text of 10 kB of spaces', ' '.repeat(10_000)],
  ['SQL', "1' OR '1'='1"],
] as const;

describe.each(platforms)('on %s', (platform) => {
  const application = useApplication({ platform });
  const newPerson = () => new Person(application());

  describe.each(routes)('%s %s', (method, route) => {
    it.each([
      ['without a body', undefined, undefined],
      ['with an empty object', '{}', 'application/json'],
      ['with a wrong body', '{"deviceName":1,"totp":1}', 'application/json'],
      ['with a body that is no object', '[]', 'application/json'],
      ['with an empty body that says it is JSON', '', 'application/json'],
      ['with a form', 'deviceName=phone', 'application/x-www-form-urlencoded'],
      ['with a type that nobody knows', 'phone', 'application/x-phone'],
    ])('L6: answers 401 before it looks at the body without a signed-in user: %s', async (_, body, type) => {
      const init =
        method === 'GET' || body === undefined ? {} : { body, headers: type ? { 'content-type': type } : {} };
      expect(await send(`${application().url}/totp${route}`, { method, ...init })).toEqual(unauthorised);
    });
  });

  it('answers 500 to a user whose id is an empty string, a mistake of the sign-in guard', async () => {
    const nobody = new Person(application(), { userId: '' });
    expect(await nobody.list()).toEqual(refused(500, { statusCode: 500, message: 'Internal server error' }));
  });

  describe('POST /totp/device', () => {
    it.each(noStrings)('refuses %s as deviceName', async (_, deviceName) => {
      expect(await newPerson().post('/device', { deviceName })).toEqual(badRequest('deviceName must be a string'));
    });

    it.each(badNames)('refuses %s', async (_, deviceName, message) => {
      expect(await newPerson().post('/device', { deviceName })).toEqual(badRequest(message('deviceName')));
    });

    it('takes a name of 256 characters, beyond the Basic Multilingual Plane too', async () => {
      for (const deviceName of ['x'.repeat(256), '🙂'.repeat(256)]) {
        expect((await newPerson().post('/device', { deviceName })).body).toMatchObject({ status: 'OK', deviceName });
      }
    });

    it.each(['  phone  ', 'Zoë’s 📱 <b>"&#;?%', '‏هاتف', '.', '__proto__', 'constructor'])(
      'takes the name %j',
      async (name) => {
        expect((await newPerson().post('/device', { deviceName: name })).body).toMatchObject({ deviceName: name });
      },
    );
  });

  describe.each([
    ['POST /totp/device/remove', '/device/remove', 'deviceName', {}],
    ['POST /totp/device/verify', '/device/verify', 'deviceName', { totp: '123456' }],
    ['POST /totp/device/rename', '/device/rename', 'existingDeviceName', { newDeviceName: 'tablet' }],
    ['POST /totp/device/rename', '/device/rename', 'newDeviceName', { existingDeviceName: 'phone' }],
  ])('%s', (_title, route, field, others) => {
    it(`refuses a missing ${field}`, async () => {
      expect(await newPerson().post(route, others)).toEqual(badRequest(required(field)));
    });

    it.each(noStrings)(`refuses %s as ${field}`, async (_, value) => {
      expect(await newPerson().post(route, { ...others, [field]: value })).toEqual(badRequest(required(field)));
    });

    it.each(badNames)(`refuses %s as ${field}`, async (_, name, message) => {
      expect(await newPerson().post(route, { ...others, [field]: name })).toEqual(badRequest(message(field)));
    });
  });

  describe.each([
    ['POST /totp/verify', '/verify', {}],
    ['POST /totp/device/verify', '/device/verify', { deviceName: 'phone' }],
  ])('%s', (_title, route, others) => {
    it('refuses a missing totp', async () => {
      expect(await newPerson().post(route, others)).toEqual(badRequest(totpRequired));
    });

    it.each(noStrings)('refuses %s as totp', async (_, totp) => {
      expect(await newPerson().post(route, { ...others, totp })).toEqual(badRequest(totpRequired));
    });

    it('counts no refused request as a failure', async () => {
      const person = newPerson();
      await person.create('phone');
      await person.post(route, { ...others, totp: 123456 });
      await person.post(route, others);
      expect(await person.post(route, { ...others, totp: 'wrong' })).toEqual(invalidTotp(1));
    });

    it.each(noCodes)('C5: counts %s as a failure, whatever it is', async (_, totp) => {
      const person = newPerson();
      await person.create('phone');
      expect(await person.post(route, { ...others, totp })).toEqual(invalidTotp(1));
    });
  });

  it.each([
    ['in the middle', (code: string) => `${code.slice(0, 3)} ${code.slice(3)}`],
    ['around', (code: string) => ` ${code}\n`],
    ['everywhere', (code: string) => Array.from(code).join('\t')],
    ['that do not break', (code: string) => `${code.slice(0, 3)}\u00a0${code.slice(3)}\u2009`],
    ['and a hyphen', (code: string) => ` ${code.slice(0, 3)}-${code.slice(3)}`],
    ['of no width', (code: string) => `\u200E${code.slice(0, 3)}\u200B${code.slice(3)}`],
    [
      'and Arabic digits',
      (code: string) => code.replace(/./g, (digit) => String.fromCodePoint(0x0660 + Number(digit))),
    ],
  ])('C5: takes a right code with spaces %s', async (_, typed) => {
    const person = newPerson();
    const phone = await person.create('phone');
    expect((await person.verify('phone', typed(phone.code()))).body).toMatchObject({ status: 'OK' });
    expect(await person.signIn(typed(phone.code(1)))).toEqual(answered({ status: 'OK' }));
  });

  describe('the order of checks', () => {
    it('answers 400 before 403: a session that may not change devices is answered about the wrong body first', async () => {
      const person = newPerson();
      await person.enrol('phone');
      const again = person.signedInAnew();
      expect(await again.post('/device', { deviceName: 1 })).toEqual(badRequest('deviceName must be a string'));
      expect(await again.post('/device/verify', { deviceName: 'phone' })).toEqual(badRequest(totpRequired));
      expect(await again.post('/device/remove', {})).toEqual(badRequest(required('deviceName')));
      expect(await again.post('/device/rename', {})).toEqual(badRequest(required('existingDeviceName')));
    });

    it('answers 403 before the API: it does not tell which devices there are', async () => {
      const person = newPerson();
      await person.enrol('phone');
      const again = person.signedInAnew();
      const unknown = { existingDeviceName: 'unknown', newDeviceName: 'phone' };
      expect(await again.post('/device', { deviceName: 'phone' })).toEqual(invalidClaim);
      expect(await again.verify('unknown', '123456')).toEqual(invalidClaim);
      expect(await again.post('/device/rename', unknown)).toEqual(invalidClaim);
    });
  });

  describe('a body', () => {
    const json = { 'content-type': 'application/json' };

    it.each<[string, Message]>([
      ['is missing', {}],
      ['is empty and says it is JSON', { body: '', headers: json }],
      ['is missing and says it is JSON', { headers: json }],
      ['is missing and says it is something else', { headers: { 'content-type': 'application/x-phone' } }],
      ['is an empty object', { body: '{}', headers: json }],
      ['names its charset', { body: '{}', headers: { 'content-type': 'Application/JSON; charset=utf-8' } }],
    ])('that %s is read as {}', async (_, init) => {
      const post = { method: 'POST', ...init };
      expect((await newPerson().send('/device', post)).body).toMatchObject({ deviceName: 'TOTP Device 0' });
      expect(await newPerson().send('/verify', post)).toEqual(badRequest(totpRequired));
    });

    it('may come in pieces, without a length', async () => {
      const body = new Blob(['{"deviceName":', '"phone"}']).stream();
      const init: Message = { method: 'POST', body, headers: json, duplex: 'half' };
      expect((await newPerson().send('/device', init)).body).toMatchObject({ deviceName: 'phone' });
    });

    it.each([
      '{',
      '{"totp":"123456"',
      'totp=123456',
      '{"totp":"123456"}}',
      "{'totp':'123456'}",
      '\u0000',
      '{"totp":"\n"}',
    ])('that is not JSON (%j) is a 400', async (body) => {
      expect(await newPerson().send('/verify', { method: 'POST', body, headers: json })).toMatchObject({
        status: 400,
        body: { statusCode: 400, message: expect.any(String) },
      });
    });

    it.each(['null', '1', 'true', '"123456"', '[]', '["totp"]', '[{"totp":"123456"}]'])(
      'that is no object (%s) is a 400',
      async (body) => {
        expect(await newPerson().send('/verify', { method: 'POST', body, headers: json })).toEqual(
          badRequest(expect.any(String)),
        );
        expect(await newPerson().send('/device', { method: 'POST', body, headers: json })).toEqual(
          badRequest(expect.any(String)),
        );
      },
    );

    it.each([
      ['a form', 'application/x-www-form-urlencoded', 'totp=123456'],
      ['a text, as a form of another site can send it', 'text/plain', '{"totp":"123456"}'],
      ['a multipart form', 'multipart/form-data; boundary=x', '--x\r\n\r\n--x--'],
      ['XML', 'application/xml', '<totp>123456</totp>'],
      ['another kind of JSON', 'application/vnd.api+json', '{"totp":"123456"}'],
      ['something that only begins like JSON', 'application/jsonp', '{"totp":"123456"}'],
      ['nothing that is said', '', '{"totp":"123456"}'],
    ])('that is %s is a 400 that says to send JSON', async (_, type, body) => {
      const init = { method: 'POST', body: Buffer.from(body), headers: type ? { 'content-type': type } : {} };
      expect(await newPerson().send('/verify', init)).toEqual(
        badRequest('the body must be JSON: send it with the header Content-Type: application/json'),
      );
    });

    it.each([
      ['__proto__', '{"__proto__":{"deviceName":"phone","totp":"123456"}}'],
      ['constructor', '{"constructor":{"prototype":{"deviceName":"phone","totp":"123456"}}}'],
    ])('does not get fields by way of %s', async (_, body) => {
      const init = { method: 'POST', body, headers: json };
      for (const route of ['/verify', '/device/verify', '/device/remove', '/device/rename']) {
        expect(await newPerson().send(route, init)).toMatchObject({ status: 400 });
      }
      expect(Object.keys(Object.prototype)).toEqual([]);
      expect('deviceName' in {}).toBe(false);
    });

    it('does not get fields by way of a prototype that something else has polluted', async () => {
      const polluted = { value: '000000', configurable: true };
      Object.defineProperty(Object.prototype, 'totp', polluted);
      const answer = await newPerson().send('/verify', { method: 'POST', body: '{}', headers: json });
      Reflect.deleteProperty(Object.prototype, 'totp');
      expect(answer).toEqual(badRequest(totpRequired));
    });

    it('may have fields that the module does not know', async () => {
      const body = { deviceName: 'phone', userId: 'another', verified: true, secret: 'A'.repeat(32), now: 0 };
      const person = newPerson();
      expect((await person.post('/device', body)).body).toMatchObject({ status: 'OK', deviceName: 'phone' });
      expect((await person.list()).body).toMatchObject({ devices: [{ name: 'phone', verified: false }] });
    });
  });

  it('C3: does not take the time from a client', async () => {
    const person = newPerson();
    const phone = await person.create('phone');
    const headers = { 'content-type': 'application/json', date: new Date(0).toUTCString() };
    const body = JSON.stringify({
      deviceName: 'phone',
      totp: phone.code(-10),
      now: application().clock.now() - 300_000,
    });
    expect(await person.send('/device/verify?now=0', { method: 'POST', body, headers })).toEqual(invalidTotp(1));
  });

  it.each([
    ['GET', '/device'],
    ['POST', '/device/list'],
    ['DELETE', '/device/remove'],
    ['GET', '/verify'],
    ['POST', '/nothing'],
  ])('leaves %s %s to the application', async (method, route) => {
    expect(await newPerson().send(route, { method })).toMatchObject({ status: 404 });
  });
});
