/** When the database, the cipher or the session fails: a 5xx, never "invalid code", never "accepted" (contract §3). */
import { inspect } from 'node:util';
import type { LoggerService } from '@nestjs/common';
import { jest } from '@jest/globals';
import { RequestSession, TotpSecretCipher, TotpSecretError } from 'nestjs-totp';
import { DataSource } from 'typeorm';
import { answered, everywhere, invalidTotp, Person, refused, useApplication } from '../support/client.js';

const OK = answered({ status: 'OK' });
const serverError = refused(500, { statusCode: 500, message: 'Internal server error' });

/** A cipher as an application might write it, which remembers what it sealed so that a test can look for it. */
class NotingCipher extends TotpSecretCipher {
  readonly sealed: string[] = [];

  override seal(secret: Uint8Array): Promise<string> {
    const text = `noting:${Buffer.from(secret).toString('hex')}`;
    this.sealed.push(text);
    return Promise.resolve(text);
  }

  override open(sealed: string): Promise<Uint8Array> {
    return Promise.resolve(Buffer.from(sealed.slice('noting:'.length), 'hex'));
  }
}

describe.each(everywhere)('$name', ({ platform, open }) => {
  const cipher = new NotingCipher();
  const output: unknown[] = [];
  const note = (...entries: unknown[]) => output.push(entries);
  const logger: LoggerService = { log: note, error: note, warn: note };
  const application = useApplication({
    platform,
    open,
    configure: (app) => {
      app.useLogger(logger);
    },
    options: {
      providers: [{ provide: TotpSecretCipher, useValue: cipher }],
    },
  });
  afterEach(() => jest.restoreAllMocks());

  const enrolled = async () => {
    const person = new Person(application());
    const phone = await person.enrol('phone');
    application().clock.advance(30);
    application().events.clear();
    return { person, phone };
  };
  /** Everything that a person can ask for, in a session that may change devices. */
  const requests = ({ person, phone }: Awaited<ReturnType<typeof enrolled>>) => [
    person.post('/device', { deviceName: 'tablet' }),
    person.list(),
    person.post('/device/rename', { existingDeviceName: 'phone', newDeviceName: 'tablet' }),
    person.verify('phone', phone.code()),
    person.signIn(phone.code()),
    person.post('/device/remove', { deviceName: 'phone' }),
  ];

  const alterTable = (change: string) => application().app.get(DataSource).query(`ALTER TABLE ${change}`);

  it('L8: answers 500 to every request without its table, and has done nothing when the table is back', async () => {
    const known = await enrolled();
    await alterTable('totp_accounts RENAME TO away');
    for (const answer of await Promise.all(requests(known))) expect(answer).toEqual(serverError);
    await alterTable('away RENAME TO totp_accounts');
    expect(application().events.events).toEqual([]);
    expect((await known.person.list()).body).toMatchObject({ devices: [{ name: 'phone' }] });
    expect(await known.person.signIn(known.person.wrongCode())).toEqual(invalidTotp(1));
    expect(await known.person.signIn(known.phone.code())).toEqual(OK);
  });

  it('S4: logs what to do when a write fails, and not the secret that was to be written', async () => {
    const person = new Person(application());
    output.length = 0;
    await alterTable('totp_accounts RENAME COLUMN user_id TO away');
    expect(await person.post('/device', {})).toEqual(serverError);
    await alterTable('totp_accounts RENAME COLUMN away TO user_id');
    const logged = inspect(output, { depth: Infinity, showHidden: true });
    expect(logged).toContain('run TOTP_MIGRATIONS');
    expect(logged).not.toContain(cipher.sealed.at(-1) ?? '');
    expect(await person.list()).toEqual(answered({ status: 'OK', devices: [] }));
  });

  it('L8: answers 500 when a secret does not open: the code is neither accepted nor counted', async () => {
    const { person, phone } = await enrolled();
    const fault = new TotpSecretError('The key is gone.');
    const opening = jest.spyOn(cipher, 'open').mockRejectedValue(fault);
    for (let n = 0; n < 6; n++) expect(await person.signIn(phone.code())).toEqual(serverError);
    await person.create('tablet');
    expect(await person.verify('tablet', '000000')).toEqual(serverError);
    opening.mockRestore();
    expect(await person.signIn(person.wrongCode())).toEqual(invalidTotp(1));
    expect(await person.signIn(phone.code())).toEqual(OK);
  });

  it('opens no secret during a lock', async () => {
    const { person, phone } = await enrolled();
    await person.spendBudget();
    const opening = jest.spyOn(cipher, 'open');
    expect((await person.signIn(phone.code())).body).toMatchObject({ status: 'LIMIT_REACHED_ERROR' });
    expect(opening).not.toHaveBeenCalled();
  });

  it('answers 500 when a secret cannot be sealed: there is no device then', async () => {
    const person = new Person(application());
    jest.spyOn(cipher, 'seal').mockRejectedValueOnce(new Error('The key service is away.'));
    expect(await person.post('/device', {})).toEqual(serverError);
    expect(await person.list()).toEqual(answered({ status: 'OK', devices: [] }));
  });

  it('answers 500 when the session cannot keep the completion: the code is used up, the session not completed', async () => {
    const { person, phone } = await enrolled();
    const again = person.signedInAnew();
    jest.spyOn(RequestSession.prototype, 'complete').mockRejectedValueOnce(new Error('The session store is away.'));
    expect(await again.signIn(phone.code())).toEqual(serverError);
    expect((await again.post('/device', {})).status).toBe(403);
    expect(await again.signIn(phone.code())).toEqual(invalidTotp(0));
    expect(await again.signIn(phone.code(1))).toEqual(OK);
  });
});
