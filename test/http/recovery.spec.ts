/** Recovery codes and temporary codes over HTTP (contract §7). */
import { TotpConfigurationError } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { platforms } from '../support/application.js';
import {
  answered,
  badRequest,
  everyDatabase,
  invalidClaim,
  limitReached,
  Person,
  unauthorised,
  useApplication,
} from '../support/client.js';

const CODE = /^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/;
const NO_CODE = '0000-0000-0000-0000-0000-0000';
const OK = (recoveryCodesLeft: number) => answered({ status: 'OK', recoveryCodesLeft });
const wrongCode = answered({ status: 'INVALID_RECOVERY_CODE_ERROR' });

async function codesOf(person: Person): Promise<string[]> {
  const { body } = await person.post('/recovery-codes', {});
  expect(body).toEqual({ status: 'OK', recoveryCodes: Array(8).fill(expect.stringMatching(CODE)) });
  return (body as { recoveryCodes: string[] }).recoveryCodes;
}

const enter = (person: Person, recoveryCode: string) => person.post('/recovery-codes/verify', { recoveryCode });

describe.each(everyDatabase)('$name', ({ platform, open }) => {
  const application = useApplication({ platform, open });
  const owner = async () => {
    const person = new Person(application());
    const phone = await person.enrol('phone');
    const codes = await codesOf(person);
    application().clock.advance(60);
    application().events.clear();
    return { person, phone, codes, again: person.signedInAnew() };
  };
  const names = () => application().events.events.map(({ name }) => name);

  it('a person who lost the phone gets in with a recovery code, removes the phone and enrols another', async () => {
    const { again, codes } = await owner();
    expect(await again.post('/device/remove', { deviceName: 'phone' })).toEqual(invalidClaim);
    expect(await enter(again, codes[0] ?? '')).toEqual(OK(7));
    expect(await again.post('/device/remove', { deviceName: 'phone' })).toEqual(
      answered({ status: 'OK', didDeviceExist: true }),
    );
    await again.enrol('new phone');
    expect((await again.send('/recovery-codes')).body).toMatchObject({ status: 'OK', left: 7, total: 8 });
  });

  it('R2: a code is accepted once, in any writing, and in no session of another user', async () => {
    const { again, codes } = await owner();
    const [code = ''] = codes;
    const stranger = new Person(application());
    await stranger.enrol();
    expect(await enter(stranger, code)).toEqual(wrongCode);
    expect(await enter(again, ` ${code.toLowerCase().replaceAll('-', ' ')} `)).toEqual(OK(7));
    expect(await enter(again, code)).toEqual(wrongCode);
  });

  it('R3: a code is accepted in every lock and ends it, a hard one too, and wrong ones cost no attempt', async () => {
    const { person, phone, again, codes } = await owner();
    await again.spendBudget();
    expect(await again.signIn(phone.code())).toEqual(limitReached(900_000));
    for (let n = 0; n < 20; n++) expect(await enter(again, NO_CODE)).toEqual(wrongCode);
    application().events.clear();
    expect(await enter(again, codes[0] ?? '')).toEqual(OK(7));
    expect(application().events.events).toMatchObject([
      { name: 'totp.recovery-code.used', left: 7, sessionHandle: expect.any(String) },
      { name: 'totp.user.unlocked', reason: 'recovery' },
    ]);
    application().clock.advance(30);
    expect(await person.signedInAnew().signIn(phone.code())).toEqual(answered({ status: 'OK' }));
  });

  it('R4: a new set makes the old codes useless, and needs a session that completed TOTP', async () => {
    const { person, again, codes } = await owner();
    expect(await again.post('/recovery-codes', {})).toEqual(invalidClaim);
    const renewed = await codesOf(person);
    expect(await enter(again, codes[0] ?? '')).toEqual(wrongCode);
    expect(await enter(again, renewed[0] ?? '')).toEqual(OK(7));
  });

  it('S3: a set is shown once, and no answer may be stored by a cache', async () => {
    const { person, again } = await owner();
    for (const answer of [
      await person.post('/recovery-codes', {}),
      await again.send('/recovery-codes'),
      await enter(again, NO_CODE),
    ]) {
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
    expect((await person.send('/recovery-codes')).body).toEqual({
      status: 'OK',
      left: 8,
      total: 8,
      createdAt: application().clock.now(),
    });
  });

  it('R6: a temporary code of the help desk is accepted once, before its time is over, and its events name the agent', async () => {
    const { totp, clock, events } = application();
    const { person, again } = await owner();
    const by = { actor: 'agent 7', reason: 'case 4711' };
    const issued = await totp.createTemporaryCode({ userId: person.userId, validFor: '10m', by });
    if (issued.status !== 'OK') throw new Error(issued.status);
    expect(issued).toEqual({
      status: 'OK',
      temporaryCode: expect.stringMatching(CODE),
      expiresAt: clock.now() + 600_000,
    });
    expect(events.events).toMatchObject([{ name: 'totp.temporary-code.created', by }]);
    expect(await enter(again, issued.temporaryCode)).toEqual(OK(8));
    expect(await enter(again, issued.temporaryCode)).toEqual(wrongCode);
    expect(names()).toEqual(['totp.temporary-code.created', 'totp.temporary-code.used', 'totp.recovery-code.rejected']);

    const late = await totp.createTemporaryCode({ userId: person.userId, validFor: 60 });
    clock.advance(60);
    expect(await enter(again, late.status === 'OK' ? late.temporaryCode : '')).toEqual(wrongCode);
  });

  it('what an operator does says who did it and why, in every event', async () => {
    const { totp, events } = application();
    const { person } = await owner();
    const by = { actor: 'agent 7', reason: 'case 4711' };
    const { userId } = person;
    await person.spendBudget();
    events.clear();
    await totp.unlockUser({ userId, by });
    await totp.importDevice({ userId, deviceName: 'token', secretKey: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', by });
    await totp.removeDevice({ userId, deviceName: 'token', by, onBehalfOf: 'application' });
    await totp.createRecoveryCodes({ userId, by, onBehalfOf: 'application' });
    await totp.removeUser({ userId, by });
    expect(names()).toEqual([
      'totp.user.unlocked',
      'totp.device.created',
      'totp.device.removed',
      'totp.recovery-codes.created',
      'totp.user.removed',
    ]);
    expect(events.events.map((event) => event.by)).toEqual(Array(5).fill(by));
  });

  it('codes of another product are imported and compared exactly', async () => {
    const { totp } = application();
    const { again, person } = await owner();
    const codes = ['aBcDeFgHiJ-kLmNoPqRsT', 'AbCdEfGhIj-KlMnOpQrSt'];
    expect(await totp.importRecoveryCodes({ userId: person.userId, recoveryCodes: codes })).toEqual({ status: 'OK' });
    expect(await enter(again, 'abcdefghij-klmnopqrst')).toEqual(wrongCode);
    expect(await enter(again, codes[1] ?? '')).toEqual(OK(1));
  });

  it('R1, R5: no code is in the database, in an event or in an answer but the one that shows it', async () => {
    const { events, app } = application();
    const { person, again, codes } = await owner();
    await enter(again, codes[0] ?? '');
    const { DataSource } = await import('typeorm');
    const rows = JSON.stringify(await app.get(DataSource).query('SELECT * FROM totp_accounts'));
    const told = JSON.stringify([events.events, (await person.send('/recovery-codes')).body]);
    for (const code of codes) {
      for (const form of [code, code.replaceAll('-', '')]) {
        expect(rows).not.toContain(form);
        expect(told).not.toContain(form);
      }
    }
  });
});

describe.each(platforms)('recovery codes on %s', (platform) => {
  const application = useApplication({ platform });

  it('bodies are checked after the session and before the codes', async () => {
    const person = new Person(application());
    const noSession = new Person(application());
    Object.defineProperty(noSession, 'headers', { value: {} });
    expect(await noSession.post('/recovery-codes/verify', {})).toEqual(unauthorised);
    const required = badRequest('recoveryCode is required and must be a string');
    for (const body of [{}, { recoveryCode: 5 }, { recoveryCode: null }]) {
      expect(await person.post('/recovery-codes/verify', body)).toEqual(required);
    }
    expect(await person.post('/recovery-codes/verify', { recoveryCode: NO_CODE, trustBrowser: 'yes' })).toEqual(
      badRequest('trustBrowser must be true or false'),
    );
  });

  it('a user without a verified device has none', async () => {
    const person = new Person(application());
    await person.create('phone');
    const unknown = answered({ status: 'UNKNOWN_USER_ID_ERROR' });
    expect(await person.post('/recovery-codes', {})).toEqual(unknown);
    expect(await enter(person, NO_CODE)).toEqual(unknown);
    expect(await person.send('/recovery-codes')).toEqual(
      answered({ status: 'OK', left: 0, total: 0, createdAt: null }),
    );
  });
});

describe('recovery codes that are switched off', () => {
  const application = useApplication({ options: { recoveryCodes: false } });

  it('have no routes', async () => {
    const person = new Person(application());
    for (const route of ['/recovery-codes', '/recovery-codes/verify']) {
      expect((await person.post(route, {})).status).toBe(404);
    }
    expect((await person.send('/recovery-codes')).status).toBe(404);
  });

  it('have no functions, which say what to write', async () => {
    const { totp } = application();
    const userId = 'ann';
    for (const call of [
      totp.createRecoveryCodes({ userId, onBehalfOf: 'application' }),
      totp.getRecoveryCodes({ userId }),
      totp.verifyRecoveryCode({ userId, recoveryCode: NO_CODE }),
      totp.createTemporaryCode({ userId }),
      totp.importRecoveryCodes({ userId, recoveryCodes: ['aBcDeFgHiJkLmNoPqRsT'] }),
    ]) {
      await expect(call).rejects.toThrow(TotpConfigurationError);
      await expect(call).rejects.toThrow('Write recoveryCodes: { count: 8 }');
    }
  });

  it('leave codes of authenticators as they are', async () => {
    const person = new Person(application());
    const phone = await person.enrol();
    application().clock.advance(60);
    expect(await person.signIn(totpCode(phone.keyUri, application().clock.now()))).toEqual(answered({ status: 'OK' }));
  });
});
