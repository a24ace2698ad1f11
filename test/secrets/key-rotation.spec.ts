/** S2: all secrets come under another key while codes are checked. */
import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { KeyRingSecretCipher, type TotpKeyRotationProgress, TotpStorageError } from 'nestjs-totp';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';
import { account, device } from '../support/accounts.js';
import { recipeOver } from '../support/recipe.js';
import { databases } from '../support/databases.js';
import { useTables } from '../storage/tables.js';
import { readKeyRing } from '../../src/secrets/key-ring.js';
import { cipherUnder, enrolUsers, keysOf, newKey, serviceOver, withSealedSecret } from './keys.js';

describe.each(databases)('the key rotation on $name', ({ open }) => {
  const tables = useTables(open);
  const store = () => tables().store;
  const rotationUnder = (...cipher: Parameters<typeof cipherUnder>) =>
    recipeOver({ store: store(), cipher: cipherUnder(...cipher) }).rotation;

  beforeEach(async () => {
    await tables().own.query(`DELETE FROM ${tables().own.driver.escape('totp_accounts')}`);
  });

  it('S2: re-encrypts every secret, and each still makes the codes that it made', async () => {
    const owners = await enrolUsers(store(), 7, [cipherUnder('k1'), cipherUnder('k2'), cipherUnder('k3')]);
    const report = await rotationUnder('k3').run({ batchSize: 2 });
    expect(report).toEqual({
      total: 7,
      done: 7,
      failed: 0,
      failures: [],
      aborted: false,
      keys: [{ keyId: 'k3', users: 7, state: 'current' }],
    });
    const clock = new TestTotpClock();
    const totp = serviceOver(store(), cipherUnder('k3', ['k3']), clock);
    for (const { userId, secrets } of owners) {
      expect(await keysOf(store(), userId)).toEqual(['k3', 'k3', 'k3']);
      for (const secret of secrets) {
        expect(await totp.verifyTOTP({ userId, totp: totpCode(secret, clock.now()) })).toEqual({ status: 'OK' });
      }
    }
  });

  it('counts the users under each key, and changes nothing, when it is run dry', async () => {
    await enrolUsers(store(), 3, [cipherUnder('k1')]);
    await enrolUsers(store(), 2, [cipherUnder('k1'), cipherUnder('k2')]);
    const [current] = await enrolUsers(store(), 1, [cipherUnder('k2')]);
    const rotation = rotationUnder('k2', ['k2']);
    const keys = [
      { keyId: 'k1', users: 5, state: 'missing' },
      { keyId: 'k2', users: 3, state: 'current' },
    ];
    expect(await rotation.run({ dryRun: true })).toMatchObject({ total: 5, done: 0, failed: 0, keys });
    expect(await rotation.keys()).toEqual(keys);
    expect(await rotation.missingKeys()).toEqual(['k1']);
    expect(await keysOf(store(), current?.userId ?? '')).toEqual(['k2']);
    expect(await rotationUnder('k2').missingKeys()).toEqual([]);
  });

  it('S2: goes on where it was stopped', async () => {
    const owners = await enrolUsers(store(), 10, [cipherUnder('k1')]);
    const stop = new AbortController();
    const seen: TotpKeyRotationProgress[] = [];
    const stopped = await rotationUnder('k2').run({
      batchSize: 3,
      signal: stop.signal,
      onProgress: (progress) => {
        seen.push(progress);
        if (progress.done === 6) stop.abort();
      },
    });
    expect(seen).toEqual([
      { total: 10, done: 3, failed: 0 },
      { total: 10, done: 6, failed: 0 },
    ]);
    expect(stopped).toMatchObject({ aborted: true, total: 10, done: 6 });
    expect(await rotationUnder('k2').run()).toMatchObject({ aborted: false, total: 4, done: 4 });
    for (const { userId } of owners) expect(await keysOf(store(), userId)).toEqual(['k2']);
    expect(await rotationUnder('k2').run()).toMatchObject({ total: 0, done: 0 });
  });

  it('is not stopped by who comes when nothing is left', async () => {
    await enrolUsers(store(), 2, [cipherUnder('k1')]);
    const stop = new AbortController();
    const onProgress = () => {
      stop.abort();
    };
    const report = await rotationUnder('k2').run({ signal: stop.signal, onProgress });
    expect(report).toMatchObject({ aborted: false, total: 2, done: 2 });
  });

  it('S2: may run twice at once, during sign-ins, removals and further devices', async () => {
    const owners = await enrolUsers(store(), 24, [cipherUnder('k1')]);
    const clock = new TestTotpClock();
    const totp = serviceOver(store(), cipherUnder('k2'), clock);
    const signIns = owners.slice(0, 20).map(async ({ userId, secrets }, n) => {
      const [secret = ''] = secrets;
      const code = (step: number) => totpCode(secret, clock.now() + step * 30_000);
      const answers = [
        await totp.verifyTOTP({ userId, totp: code(-1) }),
        await totp.verifyTOTP({ userId, totp: code(0) }),
      ];
      if (n % 4 === 0) await totp.importDevice({ userId, secretKey: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' });
      answers.push(await totp.verifyTOTP({ userId, totp: code(1) }));
      return answers;
    });
    const removals = owners.slice(20).map(({ userId }) => totp.removeUser({ userId }));
    const runs = [rotationUnder('k2').run({ batchSize: 5 }), rotationUnder('k2').run({ batchSize: 7 })];
    for (const report of await Promise.all(runs)) expect(report).toMatchObject({ failed: 0, failures: [] });
    for (const answers of await Promise.all(signIns)) {
      expect(answers).toEqual([{ status: 'OK' }, { status: 'OK' }, { status: 'OK' }]);
    }
    await Promise.all(removals);
    expect(await rotationUnder('k2').keys()).toEqual([{ keyId: 'k2', users: 20, state: 'current' }]);
  });

  it('tells which users’ secrets do not open, and sees to all others', async () => {
    const [whole, damaged, halfOpen] = await enrolUsers(store(), 3, [cipherUnder('k1'), cipherUnder('k2')]);
    for (const { userId } of [damaged, halfOpen].filter((owner) => owner !== undefined)) {
      const loaded = await store().load(userId);
      if (loaded === null) throw new Error('There is no such user.');
      await store().commit(userId, loaded.revision, withSealedSecret(loaded.account, 'k1:v1.AAAA'));
    }
    const { own } = tables();
    const column = (name: string) => own.driver.escape(name);
    const where = `WHERE ${column('user_id')} = '${JSON.stringify(damaged?.userId)}'`;
    await own.query(`UPDATE ${column('totp_accounts')} SET ${column('devices')} = '[{]' ${where}`);

    const report = await rotationUnder('k3').run({ batchSize: 1 });
    expect(report).toMatchObject({ total: 3, done: 3, failed: 2 });
    const reasons = new Map(report.failures.map(({ userId, reason }) => [userId, reason]));
    expect(reasons.get(damaged?.userId ?? '')).toContain('cannot be read');
    expect(reasons.get(halfOpen?.userId ?? '')).toContain('was damaged');
    expect(await keysOf(store(), whole?.userId ?? '')).toEqual(['k3', 'k3']);
    expect(await keysOf(store(), halfOpen?.userId ?? '')).toEqual(['k1', 'k3']);
  });

  it('names a key that it needs and does not have, of each user', async () => {
    const [owner] = await enrolUsers(store(), 1, [cipherUnder('k1')]);
    const report = await rotationUnder('k2', ['k2', 'k3']).run();
    expect(report.failures).toEqual([
      {
        userId: owner?.userId,
        reason: 'A stored secret is encrypted with the key "k1", which is not in secrets.keys.',
      },
    ]);
  });

  it('moves from plain text to keys', async () => {
    const userId = randomUUID();
    const plain = device({ sealedSecret: `plain:${Buffer.alloc(20, 'a secret').toString('base64')}` });
    await store().commit(userId, null, account([plain]));
    expect(await rotationUnder('k1').missingKeys()).toEqual(['plain']);
    const moving = rotationUnder('k1', ['k1'], { acceptPlainText: true });
    expect(await moving.missingKeys()).toEqual([]);
    expect(await moving.run()).toMatchObject({
      done: 1,
      failed: 0,
      keys: [{ keyId: 'k1', users: 1, state: 'current' }],
    });
  });

  it('finds the keys of users without a recorded key set, and corrects a wrong one', async () => {
    const [unknown, wrong] = await enrolUsers(store(), 2, [cipherUnder('k2')]);
    const { own } = tables();
    const name = (of: string) => own.driver.escape(of);
    const note = (userId: string, keyIds: string) =>
      own.query(
        `UPDATE ${name('totp_accounts')} SET ${name('key_ids')} = '${keyIds}' WHERE ${name('user_id')} = '${JSON.stringify(userId)}'`,
      );
    await note(unknown?.userId ?? '', '');
    await note(wrong?.userId ?? '', 'k9');
    const rotation = rotationUnder('k2');
    expect(await rotation.keys()).toEqual([
      { keyId: '', users: 1, state: 'unknown' },
      { keyId: 'k9', users: 1, state: 'missing' },
    ]);
    expect(await rotation.run()).toMatchObject({ total: 2, done: 2, failed: 0 });
    expect(await rotation.keys()).toEqual([{ keyId: 'k2', users: 2, state: 'current' }]);
  });

  it('does not take one user’s row for another’s', async () => {
    const [ann, bob] = await enrolUsers(store(), 2, [cipherUnder('k1')]);
    const { own } = tables();
    const name = (of: string) => own.driver.escape(of);
    const id = JSON.stringify(ann?.userId);
    await own.query(
      `UPDATE ${name('totp_accounts')} SET ${name('user_id')} = '${JSON.stringify(bob?.userId)}' WHERE ${name('user_id')} = '${id}'`,
    );
    const report = await rotationUnder('k2').run();
    expect(report).toMatchObject({ total: 2, done: 2, failed: 1 });
    expect(report.failures[0]?.reason).toContain('is damaged');
  });

  it('names the keys that open nothing of what was sealed under their names', async () => {
    await enrolUsers(store(), 3, [cipherUnder('k1')]);
    await enrolUsers(store(), 1, [cipherUnder('k2')]);
    expect(await rotationUnder('k1').wrongKeys()).toEqual([]);
    const other = new KeyRingSecretCipher(readKeyRing({ keys: { k1: newKey(), k2: newKey() }, current: 'k1' }));
    expect(await recipeOver({ store: store(), cipher: other }).rotation.wrongKeys()).toEqual(['k1', 'k2']);
    const lost = new KeyRingSecretCipher(readKeyRing({ keys: { k1: 'lost', k2: newKey() }, current: 'k2' }));
    expect(await recipeOver({ store: store(), cipher: lost }).rotation.wrongKeys()).toEqual(['k2']);
  });

  it('ends with the fault when the database does not answer, and can be started again', async () => {
    await enrolUsers(store(), 3, [cipherUnder('k1')]);
    const rotation = rotationUnder('k2');
    const load = jest.spyOn(store(), 'load').mockRejectedValueOnce(new TotpStorageError('The database is away.'));
    await expect(rotation.run()).rejects.toThrow('The database is away.');
    load.mockRestore();
    expect((await rotation.run()).keys).toEqual([{ keyId: 'k2', users: 3, state: 'current' }]);
  });
});
