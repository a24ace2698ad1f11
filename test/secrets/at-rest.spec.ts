/** S1: who has the database and not the key has no secret; who can write to it cannot make a secret do for another device. */
import { readFile } from 'node:fs/promises';
import {
  type Account,
  type Device,
  TotpAccountStore,
  TotpDamagedAccountError,
  type TotpModuleOptions,
  TotpSecretError,
} from 'nestjs-totp';
import { DataSource } from 'typeorm';
import { TotpAccountEntity } from '../../src/storage/tables/account.entity.js';
import { rowId } from '../../src/storage/sql/row-id.js';
import { asciiJson } from '../../src/storage/sql/text.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { answered, everywhere, invalidTotp, Person, refused, useApplication } from '../support/client.js';
import { startApplication } from '../support/application.js';
import { withDevice, withSealedSecret } from './keys.js';

const OK = answered({ status: 'OK' });
const serverError = refused(500, { statusCode: 500, message: 'Internal server error' });

/** The forms in which a secret could be written down. */
function formsOf(base32: string): Buffer[] {
  const bits = Array.from(base32, (letter) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
  ).join('');
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((eight) => parseInt(eight, 2)));
  const texts = [base32, base32.toLowerCase(), bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, '')];
  return [bytes, ...texts.map((text) => Buffer.from(text)), Buffer.from(bytes.toString('hex').toUpperCase())];
}

/** The bytes of an SQLite file and its write-ahead log; of a server, everything that it has in its tables. */
async function contentOf({ options }: OpenDatabase, dataSource: DataSource): Promise<Buffer> {
  if (options.type === 'better-sqlite3') {
    const files = await Promise.all(['', '-wal'].map((suffix) => readFile(options.database + suffix)));
    return Buffer.concat(files);
  }
  const tables = await Promise.all(
    dataSource.entityMetadatas.map(({ tableName }) => dataSource.query<unknown>(`SELECT * FROM ${tableName}`)),
  );
  return Buffer.from(JSON.stringify(tables));
}

describe.each(databases)('secrets at rest on $name', ({ open }) => {
  /** Whether any of the secrets that were enrolled is in the database, in any form. */
  async function isAnyFound(options: Partial<TotpModuleOptions>): Promise<boolean> {
    const database = await open();
    const application = await startApplication({ database, options });
    const person = new Person(application);
    const phone = await person.enrol('phone');
    const tablet = await person.create('tablet');
    await person.signIn(phone.code(1));
    await person.signIn(person.wrongCode());
    const content = await contentOf(database, application.app.get(DataSource));
    expect(content.includes(person.userId)).toBe(true);
    await application.close();
    await database.drop();
    return [phone, tablet].some(({ secret }) => formsOf(secret).some((form) => content.includes(form)));
  }

  it('S1: are nowhere in the database, nor in its write-ahead log', async () => {
    expect(await isAnyFound({})).toBe(false);
  });

  it('are in it under secrets: "plain-text", where they are looked for', async () => {
    expect(await isAnyFound({ secrets: 'plain-text' })).toBe(true);
  });
});

