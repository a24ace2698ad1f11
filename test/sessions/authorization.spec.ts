/** Who may do what (contract §4): every route, in every kind of session. */
import type { APIInterface } from 'nestjs-totp';
import { platforms, type TestApplication } from '../support/application.js';
import {
  type Answer,
  answered,
  type Authenticator,
  invalidClaim,
  invalidTotp,
  Person,
  unauthorised,
  useApplication,
} from '../support/client.js';

const STEP_UP_MAX_AGE = 1_200;
const OK = answered({ status: 'OK' });
const created = answered(expect.objectContaining({ status: 'OK', deviceName: 'watch' }));
const unknownUser = answered({ status: 'UNKNOWN_USER_ID_ERROR' });
const codes = answered({ status: 'OK', recoveryCodes: expect.any(Array) });
const noCodes = answered({ status: 'OK', left: 0, total: 0, createdAt: null });
const wrongCode = answered({ status: 'INVALID_RECOVERY_CODE_ERROR' });
const noBrowsers = answered({ status: 'OK', browsers: [] });
const forgotten = answered({ status: 'OK', forgotten: 0 });
const unknownDevice = answered({ status: 'UNKNOWN_DEVICE_ERROR' });
const alreadyVerified = answered({ status: 'OK', wasAlreadyVerified: true });
const removed = (didDeviceExist: boolean) => answered({ status: 'OK', didDeviceExist });

class VisitorWithoutSession extends Person {
  override get headers(): Record<string, string> {
    return {};
  }
}

/** A user with one verified and one unverified device, signed in with a code a moment ago. */
interface Owner {
  readonly person: Person;
  readonly phone: Authenticator;
  readonly tablet: Authenticator;
}

async function owner(application: TestApplication): Promise<Owner> {
  const person = new Person(application);
  const phone = await person.enrol('phone');
  const tablet = await person.create('tablet');
  application.clock.advance(60);
  return { person, phone, tablet };
}

/** Who asks, by the kind of the session. */
const sessions = {
  'no session': (application: TestApplication) => new VisitorWithoutSession(application),
  "another user's session": (application: TestApplication) => new Person(application),
  'a session without a code': (_: TestApplication, { person }: Owner) => person.signedInAnew(),
  'a session whose code is too long ago': (application: TestApplication, { person }: Owner) => {
    application.clock.advance(STEP_UP_MAX_AGE - 60 + 0.001);
    return person;
  },
  'a session with a code': (application: TestApplication, { person }: Owner) => {
    application.clock.advance(STEP_UP_MAX_AGE - 60);
    return person;
  },
};

interface Request {
  readonly request: string;
  readonly act: (by: Person, owner: Owner) => Promise<Answer>;
  /** The answers in the order of `sessions`. */
  readonly answers: readonly [Answer, Answer, Answer, Answer, Answer];
}

const requests: readonly Request[] = [
  {
    request: 'creates a device',
    act: (by) => by.post('/device', { deviceName: 'watch' }),
    answers: [unauthorised, created, invalidClaim, invalidClaim, created],
  },
  {
    request: 'lists devices',
    act: (by) => by.list(),
    answers: [
      unauthorised,
      answered({ status: 'OK', devices: [] }),
      ...Array<Answer>(3).fill(
        answered({ status: 'OK', devices: [expect.objectContaining({ name: 'phone' }), expect.anything()] }),
      ),
    ] as unknown as Request['answers'],
  },
  {
    request: 'removes a verified device',
    act: (by) => by.post('/device/remove', { deviceName: 'phone' }),
    answers: [unauthorised, removed(false), invalidClaim, invalidClaim, removed(true)],
  },
  {
    request: 'removes an unverified device',
    act: (by) => by.post('/device/remove', { deviceName: 'tablet' }),
    answers: [unauthorised, removed(false), removed(true), removed(true), removed(true)],
  },
  {
    request: 'removes a device that is not there',
    act: (by) => by.post('/device/remove', { deviceName: 'watch' }),
    answers: [unauthorised, removed(false), removed(false), removed(false), removed(false)],
  },
  {
    request: 'enrols a further device',
    act: (by, { tablet }) => by.verify('tablet', tablet.code()),
    answers: [
      unauthorised,
      unknownDevice,
      invalidClaim,
      invalidClaim,
      answered({ status: 'OK', wasAlreadyVerified: false }),
    ],
  },
  {
    request: 'verifies a verified device again',
    act: (by, { phone }) => by.verify('phone', phone.code()),
    answers: [unauthorised, unknownDevice, alreadyVerified, alreadyVerified, alreadyVerified],
  },
  {
    request: 'renames a verified device',
    act: (by) => by.post('/device/rename', { existingDeviceName: 'phone', newDeviceName: 'old phone' }),
    answers: [unauthorised, unknownDevice, invalidClaim, invalidClaim, OK],
  },
  {
    request: 'renames an unverified device',
    act: (by) => by.post('/device/rename', { existingDeviceName: 'tablet', newDeviceName: 'old tablet' }),
    answers: [unauthorised, unknownDevice, invalidClaim, invalidClaim, OK],
  },
  {
    request: 'creates recovery codes',
    act: (by) => by.post('/recovery-codes', {}),
    answers: [unauthorised, unknownUser, invalidClaim, invalidClaim, codes],
  },
  {
    request: 'reads how many recovery codes are left',
    act: (by) => by.send('/recovery-codes'),
    answers: [unauthorised, noCodes, noCodes, noCodes, noCodes],
  },
  {
    request: 'enters a wrong recovery code',
    act: (by) => by.post('/recovery-codes/verify', { recoveryCode: '0000-0000-0000-0000-0000-0000' }),
    answers: [unauthorised, unknownUser, wrongCode, wrongCode, wrongCode],
  },
  {
    request: 'lists trusted browsers',
    act: (by) => by.send('/trusted-browsers'),
    answers: [unauthorised, noBrowsers, noBrowsers, noBrowsers, noBrowsers],
  },
  {
    request: 'forgets trusted browsers',
    act: (by) => by.post('/trusted-browsers/forget', {}),
    answers: [unauthorised, forgotten, invalidClaim, invalidClaim, forgotten],
  },
  {
    request: 'signs in with a code',
    act: (by, { phone }) => by.signIn(phone.code()),
    answers: [unauthorised, answered({ status: 'UNKNOWN_USER_ID_ERROR' }), OK, OK, OK],
  },
];

