/** O1: after many wrong codes, signing in takes two codes in a row (contract §8), with a front end that does not know of it. */
import { platforms } from '../support/application.js';
import { answered, everyDatabase, invalidTotp, Person, useApplication } from '../support/client.js';

const nextCodeRequired = answered({
  status: 'INVALID_TOTP_ERROR',
  currentNumberOfFailedAttempts: 0,
  maxNumberOfFailedAttempts: 5,
  nextCodeRequired: true,
});
const OK = answered({ status: 'OK' });

describe.each(everyDatabase)('$name', ({ platform, open }) => {
  const application = useApplication({ platform, open, options: { lockout: { vigilance: { after: 6 } } } });

  /** A user whose password somebody has, who entered six wrong codes between the user's own sign-ins. */
  const suspected = async () => {
    const person = new Person(application());
    const phone = await person.enrol('phone');
    for (let n = 0; n < 2; n++) {
      application().clock.advance(60);
      for (let wrong = 1; wrong <= 3; wrong++)
        expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(wrong));
      if (n === 0) expect(await person.signIn(phone.code())).toEqual(OK);
    }
    await application().totp.unlockUser({ userId: person.userId });
    application().clock.advance(60);
    return { person, phone, again: person.signedInAnew() };
  };

  it('O1: the first right code is answered as a wrong one, and the next signs in', async () => {
    const { again, phone } = await suspected();
    expect(await again.signIn(phone.code())).toEqual(nextCodeRequired);
    expect(await again.post('/device', { deviceName: 'new' })).toMatchObject({ status: 403 });
    application().clock.advance(30);
    expect(await again.signIn(phone.code())).toEqual(OK);
    expect(await again.post('/device', { deviceName: 'new' })).toMatchObject({ status: 200 });
  });

  it('O1: two codes in two sessions do not sign in', async () => {
    const { person, again, phone } = await suspected();
    expect(await again.signIn(phone.code())).toEqual(nextCodeRequired);
    application().clock.advance(30);
    expect(await person.signedInAnew().signIn(phone.code())).toEqual(nextCodeRequired);
  });

  it('is reported once, by a durable event and by the status', async () => {
    application().events.clear();
    const { person } = await suspected();
    expect(application().events.named('totp.user.suspected')).toMatchObject([{ userId: person.userId, failures: 6 }]);
    expect(await application().totp.getStatus(person)).toMatchObject({ twoCodesRequired: true, lock: null });
  });

  it('enrolling a further device still takes one code', async () => {
    const { person } = await suspected();
    const tablet = await person.create('tablet');
    expect(await person.verify('tablet', tablet.code())).toEqual(answered({ status: 'OK', wasAlreadyVerified: false }));
  });
});

describe.each(platforms)('a SuperTokens front end on %s', (platform) => {
  const application = useApplication({ platform, options: { lockout: { vigilance: { after: 3 } } } });

  it('shows "try again" for the first code, and the next code signs in', async () => {
    const person = new Person(application());
    const phone = await person.enrol('phone');
    for (let wrong = 1; wrong <= 3; wrong++) await person.signIn(person.wrongCode());
    application().clock.advance(60);
    // The front end enters what its user reads off the phone until the status is OK.
    const statuses: unknown[] = [];
    for (let attempt = 0; attempt < 2; attempt++) {
      const { body } = await person.signIn(phone.code());
      statuses.push((body as { status: string }).status);
      application().clock.advance(30);
    }
    expect(statuses).toEqual(['INVALID_TOTP_ERROR', 'OK']);
  });
});
