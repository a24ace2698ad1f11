/**
 * S2: all users' secrets come under another key while some of them sign in, though the process that does it is killed on its way.
 *
 * With some hundred users, or as many as `TOTP_TEST_ROTATION_DEVICES` says; then a table tells how fast it was, and how much memory
 * it took.
 */
import { jest } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyRingSecretCipher, type TotpKeyRotationReport } from 'nestjs-totp';
import { totpCode, TestTotpClock } from 'nestjs-totp/testing';
import { toBase32 } from '../../src/otp/secret.js';
import { readKeyRing } from '../../src/secrets/key-ring.js';
import { DATA_SOURCE, type Ended, type Running, startCommand } from '../cli/command-line.js';
import { asciiJson } from '../../src/storage/sql/text.js';
import { TotpAccountEntity } from '../../src/storage/tables/account.entity.js';
import { rowId } from '../../src/storage/sql/row-id.js';
import { type Tables, useTables } from '../storage/tables.js';
import { databases } from '../support/databases.js';
import { newKey, type Owner, serviceOver } from './keys.js';
import { SignIns } from './sign-ins.js';

const USERS = Number(process.env.TOTP_TEST_ROTATION_DEVICES ?? 600);
const isLong = process.env.TOTP_TEST_ROTATION_DEVICES !== undefined;
jest.setTimeout(60_000 + USERS * 30);

const keys = { old: newKey(), new: newKey() };
const cipherWith = (current: keyof typeof keys, ids: (keyof typeof keys)[] = ['old', 'new']) =>
  new KeyRingSecretCipher(readKeyRing({ keys: Object.fromEntries(ids.map((id) => [id, keys[id]])), current }));

const secretOf = (n: number) => createHash('sha1').update(`secret ${n}`).digest();
const ownerOf = (n: number): Owner => ({ userId: `user ${n}`, secrets: [toBase32(secretOf(n))] });
const everyone = Array.from({ length: USERS }, (_, n) => ownerOf(n));
/** Those who sign in again and again; their rows lie anywhere in the order of the rotation. */
const regulars = new Set(everyone.filter((_, n) => n % 20 === 0));
const others = new Map(everyone.filter((owner) => !regulars.has(owner)).map((owner) => [owner.userId, owner]));

const figures: string[][] = [];
afterAll(() => {
  if (!isLong) return;
  const head = ['database', 'users', 'killed, then run', 'seconds', 'users per s', 'sign-ins meanwhile', 'MiB at most'];
  const rows = [head, head.map(() => '---'), ...figures];
  process.stdout.write(rows.map((cells) => `| ${cells.join(' | ')} |\n`).join(''));
});

