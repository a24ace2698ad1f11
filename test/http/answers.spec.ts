/** What each API answers to each outcome: always HTTP 200, on every platform and database (contract §1). */
import {
  answered,
  everywhere,
  invalidClaim,
  invalidTotp,
  limitReached,
  Person,
  useApplication,
} from '../support/client.js';

describe.each(everywhere)('$name', ({ platform, open }) => {
  const application = useApplication({ platform, open });
  const newPerson = () => new Person(application());

  describe('POST /totp/device', () => {
    it('answers OK with the secret as Base32, the key URI and its QR code, and nothing else', async () => {
      expect(await newPerson().post('/device', { deviceName: 'phone' })).toEqual(
        answered({
          status: 'OK',
          deviceName: 'phone',
          secret: expect.stringMatching(/^[A-Z2-7]{32}$/),
          qrCodeString: expect.stringMatching(/^otpauth:\/\/totp\/Acme\?secret=[A-Z2-7]{32}&issuer=Acme&/),
          qrCodeImage: expect.stringMatching(/^data:image\/svg\+xml;base64,/),
        }),
      );
    });

    it('S3: is never cached', async () => {
      const { headers } = await newPerson().post('/device', {});
      expect(headers.get('cache-control')).toBe('no-store');
    });

    it('S3: answers DEVICE_ALREADY_EXISTS_ERROR under the name of a verified device, and shows no secret', async () => {
      const person = newPerson();
      await person.enrol('phone');
      expect(await person.post('/device', { deviceName: 'phone' })).toEqual(
        answered({ status: 'DEVICE_ALREADY_EXISTS_ERROR' }),
      );
    });

    it('answers GENERAL_ERROR with a message for people at the device cap', async () => {
      const person = newPerson();
      for (let n = 0; n < 10; n++) await person.create(`device ${n}`);
      expect(await person.post('/device', { deviceName: 'one more' })).toEqual(
        answered({
          status: 'GENERAL_ERROR',
          message: 'You can have up to 10 authenticators. Remove one to add another.',
        }),
      );
    });
  });

  describe('GET /totp/device/list', () => {
    it('answers OK with no devices at first', async () => {
      expect(await newPerson().list()).toEqual(answered({ status: 'OK', devices: [] }));
    });

    it('S3: shows the name, settings and times of each device, and never a secret', async () => {
      const person = newPerson();
      await person.enrol('phone');
      await person.create('tablet');
      const at = application().clock.now();
      expect(await person.list()).toEqual(
        answered({
          status: 'OK',
          devices: [
            { name: 'phone', period: 30, skew: 1, verified: true, createdAt: at, verifiedAt: at, lastUsedAt: null },
            { name: 'tablet', period: 30, skew: 1, verified: false, createdAt: at, verifiedAt: null, lastUsedAt: null },
          ],
        }),
      );
    });
  });

  describe('POST /totp/device/remove', () => {
    it('answers OK, and whether there was such a device', async () => {
      const person = newPerson();
      await person.create('phone');
      const remove = () => person.post('/device/remove', { deviceName: 'phone' });
      expect(await remove()).toEqual(answered({ status: 'OK', didDeviceExist: true }));
      expect(await remove()).toEqual(answered({ status: 'OK', didDeviceExist: false }));
    });
  });

  describe('POST /totp/device/verify', () => {
    it('answers OK, and whether the device was verified already', async () => {
      const person = newPerson();
      const { deviceName } = await person.enrol('phone');
      expect(await person.verify(deviceName, 'whatever')).toEqual(answered({ status: 'OK', wasAlreadyVerified: true }));
    });

    it('answers UNKNOWN_DEVICE_ERROR for a name that the user has no device of', async () => {
      const person = newPerson();
      const phone = await person.create('phone');
      expect(await person.verify('tablet', phone.code())).toEqual(answered({ status: 'UNKNOWN_DEVICE_ERROR' }));
    });

    it('answers INVALID_TOTP_ERROR with the failures so far to a wrong code', async () => {
      const person = newPerson();
      await person.create('phone');
      expect(await person.verify('phone', person.wrongCode())).toEqual(invalidTotp(1));
    });

    it('answers LIMIT_REACHED_ERROR with the wait, in a header too, when the budget is spent', async () => {
      const person = newPerson();
      await person.create('phone');
      await person.spendBudget();
      const answer = await person.verify('phone', person.wrongCode());
      expect(answer).toEqual(limitReached(900_000));
      expect(answer.headers.get('retry-after')).toBe('900');
    });
  });

  describe('POST /totp/verify', () => {
    it('answers OK and nothing else to a right code', async () => {
      const person = newPerson();
      const phone = await person.enrol();
      application().clock.advance(30);
      expect(await person.signIn(phone.code())).toEqual(answered({ status: 'OK' }));
    });

    it('answers UNKNOWN_USER_ID_ERROR to a user without any device', async () => {
      expect(await newPerson().signIn('123456')).toEqual(answered({ status: 'UNKNOWN_USER_ID_ERROR' }));
    });

    it('answers INVALID_TOTP_ERROR with the failures so far to a wrong code', async () => {
      const person = newPerson();
      await person.enrol();
      expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(1));
    });

    it('answers LIMIT_REACHED_ERROR with the wait, in a header too, rounded up to seconds', async () => {
      const person = newPerson();
      await person.enrol();
      await person.spendBudget();
      application().clock.advance(0.001);
      const answer = await person.signIn(person.wrongCode());
      application().clock.advance(29.999);
      expect(answer).toEqual(limitReached(899_999));
      expect(answer.headers.get('retry-after')).toBe('900');
    });

    it('sends no Retry-After with any other answer', async () => {
      const person = newPerson();
      await person.enrol();
      expect((await person.signIn(person.wrongCode())).headers.has('retry-after')).toBe(false);
    });
  });

  describe('POST /totp/device/rename', () => {
    const rename = (person: Person, existingDeviceName: string, newDeviceName: string) =>
      person.post('/device/rename', { existingDeviceName, newDeviceName });

    it('answers OK, and the device has the new name', async () => {
      const person = newPerson();
      await person.enrol('phone');
      expect(await rename(person, 'phone', 'old phone')).toEqual(answered({ status: 'OK' }));
      expect((await person.list()).body).toMatchObject({ devices: [{ name: 'old phone' }] });
    });

    it('answers UNKNOWN_DEVICE_ERROR for a name that the user has no device of', async () => {
      expect(await rename(newPerson(), 'phone', 'tablet')).toEqual(answered({ status: 'UNKNOWN_DEVICE_ERROR' }));
    });

    it('answers DEVICE_ALREADY_EXISTS_ERROR when another device has the new name', async () => {
      const person = newPerson();
      await person.enrol('phone');
      await person.create('tablet');
      expect(await rename(person, 'phone', 'tablet')).toEqual(answered({ status: 'DEVICE_ALREADY_EXISTS_ERROR' }));
      expect(await rename(person, 'tablet', 'phone')).toEqual(answered({ status: 'DEVICE_ALREADY_EXISTS_ERROR' }));
    });
  });

  it('answers every route with a trailing slash too', async () => {
    const person = newPerson();
    const phone = await person.create('phone');
    const both = { deviceName: 'phone', totp: phone.code() };
    expect((await person.post('/device/verify/', both)).body).toEqual({ status: 'OK', wasAlreadyVerified: false });
    expect((await person.post('/device/', { deviceName: 'tablet' })).body).toMatchObject({ status: 'OK' });
    expect((await person.send('/device/list/')).body).toMatchObject({
      devices: [{ name: 'phone' }, { name: 'tablet' }],
    });
    const names = { existingDeviceName: 'tablet', newDeviceName: 'pad' };
    expect((await person.post('/device/rename/', names)).body).toEqual({ status: 'OK' });
    expect((await person.post('/device/remove/', { deviceName: 'pad' })).body).toMatchObject({ didDeviceExist: true });
    expect((await person.post('/verify/', { totp: phone.code(1) })).body).toEqual({ status: 'OK' });
  });

  it('answers 403 in the words of SuperTokens to a session that must enter a code first', async () => {
    const person = newPerson();
    await person.enrol('phone');
    const again = person.signedInAnew();
    expect(await again.post('/device', {})).toEqual(invalidClaim);
    expect(await again.post('/device/', {})).toEqual(invalidClaim);
  });
});