describe.each(everywhere)('$name', ({ platform, open }) => {
  const application = useApplication({ platform, open });

  /** Somebody writes to the database; what was there before can be put back. */
  async function tamper(userId: string, change: (account: Account) => Account): Promise<() => Promise<unknown>> {
    const { app } = application();
    const loaded = await app.get(TotpAccountStore).load(userId);
    if (loaded === null) throw new Error('There is no such user.');
    const rows = app.get(DataSource).getRepository(TotpAccountEntity);
    const row = { id: rowId(userId) };
    const { devices } = await rows.findOneByOrFail(row);
    await rows.update(row, { devices: asciiJson(change(loaded.account).devices) });
    return () => rows.update(row, { devices });
  }

  const sealedOf = async (userId: string, n = 0) => {
    const loaded = await application().app.get(TotpAccountStore).load(userId);
    return loaded?.account.devices[n]?.sealedSecret ?? '';
  };
  const flipped = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);

  it.each([
    ['of another user', (_: string, foreign: string) => foreign],
    ['of the user’s other device', (_: string, __: string, other: string) => other],
    ['cut short by a character', (own: string) => own.slice(0, -1)],
    ['cut short to its key', (own: string) => own.slice(0, own.indexOf(':') + 1)],
    ['with a changed nonce', (own: string) => flipped(own, own.indexOf('.') + 1)],
    ['with a changed tag', (own: string) => flipped(own, own.length - 1)],
    ['of a key that is not there', (own: string) => own.replace('test:', 'other:')],
    ['in plain text', () => `plain:${Buffer.alloc(20, 7).toString('base64')}`],
    ['of nothing known', () => 'nonsense'],
    ['that is empty', () => ''],
  ])('S1: a secret %s is a fault with a stable code: nothing is accepted, and no try is spent', async (_, change) => {
    const [ann, bob] = [new Person(application()), new Person(application())];
    const [phone, foreign] = [await ann.enrol('phone'), await bob.enrol('phone')];
    application().clock.advance(30);
    const other = await ann.enrol('tablet');
    application().clock.advance(30);
    application().events.clear();

    const sealed = [await sealedOf(ann.userId), await sealedOf(bob.userId), await sealedOf(ann.userId, 1)] as const;
    const putBack = await tamper(ann.userId, (account) => withSealedSecret(account, change(...sealed)));
    for (const code of [phone.code(), foreign.code(), other.code(), ann.wrongCode(), phone.code(1)]) {
      expect(await ann.signIn(code)).toEqual(serverError);
    }
    const { totp } = application();
    const checking = totp.verifyTOTP({ userId: ann.userId, totp: phone.code() });
    await expect(checking).rejects.toBeInstanceOf(TotpSecretError);
    await expect(checking).rejects.toMatchObject({ code: 'TOTP_SECRET' });
    expect(application().events.events).toEqual([]);

    await putBack();
    expect(await ann.signIn(ann.wrongCode())).toEqual(invalidTotp(1));
    expect(await ann.signIn(phone.code())).toEqual(OK);
    expect(await bob.signIn(foreign.code())).toEqual(OK);
  });

  const damaged = [TotpDamagedAccountError, 'TOTP_DAMAGED_ACCOUNT'] as const;
  const unreadable = [TotpSecretError, 'TOTP_SECRET'] as const;

  it.each<[string, Partial<Device>, typeof damaged | typeof unreadable]>([
    ['algorithm', { algorithm: 'SHA256' }, unreadable],
    ['digits', { digits: 8 }, unreadable],
    ['period', { period: 300 }, unreadable],
    ['skew', { skew: 2 }, unreadable],
    ['id', { id: 'another id' }, unreadable],
    ['digits out of range', { digits: 1 }, damaged],
    ['period out of range', { period: 1_000_000 }, damaged],
    ['skew out of range', { skew: 300_000 }, damaged],
  ])('S1: a device whose %s was changed in the database is a fault: no code is accepted', async (_, fields, fault) => {
    const ann = new Person(application());
    const phone = await ann.enrol('phone');
    application().clock.advance(30);
    application().events.clear();
    const putBack = await tamper(ann.userId, (account) => withDevice(account, fields));
    for (const code of [phone.code(), '0', ann.wrongCode()]) expect(await ann.signIn(code)).toEqual(serverError);
    const checking = application().totp.verifyTOTP({ userId: ann.userId, totp: phone.code() });
    await expect(checking).rejects.toBeInstanceOf(fault[0]);
    await expect(checking).rejects.toMatchObject({ code: fault[1] });
    expect(application().events.events).toEqual([]);

    await putBack();
    expect(await ann.signIn(phone.code())).toEqual(OK);
  });
});