describe.each(platforms)('on %s', (platform) => {
  const application = useApplication({ platform, options: { trustedBrowsers: {} } });

  describe.each(requests)('a client that $request', ({ act, answers }) => {
    it.each(Object.entries(sessions).map(([title, by], n) => [title, by, answers[n]] as const))(
      'L6, M1, M3: in %s is answered as the contract says, and nothing else happens',
      async (_, by, answer) => {
        const known = await owner(application());
        const devices = await application().totp.listDevices(known.person);
        const asking = by(application(), known);
        application().events.clear();
        expect(await act(asking, known)).toEqual(answer);

        const isRefused = answer === unauthorised || answer === invalidClaim;
        if (isRefused) expect(application().events.events).toEqual([]);
        if (isRefused || asking.userId !== known.person.userId) {
          expect(await application().totp.listDevices(known.person)).toEqual(devices);
        }
      },
    );
  });

  describe('the first device', () => {
    it('needs the session alone, and so do all devices before one is verified', async () => {
      const person = new Person(application());
      await person.create('phone');
      await person.create('tablet');
      expect(await person.post('/device/rename', { existingDeviceName: 'tablet', newDeviceName: 'pad' })).toEqual(OK);
      expect(await person.post('/device/remove', { deviceName: 'pad' })).toEqual(removed(true));
      const again = person.signedInAnew();
      const phone = await again.create('phone');
      expect((await again.verify('phone', phone.code())).body).toEqual({ status: 'OK', wasAlreadyVerified: false });
    });

    it('completes the session that verified it, and no other', async () => {
      const person = new Person(application());
      const other = person.signedInAnew();
      await person.enrol('phone');
      expect(await person.post('/device', { deviceName: 'watch' })).toEqual(created);
      expect(await other.post('/device', { deviceName: 'watch' })).toEqual(invalidClaim);
    });

    it('is free again when the last verified device is gone', async () => {
      const { person } = await owner(application());
      await person.post('/device/remove', { deviceName: 'phone' });
      expect(await person.signedInAnew().post('/device', { deviceName: 'watch' })).toEqual(created);
    });
  });

  describe('a session', () => {
    const enters = async (code: (known: Owner) => string) => {
      const known = await owner(application());
      const again = known.person.signedInAnew();
      const { body } = await again.signIn(code(known));
      return { again, body };
    };

    it('is completed by a right code', async () => {
      const { again, body } = await enters(({ phone }) => phone.code());
      expect(body).toEqual({ status: 'OK' });
      expect(await again.post('/device', { deviceName: 'watch' })).toEqual(created);
    });

    it('is completed again by each right code', async () => {
      const { person, phone } = await owner(application());
      application().clock.advance(STEP_UP_MAX_AGE);
      expect(await person.signIn(phone.code())).toEqual(OK);
      application().clock.advance(STEP_UP_MAX_AGE);
      expect(await person.post('/device', { deviceName: 'watch' })).toEqual(created);
    });

    it.each([
      ['a wrong code', ({ person }: Owner) => person.wrongCode()],
      ['the code that enrolled the device', ({ phone }: Owner) => phone.code(-2)],
      ["an unverified device's code", ({ tablet }: Owner) => tablet.code()],
    ])('is not completed by %s', async (_, code) => {
      const { again, body } = await enters(code);
      expect(body).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
      expect(await again.post('/device', { deviceName: 'watch' })).toEqual(invalidClaim);
    });

    it('is not completed by a replayed code', async () => {
      const { person, phone } = await owner(application());
      expect(await person.signIn(phone.code())).toEqual(OK);
      const thief = person.signedInAnew();
      expect(await thief.signIn(phone.code())).toEqual(invalidTotp(0));
      expect(await thief.post('/device', { deviceName: 'watch' })).toEqual(invalidClaim);
    });

    it('M2: is not completed by verifying an already verified device', async () => {
      const { person, phone } = await owner(application());
      const thief = person.signedInAnew();
      expect(await thief.verify('phone', phone.code())).toEqual(alreadyVerified);
      expect(await thief.post('/device', { deviceName: 'watch' })).toEqual(invalidClaim);
      expect(await person.verify('phone', phone.code())).toEqual(alreadyVerified);
      application().clock.advance(STEP_UP_MAX_AGE - 60 + 0.001);
      expect(await person.post('/device', { deviceName: 'watch' })).toEqual(invalidClaim);
    });

    it('is not completed by enrolling a thief’s device: that needs a completed session', async () => {
      const { person } = await owner(application());
      const thief = person.signedInAnew();
      expect(await thief.post('/device', { deviceName: 'tablet' })).toEqual(invalidClaim);
      expect(await thief.signIn('000000')).toEqual(invalidTotp(1));
    });

    it('charges nothing for what is refused with 403', async () => {
      const { person, phone } = await owner(application());
      const thief = person.signedInAnew();
      for (let n = 0; n < 10; n++) expect(await thief.verify('tablet', '000000')).toEqual(invalidClaim);
      expect(await thief.signIn(phone.code())).toEqual(OK);
    });

    it('that was completed for one user is not completed for another who takes it over', async () => {
      const first = await owner(application());
      const second = await owner(application());
      const { session } = first.person;
      const taken = new Person(application(), { userId: second.person.userId, session });
      expect(await taken.post('/device', { deviceName: 'watch' })).toEqual(invalidClaim);
      expect(await taken.signIn(second.phone.code())).toEqual(OK);
      expect(await taken.post('/device', { deviceName: 'watch' })).toEqual(created);
      expect(await first.person.post('/device', { deviceName: 'watch' })).toEqual(invalidClaim);
    });
  });
});

