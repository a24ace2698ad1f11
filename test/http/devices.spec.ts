/** How devices come, are named, and go (contract §2), on every database. */
import { randomUUID } from 'node:crypto';
import { TotpArgumentError } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { answered, everyDatabase, Person, useApplication } from '../support/client.js';

const DAY = 86_400;
/** Texts that databases like to take for one another. */
const lookalikes = ['a', 'A', 'a ', ' a', 'ä', 'a\u0308', 'á', 'ａ', 'a\u200b', 'ß'];

describe.each(everyDatabase)('$name', ({ platform, open }) => {
  const application = useApplication({ platform, open });
  const newPerson = (userId: string = randomUUID()) => new Person(application(), { userId });
  const wait = (seconds: number) => {
    application().clock.advance(seconds);
  };
  const eventsOf = ({ userId }: Person) => application().events.events.filter((event) => event.userId === userId);
  const signedInWith = async (person: Person, code: string) => {
    expect(await person.signIn(code)).toEqual(answered({ status: 'OK' }));
  };

  describe('the default name', () => {
    it('counts up from the number of verified devices', async () => {
      const person = newPerson();
      expect((await person.enrol()).deviceName).toBe('TOTP Device 0');
      expect((await person.enrol()).deviceName).toBe('TOTP Device 1');
      expect((await person.enrol()).deviceName).toBe('TOTP Device 2');
    });

    it('counts no unverified devices, and is that of an unverified device which it replaces', async () => {
      const person = newPerson();
      await person.create('phone');
      expect((await person.create()).deviceName).toBe('TOTP Device 0');
      expect((await person.create()).deviceName).toBe('TOTP Device 0');
      expect(await names(person)).toEqual(['phone', 'TOTP Device 0']);
    });

    it('counts on past the names of verified devices', async () => {
      const person = newPerson();
      await person.enrol('TOTP Device 1');
      expect((await person.enrol()).deviceName).toBe('TOTP Device 2');
      await person.post('/device/remove', { deviceName: 'TOTP Device 1' });
      expect((await person.enrol()).deviceName).toBe('TOTP Device 1');
      expect((await person.enrol()).deviceName).toBe('TOTP Device 3');
    });
  });

  it('C4: gives every device a secret of its own', async () => {
    const person = newPerson();
    const made = [await person.create('a'), await person.create('b'), await newPerson().create('a')];
    expect(new Set(made.map(({ secret }) => secret)).size).toBe(3);
  });

  describe('creating under the name of an unverified device', () => {
    it('replaces it: the old secret is worth nothing any more', async () => {
      const person = newPerson();
      const old = await person.create('phone');
      const phone = await person.create('phone');
      expect(phone.secret).not.toBe(old.secret);
      expect((await person.verify('phone', old.code())).body).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
      expect((await person.verify('phone', phone.code())).body).toMatchObject({ status: 'OK' });
      expect(await names(person)).toEqual(['phone']);
    });

    it('makes it the newest device', async () => {
      const person = newPerson();
      await person.create('phone');
      await person.create('tablet');
      await person.create('phone');
      expect(await names(person)).toEqual(['tablet', 'phone']);
    });
  });

  it('keeps a verified device as it is when another is created under its name', async () => {
    const person = newPerson();
    const phone = await person.enrol('phone');
    await person.post('/device', { deviceName: 'phone' });
    await signedInWith(person, phone.code(1));
  });

  it('lists devices oldest first, through renames and verifications', async () => {
    const person = newPerson();
    const created: string[] = [];
    for (const name of ['zebra', 'ant', 'mouse']) {
      const { deviceName } = await person.create(name);
      created.push(deviceName);
      wait(1);
    }
    await person.verify('mouse', last(person).code());
    await person.post('/device/rename', { existingDeviceName: 'zebra', newDeviceName: 'yak' });
    expect(await names(person)).toEqual(['yak', ...created.slice(1)]);
  });

  describe('the device cap', () => {
    const atTheCap = async () => {
      const person = newPerson();
      for (let n = 0; n < 10; n++) await person.create(`device ${n}`);
      return person;
    };
    const create = async (person: Person, deviceName: string) => (await person.post('/device', { deviceName })).body;

    it('counts unverified devices too, and is told to the application as DEVICE_LIMIT_REACHED_ERROR', async () => {
      const { userId } = await atTheCap();
      const refusal = { status: 'DEVICE_LIMIT_REACHED_ERROR', maxDevices: 10 };
      expect(await application().totp.createDevice({ userId, onBehalfOf: 'application' })).toEqual(refusal);
      expect(await application().totp.importDevice({ userId, secretKey: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' })).toEqual(
        refusal,
      );
    });

    it('lets an unverified device be replaced', async () => {
      expect(await create(await atTheCap(), 'device 3')).toMatchObject({ status: 'OK' });
    });

    it('reports a verified name rather than of the cap', async () => {
      const person = await atTheCap();
      await person.verify('device 9', last(person).code());
      expect(await create(person, 'device 9')).toEqual({ status: 'DEVICE_ALREADY_EXISTS_ERROR' });
    });

    it('lets another device in when one is removed', async () => {
      const person = await atTheCap();
      await person.post('/device/remove', { deviceName: 'device 0' });
      expect(await create(person, 'one more')).toMatchObject({ status: 'OK' });
      expect(await create(person, 'two more')).toMatchObject({ status: 'GENERAL_ERROR' });
    });

    it('does not count devices that have expired', async () => {
      const person = await atTheCap();
      wait(DAY);
      expect(await create(person, 'one more')).toMatchObject({ status: 'OK' });
      expect(await names(person)).toEqual(['one more']);
    });

    it('holds against parallel requests', async () => {
      const person = newPerson();
      const answers = await Promise.all(Array.from({ length: 15 }, (_, n) => create(person, `device ${n}`)));
      expect(answers.filter((body) => statusOf(body) === 'OK')).toHaveLength(10);
      expect(answers.filter((body) => statusOf(body) === 'GENERAL_ERROR')).toHaveLength(5);
      expect(await names(person)).toHaveLength(10);
    });
  });

  describe('an unverified device', () => {
    it('can be verified until 24 hours have passed', async () => {
      const person = newPerson();
      const phone = await person.create('phone');
      wait(DAY - 0.001);
      expect(await names(person)).toEqual(['phone']);
      expect((await person.verify('phone', phone.code())).body).toMatchObject({ status: 'OK' });
    });

    it('M4: is gone after 24 hours', async () => {
      const person = newPerson();
      const phone = await person.create('phone');
      wait(DAY);
      const rename = { existingDeviceName: 'phone', newDeviceName: 'tablet' };
      expect(await names(person)).toEqual([]);
      expect(await person.verify('phone', phone.code())).toEqual(answered({ status: 'UNKNOWN_DEVICE_ERROR' }));
      expect(await person.signIn(phone.code())).toEqual(answered({ status: 'UNKNOWN_USER_ID_ERROR' }));
      expect(await person.post('/device/rename', rename)).toEqual(answered({ status: 'UNKNOWN_DEVICE_ERROR' }));
      expect(await person.post('/device/remove', { deviceName: 'phone' })).toEqual(
        answered({ status: 'OK', didDeviceExist: false }),
      );
    });

    it('leaves its name to others when it is gone', async () => {
      const person = newPerson();
      const phone = await person.enrol('phone');
      await person.create('tablet');
      wait(DAY);
      await signedInWith(person, phone.code());
      const rename = { existingDeviceName: 'phone', newDeviceName: 'tablet' };
      expect(await person.post('/device/rename', rename)).toEqual(answered({ status: 'OK' }));
      expect(await names(person)).toEqual(['tablet']);
    });

    it('is a new device with 24 hours of its own when it is replaced', async () => {
      const person = newPerson();
      await person.create('phone');
      wait(DAY - 1);
      await person.create('phone');
      wait(DAY - 1);
      expect(await names(person)).toEqual(['phone']);
    });
  });

  it('M4: refuses a code for a device that was removed', async () => {
    const person = newPerson();
    const phone = await person.create('phone');
    await person.post('/device/remove', { deviceName: 'phone' });
    expect(await person.verify('phone', phone.code())).toEqual(answered({ status: 'UNKNOWN_DEVICE_ERROR' }));
    const tablet = await person.enrol('tablet');
    await person.create('phone');
    await person.post('/device/remove', { deviceName: 'tablet' });
    expect((await person.signIn(tablet.code(1))).body).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
  });

  it('M4: verifies a renamed device under its new name only', async () => {
    const person = newPerson();
    const phone = await person.create('phone');
    await person.post('/device/rename', { existingDeviceName: 'phone', newDeviceName: 'tablet' });
    expect(await person.verify('phone', phone.code())).toEqual(answered({ status: 'UNKNOWN_DEVICE_ERROR' }));
    expect((await person.verify('tablet', phone.code())).body).toMatchObject({ status: 'OK' });
    await signedInWith(person, phone.code(1));
  });

  it('never lets a verified device expire', async () => {
    const person = newPerson();
    const phone = await person.enrol('phone');
    wait(400 * DAY);
    expect(await names(person)).toEqual(['phone']);
    await signedInWith(person, phone.code());
  });

  describe('names and user ids', () => {
    it('M5: compare byte for byte when devices are created, renamed and removed', async () => {
      const person = newPerson();
      for (const name of lookalikes) await person.create(name);
      expect(await names(person)).toEqual(lookalikes);
      const remove = await person.post('/device/remove', { deviceName: 'a' });
      expect(remove).toEqual(answered({ status: 'OK', didDeviceExist: true }));
      expect(await names(person)).toEqual(lookalikes.slice(1));
      const rename = { existingDeviceName: 'A', newDeviceName: 'a' };
      expect(await person.post('/device/rename', rename)).toEqual(answered({ status: 'OK' }));
      expect(await names(person)).toEqual(['a', ...lookalikes.slice(2)]);
    });

    it('M5: compare byte for byte when devices are verified', async () => {
      const person = newPerson();
      const lower = await person.create('a');
      await person.create('A');
      expect((await person.verify('a', lower.code())).body).toMatchObject({ wasAlreadyVerified: false });
      expect((await person.list()).body).toMatchObject({ devices: [{ verified: true }, { verified: false }] });
    });

    it("M3: refuses another user's devices and tries to a user whose id only looks the same", async () => {
      const base = randomUUID();
      const people = lookalikes.map((look) => newPerson(base + look));
      for (const [n, person] of people.entries()) await person.create(`device of ${n}`);
      for (const [n, person] of people.entries()) {
        expect(await names(person)).toEqual([`device of ${n}`]);
        expect((await person.signIn('wrong')).body).toMatchObject({ currentNumberOfFailedAttempts: 1 });
      }
    });

    it.each(['x'.repeat(5_000), '🙂'.repeat(300), 'a/../b', "'; DROP TABLE totp_accounts; --", '__proto__'])(
      'may be any text: %.20s',
      async (odd) => {
        const person = newPerson(`${odd} ${randomUUID()}`);
        await person.enrol('phone');
        expect(await names(person)).toEqual(['phone']);
        expect((await application().totp.getStatuses({ userIds: [person.userId] })).users).toMatchObject([
          { userId: person.userId, devices: [{ name: 'phone' }] },
        ]);
      },
    );
  });

  describe('parallel requests for one name', () => {
    it('leave one device with a secret that works, and one event for each create', async () => {
      const person = newPerson();
      const made = await Promise.all(Array.from({ length: 4 }, () => person.create('phone')));
      expect(await names(person)).toEqual(['phone']);
      const answers = [];
      for (const device of made) answers.push((await person.verify('phone', device.code())).body);
      expect(answers.filter((body) => statusOf(body) === 'OK').length).toBeGreaterThanOrEqual(1);
      expect(eventsOf(person).filter(({ name }) => name === 'totp.device.verified')).toHaveLength(1);
      expect(eventsOf(person).filter(({ name }) => name === 'totp.device.created')).toHaveLength(4);
    });

    it('verify a device once, with one event', async () => {
      const person = newPerson();
      const phone = await person.create('phone');
      const answers = await Promise.all(Array.from({ length: 8 }, () => person.verify('phone', phone.code())));
      const fresh = answers.filter(({ status, body }) => status === 200 && statusOf(body) === 'OK' && isFresh(body));
      expect(fresh).toHaveLength(1);
      expect(eventsOf(person).map(({ name }) => name)).toEqual(['totp.device.created', 'totp.device.verified']);
    });

    it('rename one of two devices, with one event', async () => {
      const person = newPerson();
      await person.enrol('a');
      await person.create('b');
      const rename = (existingDeviceName: string) =>
        person.post('/device/rename', { existingDeviceName, newDeviceName: 'c' });
      const answers = await Promise.all([rename('a'), rename('b'), rename('a'), rename('b')]);
      expect(answers.filter(({ body }) => statusOf(body) === 'OK')).toHaveLength(1);
      expect(eventsOf(person).filter(({ name }) => name === 'totp.device.renamed')).toHaveLength(1);
      expect((await names(person)).filter((name) => name === 'c')).toHaveLength(1);
    });

    it('remove a device once, with one event', async () => {
      const person = newPerson();
      await person.create('phone');
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => person.post('/device/remove', { deviceName: 'phone' })),
      );
      expect(answers.filter(({ body }) => (body as { didDeviceExist: boolean }).didDeviceExist)).toHaveLength(1);
      expect(eventsOf(person).filter(({ name }) => name === 'totp.device.removed')).toHaveLength(1);
    });
  });

  describe('importDevice', () => {
    const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
    const otherKey = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
    const anybody = () => ({ userId: randomUUID() });

    it('makes a verified device whose codes sign in', async () => {
      const user = anybody();
      const { totp, clock } = application();
      expect(await totp.importDevice({ ...user, secretKey })).toEqual({ status: 'OK', deviceName: 'TOTP Device 0' });
      const person = newPerson(user.userId);
      expect((await person.list()).body).toMatchObject({ devices: [{ name: 'TOTP Device 0', verified: true }] });
      await signedInWith(person, totpCode(secretKey, clock.now()));
    });

    it('takes period, skew, algorithm and digits as the authenticator has them', async () => {
      const user = anybody();
      const { totp, clock } = application();
      const settings = { period: 60, skew: 0, algorithm: 'SHA256', digits: 8 } as const;
      await totp.importDevice({ ...user, secretKey, ...settings });
      const code = totpCode(secretKey, clock.now(), settings);
      expect(
        await totp.verifyTOTP({ ...user, totp: totpCode(secretKey, clock.now() - 60_000, settings) }),
      ).toMatchObject({
        status: 'INVALID_TOTP_ERROR',
      });
      expect(await totp.verifyTOTP({ ...user, totp: code })).toEqual({ status: 'OK' });
    });

    it('answers DEVICE_ALREADY_EXISTS_ERROR under the name of a verified device', async () => {
      const user = anybody();
      const { totp } = application();
      await totp.importDevice({ ...user, secretKey, deviceName: 'phone' });
      expect(await totp.importDevice({ ...user, secretKey: otherKey, deviceName: 'phone' })).toEqual({
        status: 'DEVICE_ALREADY_EXISTS_ERROR',
      });
    });

    it('W2: takes a secret once, under whatever names, so that no code of it is accepted twice', async () => {
      const user = anybody();
      const { totp, clock } = application();
      await totp.importDevice({ ...user, secretKey, deviceName: 'phone' });
      for (const deviceName of ['phone', 'tablet', undefined]) {
        const again = { ...user, secretKey: secretKey.toLowerCase(), ...(deviceName && { deviceName }) };
        expect(await totp.importDevice(again)).toEqual({ status: 'SECRET_ALREADY_EXISTS_ERROR', deviceName: 'phone' });
      }
      const code = { ...user, totp: totpCode(secretKey, clock.now()) };
      expect(await totp.verifyTOTP(code)).toEqual({ status: 'OK' });
      expect(await totp.verifyTOTP(code)).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
      expect(await totp.importDevice({ ...anybody(), secretKey })).toMatchObject({ status: 'OK' });
      await totp.removeDevice({ ...user, deviceName: 'phone', onBehalfOf: 'application' });
      expect(await totp.importDevice({ ...user, secretKey, deviceName: 'tablet' })).toMatchObject({ status: 'OK' });
    });

    it.each([
      ['of less than 16 bytes', 'JBSWY3DPEHPK3PXPJBSWY3DPE'],
      ['of more than 64 bytes', 'A'.repeat(104)],
      ['that is not Base32', '0189'.repeat(8)],
      ['that is empty', ''],
    ])('refuses a secret %s, and does not repeat it', async (_, weak) => {
      const refusal = application().totp.importDevice({ ...anybody(), secretKey: weak });
      await expect(refusal).rejects.toBeInstanceOf(TotpArgumentError);
      await expect(refusal).rejects.toMatchObject({
        code: 'TOTP_ARGUMENT',
        message: 'secretKey must be Base32 of 16 to 64 bytes, such as 32 letters from A–Z and 2–7',
      });
    });
  });
});

async function names(person: Person): Promise<string[]> {
  const { body } = await person.list();
  return (body as { devices: { name: string }[] }).devices.map(({ name }) => name);
}

function last({ authenticators }: Person) {
  const authenticator = authenticators.at(-1);
  if (authenticator === undefined) throw new Error('There is no authenticator yet.');
  return authenticator;
}

function statusOf(body: unknown): string {
  return (body as { status: string }).status;
}

function isFresh(body: unknown): boolean {
  return !(body as { wasAlreadyVerified: boolean }).wasAlreadyVerified;
}