describe.each(databases)('on $name', ({ name, open }) => {
  const tables = useTables(open);
  const store = () => tables().store;
  const usersUnder = (key: keyof typeof keys) => store().countAccounts(key);
  let folder: string;
  let signIns: SignIns | undefined;
  let commands: Running[];

  const secretsFile = () => join(folder, 'secrets.json');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'totp-large-rotation-'));
    await writeFile(secretsFile(), JSON.stringify({ keys, current: 'new' }));
  });
  beforeEach(async () => {
    commands = [];
    await tables().own.query(`DELETE FROM ${tables().own.driver.escape('totp_accounts')}`);
  });
  afterEach(async () => {
    for (const { child } of commands) child.kill('SIGKILL');
    await signIns?.stop();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function start(command: string): Running {
    const running = startCommand([command, '--json', '-d', DATA_SOURCE, '-s', secretsFile()], tables().database);
    commands.push(running);
    return running;
  }
  const rotate = () => start('rotate-keys');
  const listKeys = () => start('keys');

  /** Looks without a pause, and well before all are done where these are few: a fast machine is through in a moment. */
  async function killHalfWay({ child }: Running): Promise<void> {
    const enough = isLong ? USERS / 2 : USERS * 0.9;
    while (child.exitCode === null && (await usersUnder('old')) > enough);
    child.kill('SIGKILL');
  }

  /** Lets the user sign in whose row is the next one, or in work: by chance, too few would be just there. */
  async function meetRotation(live: SignIns): Promise<void> {
    const [next] = await store().listAccounts('old');
    const owner = others.get(next?.userId ?? '');
    if (owner !== undefined) await live.once(owner);
  }

  // The second takes as long again, and is left to the long form; test/secrets/key-rotation.spec.ts does it in one process.
  it.each([['again', 1] as const, ['twice at once', 2] as const].slice(0, isLong ? 2 : 1))(
    'S2: all secrets are re-encrypted while users sign in, by a process that is killed and then run %s',
    async (how, times) => {
      await enrolAll(tables());
      const live = (signIns = new SignIns(store(), cipherWith('new'), [...regulars]));
      const began = performance.now();
      const memory = new PeakMemory();

      const killed = rotate();
      const isKilled = killHalfWay(killed);
      while (killed.child.exitCode === null && !killed.child.killed) {
        await memory.look(killed);
        await meetRotation(live);
        await Promise.race([isKilled, live.more(USERS / 400)]);
      }
      await isKilled;
      expect(await killed.ended).toMatchObject({ code: null });
      const left = await usersUnder('old');
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThan(USERS);
      const answeredWhenKilled = live.count;

      const resumed = Array.from({ length: times }, rotate);
      let ended: Ended[] | undefined;
      const allEnded = Promise.all(resumed.map((run) => run.ended)).then((all) => (ended = all));
      while (ended === undefined) {
        for (const run of resumed) await memory.look(run);
        await meetRotation(live);
        await Promise.race([allEnded, live.more(USERS / 400)]);
      }
      const seconds = (performance.now() - began) / 1000;
      const answered = live.count;
      for (const { out, code } of ended) {
        expect(code).toBe(0);
        const report = JSON.parse(out) as TotpKeyRotationReport;
        expect(report.total).toBeLessThanOrEqual(left);
        expect(report.done).toBeLessThanOrEqual(report.total); // who signs in between is done by that
        expect(report).toMatchObject({ failed: 0, failures: [], aborted: false });
        expect(report.keys).toEqual([{ keyId: 'new', users: USERS, state: 'current' }]);
      }

      expect(answeredWhenKilled).toBeGreaterThan(0);
      expect(answered).toBeGreaterThan(answeredWhenKilled);
      await live.stop();
      expect(live.answers).toEqual({ OK: live.count });
      expect(await live.replay()).toEqual(new Set(['INVALID_TOTP_ERROR']));

      const inUse = [{ keyId: 'new', users: USERS, state: 'current' }];
      expect(JSON.parse((await listKeys().ended).out)).toEqual({ keys: inUse, unused: ['old'] });
      const clock = new TestTotpClock(Date.UTC(2030, 0, 1));
      const totp = serviceOver(store(), cipherWith('new', ['new']), clock);
      for (const { userId, secrets } of isLong ? regulars : everyone) {
        const code = totpCode(secrets[0] ?? '', clock.now());
        expect(await totp.verifyTOTP({ userId, totp: code })).toEqual({ status: 'OK' });
      }
      figures.push(
        [name, count(USERS), how, count(seconds), count(USERS / seconds), count(answered), memory.peak()].map(String),
      );
    },
  );
});

const count = (n: number) => Math.round(n).toLocaleString('en');

/** Users with a device each, under the old key: one imports it, and the others' rows are that one's with what is their own. */
async function enrolAll({ own, store }: Tables): Promise<void> {
  const cipher = cipherWith('old');
  const first = { userId: ownerOf(0).userId, secretKey: toBase32(secretOf(0)) };
  await serviceOver(store, cipher).importDevice(first);
  const [imported] = (await store.load(first.userId))?.account.devices ?? [];
  if (imported === undefined) throw new Error('The device was not imported.');
  const device = imported;
  const rows = own.getRepository(TotpAccountEntity);
  const model = await rows.findOneByOrFail({ id: rowId(first.userId) });
  for (let from = 1; from < USERS; from += 500) {
    const numbers = Array.from({ length: Math.min(500, USERS - from) }, (_, n) => from + n);
    await rows.insert(await Promise.all(numbers.map(rowOf)));
  }
  expect(await store.countAccounts('old')).toBe(USERS);

  async function rowOf(n: number): Promise<TotpAccountEntity> {
    const { userId } = ownerOf(n);
    const id = randomUUID();
    const sealedSecret = await cipher.seal(secretOf(n), { ...device, purpose: 'device', userId, deviceId: id });
    const devices = asciiJson([{ ...device, id, sealedSecret }]);
    const its = { id: rowId(userId), revision: randomUUID(), userId: asciiJson(userId), devices };
    return Object.assign(new TotpAccountEntity(), model, its);
  }
}

/** What a process ever held in memory, where the system tells it of other processes. */
class PeakMemory {
  private kibibytes = 0;

  async look({ child }: Running): Promise<void> {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    this.kibibytes = Math.max(this.kibibytes, Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0));
  }

  /** In MiB. */
  peak(): string {
    return this.kibibytes === 0 ? 'unknown' : String(Math.round(this.kibibytes / 1024));
  }
}
