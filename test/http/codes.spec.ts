/** Which codes are accepted, and what wrong ones cost (contract §3), on every database. */
import { randomUUID } from 'node:crypto';
import { totpCode } from 'nestjs-totp/testing';
import {
  answered,
  type Authenticator,
  badRequest,
  everyDatabase,
  invalidTotp,
  limitReached,
  Person,
  useApplication,
} from '../support/client.js';

const MINUTE = 60;
const OK = answered({ status: 'OK' });

describe.each(everyDatabase)('$name', ({ platform, open }) => {
  const application = useApplication({ platform, open });
  const wait = (seconds: number) => {
    application().clock.advance(seconds);
  };
  /** Somebody with a verified device whose next code has not been used. */
  const enrolled = async (): Promise<{ person: Person; phone: Authenticator }> => {
    const person = new Person(application());
    const phone = await person.enrol('phone');
    wait(30);
    return { person, phone };
  };
  const fail = async (person: Person, times = 1) => {
    for (let n = 0; n < times; n++) {
      expect((await person.signIn(person.wrongCode())).body).toMatchObject({ status: 'INVALID_TOTP_ERROR' });
    }
  };

  describe('the window', () => {
    it.each([-1, 0, 1])('takes the code of step %i', async (step) => {
      const { person, phone } = await enrolled();
      wait(60);
      expect(await person.signIn(phone.code(step))).toEqual(OK);
    });

    it.each([-3, -2, 2, 3])('W1: refuses the code of step %i', async (step) => {
      const { person, phone } = await enrolled();
      wait(60);
      expect(await person.signIn(phone.code(step))).toEqual(invalidTotp(1));
    });

    it('takes the codes of every verified device, and of no other', async () => {
      const { person, phone } = await enrolled();
      const tablet = await person.enrol('tablet');
      const unverified = await person.create('watch');
      wait(30);
      expect(await person.signIn(tablet.code())).toEqual(OK);
      expect(await person.signIn(phone.code())).toEqual(OK);
      expect(await person.signIn(unverified.code())).toEqual(invalidTotp(1));
    });

    it('counts a code of a user with unverified devices alone as a failure', async () => {
      const person = new Person(application());
      const phone = await person.create('phone');
      expect(await person.signIn(phone.code())).toEqual(invalidTotp(1));
    });
  });

  describe('a replay', () => {
    it('is told from a wrong code when the client asks, once the session has completed TOTP', async () => {
      const { person, phone } = await enrolled();
      const code = phone.code();
      expect(await person.signIn(code)).toEqual(OK);
      const completedAt = application().clock.now();
      const ask = { totp: code, reportReplay: true };
      expect(await person.post('/verify', ask)).toMatchObject({
        status: 200,
        body: { status: 'INVALID_TOTP_ERROR', currentNumberOfFailedAttempts: 0, replayed: true, completedAt },
      });
      expect(await person.post('/verify', { totp: code })).toEqual(invalidTotp(0));
      expect(await person.post('/verify', { ...ask, totp: person.wrongCode() })).toEqual(invalidTotp(1));
    });

    it('is not told from a wrong code in a session that has only given the password', async () => {
      const { person, phone } = await enrolled();
      const code = phone.code();
      expect(await person.signIn(code)).toEqual(OK);
      const another = person.signedInAnew();
      expect(await another.post('/verify', { totp: code, reportReplay: true })).toEqual(invalidTotp(0));
    });

    it('is asked for with true or false', async () => {
      const { person, phone } = await enrolled();
      const bad = { totp: phone.code(), reportReplay: 'yes' };
      expect(await person.post('/verify', bad)).toEqual(badRequest('reportReplay must be true or false'));
    });

    it('W2: refuses an accepted code a second time, at no cost', async () => {
      const { person, phone } = await enrolled();
      await person.signIn(phone.code());
      await fail(person, 2);
      for (let n = 0; n < 10; n++) expect(await person.signIn(phone.code())).toEqual(invalidTotp(2));
      expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(3));
    });

    it('W7: answers no failures to a double click', async () => {
      const { person, phone } = await enrolled();
      const answers = await Promise.all([person.signIn(phone.code()), person.signIn(phone.code())]);
      expect(answers).toEqual(expect.arrayContaining([OK, invalidTotp(0)]));
    });

    it('W2: refuses the code of an earlier step than the accepted one', async () => {
      const { person, phone } = await enrolled();
      expect(await person.signIn(phone.code(1))).toEqual(OK);
      expect(await person.signIn(phone.code())).toEqual(invalidTotp(0));
      expect(await person.signIn(phone.code(-1))).toEqual(invalidTotp(0));
      wait(30);
      expect(await person.signIn(phone.code())).toEqual(invalidTotp(0));
      wait(30);
      expect(await person.signIn(phone.code())).toEqual(OK);
    });

    it('W4: refuses the enrolment code for signing in', async () => {
      const person = new Person(application());
      const phone = await person.create('phone');
      const code = phone.code();
      await person.verify('phone', code);
      expect(await person.signIn(code)).toEqual(invalidTotp(0));
      expect(await person.signedInAnew().signIn(code)).toEqual(invalidTotp(0));
      expect(await person.signIn(phone.code(-1))).toEqual(invalidTotp(0));
      expect(await person.signIn(phone.code(1))).toEqual(OK);
    });

    it('refuses an accepted code in another session and another tenant', async () => {
      const { person, phone } = await enrolled();
      expect(await person.signIn(phone.code())).toEqual(OK);
      expect(await person.signedInAnew().signIn(phone.code())).toEqual(invalidTotp(0));
      const headers = { 'content-type': 'application/json', 'x-tenant': 'another' };
      const body = JSON.stringify({ totp: phone.code() });
      expect(await person.send('/verify', { method: 'POST', headers, body })).toEqual(invalidTotp(0));
    });

    it('refuses an accepted code after the device is renamed', async () => {
      const { person, phone } = await enrolled();
      await person.signIn(phone.code());
      await person.post('/device/rename', { existingDeviceName: 'phone', newDeviceName: 'tablet' });
      expect(await person.signIn(phone.code())).toEqual(invalidTotp(0));
    });

    it('W6: refuses an accepted code by way of removal and import of the same secret', async () => {
      const { person, phone } = await enrolled();
      const { userId } = person;
      expect(await person.signIn(phone.code())).toEqual(OK);
      await person.post('/device/remove', { deviceName: 'phone' });
      await application().totp.importDevice({ userId, deviceName: 'phone', secretKey: phone.secret });
      expect(await person.signIn(phone.code())).toEqual(invalidTotp(0));
      expect(await person.signIn(phone.code(-1))).toEqual(invalidTotp(0));
      wait(30);
      expect(await person.signIn(phone.code())).toEqual(OK);
    });

    it('is also what another secret’s code counts as that is imported after a removal, until the next step', async () => {
      const { person, phone } = await enrolled();
      const secretKey = 'MRSXM2LDMUWWCLLEMV3GSY3FFVQS2MRQ';
      expect(await person.signIn(phone.code())).toEqual(OK);
      await person.post('/device/remove', { deviceName: 'phone' });
      await application().totp.importDevice({ userId: person.userId, secretKey });
      const now = application().clock.now();
      expect(await person.signIn(totpCode(secretKey, now))).toEqual(invalidTotp(0));
      expect(await person.signIn(totpCode(secretKey, now + 30_000))).toEqual(OK);
    });

    it("W5: does not refuse another device's equal code", async () => {
      // Two secrets whose codes happen to be equal in this one step.
      const [first, second] = ['MRSXM2LDMUWWCLLEMV3GSY3FFVQS2MRQ', 'MRSXM2LDMUWWELLEMV3GSY3FFVRC2MRQ'] as const;
      const { totp, clock } = application();
      const before = clock.now();
      clock.set(63_145_960 * 30_000);
      const userId = randomUUID();
      await totp.importDevice({ userId, secretKey: first });
      await totp.importDevice({ userId, secretKey: second });
      const code = totpCode(first, clock.now());
      expect(code).toBe(totpCode(second, clock.now()));
      const person = new Person(application(), { userId });
      expect(await person.signIn(code)).toEqual(OK);
      expect(await person.signIn(code)).toEqual(OK);
      expect(await person.signIn(code)).toEqual(invalidTotp(0));
      clock.set(before);
    });
  });

  describe('the clock of the server', () => {
    it('W8: may step back: codes are refused meanwhile, and taken again afterwards', async () => {
      const { person, phone } = await enrolled();
      expect(await person.signIn(phone.code())).toEqual(OK);
      wait(-3600);
      expect(await person.signIn(phone.code())).toEqual(invalidTotp(0));
      expect((await person.list()).status).toBe(200);
      wait(3630);
      expect(await person.signIn(phone.code())).toEqual(OK);
    });

    it('may step back during a lock: the wait grows no longer than the longest lock', async () => {
      const { person } = await enrolled();
      await person.spendBudget();
      wait(-10 * 86_400);
      expect((await person.signIn('wrong')).body).toMatchObject({ retryAfterMs: 86_400_000 });
      wait(10 * 86_400);
      expect(await person.signIn('wrong')).toEqual(limitReached(900_000));
    });

    it('W8: may step forward by years', async () => {
      const { person, phone } = await enrolled();
      wait(3 * 366 * 86_400);
      expect(await person.signIn(phone.code())).toEqual(OK);
    });
  });

  describe('the budget', () => {
    it('answers 1, 2, 3, 4, 5, and then the wait', async () => {
      const { person } = await enrolled();
      for (const failure of [1, 2, 3, 4, 5]) {
        expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(failure));
      }
      expect(await person.signIn(person.wrongCode())).toEqual(limitReached(900_000));
    });

    it('counts five tries again, from 1, after the lock', async () => {
      const { person } = await enrolled();
      await person.spendBudget();
      wait(15 * MINUTE);
      await person.spendBudget();
      expect((await person.signIn(person.wrongCode())).body).toMatchObject({ status: 'LIMIT_REACHED_ERROR' });
    });

    it('refuses a right code too during a lock, to the last millisecond', async () => {
      const { person, phone } = await enrolled();
      await person.spendBudget();
      expect(await person.signIn(phone.code())).toEqual(limitReached(900_000));
      wait(15 * MINUTE - 0.001);
      expect(await person.signIn(phone.code())).toEqual(limitReached(1));
      wait(0.001);
      expect(await person.signIn(phone.code())).toEqual(OK);
    });

    it('does not let hammering extend the wait', async () => {
      const { person, phone } = await enrolled();
      await person.spendBudget();
      for (let minute = 0; minute < 15; minute++) {
        expect(await person.signIn(person.wrongCode())).toEqual(limitReached((15 - minute) * 60_000));
        wait(MINUTE);
      }
      expect(await person.signIn(phone.code())).toEqual(OK);
    });

    it('locks until minute 29 after four failures at minute 0 and one at minute 14', async () => {
      const { person, phone } = await enrolled();
      await fail(person, 4);
      wait(14 * MINUTE);
      expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(5));
      expect(await person.signIn(person.wrongCode())).toEqual(limitReached(900_000));
      wait(15 * MINUTE - 1);
      expect(await person.signIn(phone.code())).toEqual(limitReached(1_000));
      wait(1);
      expect(await person.signIn(phone.code())).toEqual(OK);
    });

    it('answers 1 again to a failure at minute 16 after one at minute 0', async () => {
      const { person } = await enrolled();
      await fail(person);
      wait(16 * MINUTE);
      expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(1));
    });

    it('counts a failure until it is one cooldown old', async () => {
      const { person } = await enrolled();
      await fail(person);
      wait(15 * MINUTE - 0.001);
      expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(2));
      wait(0.001);
      expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(2));
    });

    it('is full again after an accepted code', async () => {
      const { person, phone } = await enrolled();
      await fail(person, 4);
      expect(await person.signIn(phone.code())).toEqual(OK);
      await person.spendBudget();
    });

    it('is full again after an enrolment', async () => {
      const person = new Person(application());
      const phone = await person.create('phone');
      for (const failure of [1, 2, 3, 4]) {
        expect(await person.verify('phone', person.wrongCode())).toEqual(invalidTotp(failure));
      }
      await person.verify('phone', phone.code());
      await person.spendBudget();
    });

    it('L2: is one for signing in and enrolling, for all devices, sessions and tenants', async () => {
      const { person, phone } = await enrolled();
      await person.create('tablet');
      expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(1));
      expect(await person.verify('tablet', person.wrongCode())).toEqual(invalidTotp(2));
      expect(await person.signedInAnew().signIn(person.wrongCode())).toEqual(invalidTotp(3));
      const elsewhere = { userId: person.userId, tenantId: 'another', totp: 'wrong' };
      expect(await application().totp.verifyTOTP(elsewhere)).toMatchObject({ currentNumberOfFailedAttempts: 4 });
      expect(
        await application().totp.verifyDevice({ ...elsewhere, deviceName: 'tablet', onBehalfOf: 'application' }),
      ).toMatchObject({
        currentNumberOfFailedAttempts: 5,
      });
      expect(await person.signedInAnew().signIn(phone.code())).toEqual(limitReached(900_000));
      expect(await person.verify('tablet', person.wrongCode())).toEqual(limitReached(900_000));
      expect(await application().totp.verifyTOTP(elsewhere)).toMatchObject({ status: 'LIMIT_REACHED_ERROR' });
    });

    it('is not accepted for another user', async () => {
      const { person } = await enrolled();
      await person.spendBudget();
      const other = await enrolled();
      expect(await other.person.signIn(other.phone.code())).toEqual(OK);
    });

    it('L7: refuses a guesser who removes the last device and starts again', async () => {
      const { person } = await enrolled();
      await fail(person, 3);
      await person.post('/device/remove', { deviceName: 'phone' });
      await person.create('tablet');
      expect(await person.verify('tablet', person.wrongCode())).toEqual(invalidTotp(4));
      await fail(person);
      await person.post('/device/remove', { deviceName: 'tablet' });
      const watch = await person.create('watch');
      expect(await person.verify('watch', watch.code())).toEqual(limitReached(900_000));
    });

    it('is not spent by asking for unknown devices or without any', async () => {
      const person = new Person(application());
      for (let n = 0; n < 6; n++) {
        expect(await person.signIn('000000')).toEqual(answered({ status: 'UNKNOWN_USER_ID_ERROR' }));
        expect(await person.verify('phone', '000000')).toEqual(answered({ status: 'UNKNOWN_DEVICE_ERROR' }));
      }
      await person.enrol('phone');
    });
  });

  describe('locks of one streak', () => {
    it('L4: last twice as long each time, up to a day, until the hundredth failure locks for good', async () => {
      const { person, phone } = await enrolled();
      const waits: number[] = [];
      for (let lock = 1; lock < 20; lock++) {
        await person.spendBudget();
        const { body } = await person.signIn(phone.code());
        const { retryAfterMs } = body as { retryAfterMs: number };
        waits.push(retryAfterMs / 60_000);
        wait(retryAfterMs / 1000);
      }
      const day = 1_440;
      expect(waits).toEqual([15, 30, 60, 120, 240, 480, 960, ...Array<number>(12).fill(day)]);

      await person.spendBudget();
      for (const years of [0, 1, 10]) {
        wait(years * 365 * 86_400);
        expect(await person.signIn(phone.code())).toEqual(limitReached(86_400_000));
      }
      expect(await application().totp.getStatus(person)).toMatchObject({ lock: { until: null }, failures: 100 });

      expect(await application().totp.unlockUser(person)).toEqual({ status: 'OK', wasLocked: true });
      expect(await application().totp.getStatus(person)).toMatchObject({ lock: null, failures: 0, failuresLeft: 5 });
      await person.spendBudget();
      expect(await person.signIn(phone.code())).toEqual(limitReached(900_000));
      wait(900);
      expect(await person.signIn(phone.code())).toEqual(OK);
    });

    it('begin with 15 minutes again after an accepted code', async () => {
      const { person, phone } = await enrolled();
      await person.spendBudget();
      wait(15 * MINUTE);
      await person.spendBudget();
      expect(await person.signIn(phone.code())).toEqual(limitReached(1_800_000));
      wait(30 * MINUTE);
      expect(await person.signIn(phone.code())).toEqual(OK);
      await person.spendBudget();
      expect(await person.signIn(phone.code())).toEqual(limitReached(900_000));
    });

    it('do not start again by waiting: a patient guesser waits ever longer', async () => {
      const { person, phone } = await enrolled();
      await person.spendBudget();
      wait(30 * 86_400);
      await person.spendBudget();
      expect(await person.signIn(phone.code())).toEqual(limitReached(1_800_000));
    });

    it('are neither ended nor put off by a replay', async () => {
      const { person, phone } = await enrolled();
      expect(await person.signIn(phone.code())).toEqual(OK);
      await fail(person, 4);
      expect(await person.signIn(phone.code())).toEqual(invalidTotp(4));
      expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(5));
      expect(await person.signIn(phone.code())).toEqual(limitReached(900_000));
    });
  });

  describe('unlockUser', () => {
    it('ends a lock and gives all tries back', async () => {
      const { person, phone } = await enrolled();
      await person.spendBudget();
      expect(await application().totp.unlockUser(person)).toEqual({ status: 'OK', wasLocked: true });
      await fail(person, 4);
      expect(await person.signIn(phone.code())).toEqual(OK);
    });

    it('is harmless where there is no lock and no user', async () => {
      const { person } = await enrolled();
      expect(await application().totp.unlockUser(person)).toEqual({ status: 'OK', wasLocked: false });
      expect(await application().totp.unlockUser({ userId: randomUUID() })).toEqual({ status: 'OK', wasLocked: false });
    });
  });

  describe('verifying an already verified device', () => {
    it.each(['wrong', '', '000000'])('answers OK whatever the code (%j), and counts nothing', async (code) => {
      const { person } = await enrolled();
      for (let n = 0; n < 6; n++) {
        expect(await person.verify('phone', code)).toEqual(answered({ status: 'OK', wasAlreadyVerified: true }));
      }
      expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(1));
    });

    it('does not use a code up', async () => {
      const { person, phone } = await enrolled();
      await person.verify('phone', phone.code());
      expect(await person.signIn(phone.code())).toEqual(OK);
    });
  });

  it('forgets everything of a user who is removed', async () => {
    const { person } = await enrolled();
    await person.spendBudget();
    expect(await application().totp.removeUser(person)).toEqual({ status: 'OK', didUserExist: true });
    expect(await application().totp.removeUser(person)).toEqual({ status: 'OK', didUserExist: false });
    expect(await person.signIn('000000')).toEqual(answered({ status: 'UNKNOWN_USER_ID_ERROR' }));
    expect(await person.list()).toEqual(answered({ status: 'OK', devices: [] }));
  });

  it('tells the status of users, in the order asked for', async () => {
    const { person } = await enrolled();
    const locked = (await enrolled()).person;
    await locked.spendBudget();
    const stranger = randomUUID();
    const userIds = [locked.userId, stranger, person.userId, stranger];
    const at: unknown = expect.any(Number);
    const none = { lock: null, failures: 0, failuresLeft: 5, twoCodesRequired: false, recoveryCodes: null };
    const unknown = { ...none, userId: stranger, devices: [], enrolled: false };
    const phone = {
      name: 'phone',
      period: 30,
      skew: 1,
      verified: true,
      createdAt: at,
      verifiedAt: at,
      lastUsedAt: null,
    };
    const enrolledUser = { ...none, devices: [phone], enrolled: true };
    expect(await application().totp.getStatuses({ userIds })).toEqual({
      status: 'OK',
      users: [
        {
          ...enrolledUser,
          userId: locked.userId,
          lock: { number: 1, until: application().clock.now() + 900_000 },
          failures: 5,
          failuresLeft: 0,
        },
        unknown,
        { ...enrolledUser, userId: person.userId },
        unknown,
      ],
    });
  });
});