describe('the age that a code may have', () => {
  const application = useApplication({ options: { stepUpMaxAge: 60 } });

  it('is an option', async () => {
    const person = new Person(application());
    await person.enrol('phone');
    application().clock.advance(60);
    expect(await person.post('/device', { deviceName: 'watch' })).toEqual(created);
    application().clock.advance(0.001);
    expect(await person.post('/device', { deviceName: 'watch' })).toEqual(invalidClaim);
  });
});

describe('a device that is verified between the check of the session and the change', () => {
  let meanwhile: () => Promise<unknown> = () => Promise.resolve();
  /** Runs `meanwhile` once the session has passed the check of the route. */
  const late =
    <Input, Result>(api: ((input: Input) => Promise<Result>) | undefined) =>
    async (input: Input) => {
      await meanwhile();
      if (api === undefined) throw new Error('The API is served.');
      return api(input);
    };
  const apis = (original: APIInterface): APIInterface => ({
    ...original,
    createDevicePOST: late(original.createDevicePOST),
    removeDevicePOST: late(original.removeDevicePOST),
    verifyDevicePOST: late(original.verifyDevicePOST),
    updateDevicePOST: late(original.updateDevicePOST),
  });
  const application = useApplication({ options: { override: { apis } } });

  it.each<[string, (thief: Person) => Promise<Answer>]>([
    ['a create', (thief) => thief.post('/device', { deviceName: 'watch' })],
    ['an enrolment', (thief) => thief.verify('tablet', thief.authenticators[1]?.code() ?? '')],
    ['a rename', (thief) => thief.post('/device/rename', { existingDeviceName: 'phone', newDeviceName: 'mine' })],
    ['its removal', (thief) => thief.post('/device/remove', { deviceName: 'phone' })],
  ])('M1: refuses %s in a session without a code', async (_, act) => {
    meanwhile = () => Promise.resolve();
    const person = new Person(application());
    const phone = await person.create('phone');
    await person.create('tablet');
    const thief = person.signedInAnew();
    meanwhile = () =>
      application().totp.verifyDevice({
        userId: person.userId,
        deviceName: 'phone',
        totp: phone.code(),
        onBehalfOf: 'application',
      });
    application().events.clear();
    expect(await act(thief)).toEqual(invalidClaim);
    expect(application().events.events.map(({ name }) => name)).toEqual(['totp.device.verified']);
    expect(await application().totp.listDevices(person)).toMatchObject({
      devices: [
        { name: 'phone', verified: true },
        { name: 'tablet', verified: false },
      ],
    });
  });
});
