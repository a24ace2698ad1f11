/**
 * Four processes on one database, everything at once: checks W3, L1, L2, L5 and M6.
 *
 * Each burst runs once, or as often as `TOTP_TEST_REPETITIONS` says.
 */
import { randomUUID } from 'node:crypto';
import { TOTP_ENTITIES, TOTP_MIGRATIONS } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { DataSource } from 'typeorm';
import { databases, type OpenDatabase } from '../support/databases.js';
import { type Call, Fleet, type Volley } from './fleet.js';

const REPETITIONS = Number(process.env.TOTP_TEST_REPETITIONS ?? 1);
const now = Date.UTC(2026, 0, 1);
const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const rightCode = totpCode(secretKey, now);
const wrongCode = '000000';

describe.each(databases)('four processes on $name', ({ open }) => {
  let database: OpenDatabase;
  let fleet: Fleet;

  beforeAll(async () => {
    database = await open();
    const dataSource = new DataSource({ ...database.options, entities: TOTP_ENTITIES, migrations: TOTP_MIGRATIONS });
    await dataSource.initialize();
    await dataSource.runMigrations();
    await dataSource.destroy();
    fleet = await Fleet.launch(database);
  }, 60_000);

  afterAll(async () => {
    await fleet.land();
    await database.drop();
  });

  /** As often as asked, each time with users of its own. */
  async function repeatedly(burst: (user: (n?: number) => string) => Promise<void>): Promise<void> {
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      const run = randomUUID();
      await burst((n = 0) => `user-${n}-${run}`);
    }
  }

  /** Fires, and sees to it that no call met a fault. */
  async function fire(calls: readonly Call[]): Promise<Volley> {
    const volley = await fleet.fire(now, calls);
    expect(volley.answers.filter(({ status }) => status === 'FAULT')).toEqual([]);
    return volley;
  }

  const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));
  const answered = ({ answers }: Volley, status: string) => answers.filter((answer) => answer.status === status);
  const named = ({ events }: Volley, name: string) => events.filter((event) => event.name === name);
  const enrolled = (userId: string): Call => ({
    name: 'importDevice',
    input: { userId, deviceName: 'phone', secretKey },
  });
  const check = (userId: string, totp: string): Call => ({ name: 'verifyTOTP', input: { userId, totp } });

  it('W3: accept one right code of 200 at once exactly once', async () => {
    await repeatedly(async (user) => {
      await fire([enrolled(user())]);
      const volley = await fire(times(200, () => check(user(), rightCode)));
      expect(answered(volley, 'OK')).toHaveLength(1);
      expect(answered(volley, 'INVALID_TOTP_ERROR')).toHaveLength(199);
      expect(named(volley, 'totp.code.accepted')).toHaveLength(1);
      expect(named(volley, 'totp.code.replayed')).toHaveLength(199);
      expect(named(volley, 'totp.code.rejected')).toEqual([]);
    });
  }, 120_000);

  it('L1, L5: answer exactly five of 300 wrong codes as wrong, and tell once of the lock', async () => {
    await repeatedly(async (user) => {
      await fire([enrolled(user())]);
      const volley = await fire(times(300, () => check(user(), wrongCode)));
      const counts = answered(volley, 'INVALID_TOTP_ERROR').map((answer) => answer.currentNumberOfFailedAttempts);
      expect(counts.toSorted()).toEqual([1, 2, 3, 4, 5]);
      expect(answered(volley, 'LIMIT_REACHED_ERROR')).toHaveLength(295);
      expect(named(volley, 'totp.code.rejected')).toHaveLength(5);
      expect(named(volley, 'totp.user.locked')).toHaveLength(1);
    });
  }, 120_000);

  it('L2: keep every user to one budget and one use under 20 × 50 mixed requests', async () => {
    await repeatedly(async (user) => {
      await fire(times(20, (n) => enrolled(user(n))));
      const codes = [rightCode, wrongCode, wrongCode, wrongCode, wrongCode];
      const volley = await fire(times(1_000, (n) => check(user(n % 20), codes[Math.floor(n / 20) % 5] ?? '')));
      for (const userId of times(20, user)) {
        const count = (name: string) => named(volley, name).filter((event) => event.userId === userId).length;
        const accepted = count('totp.code.accepted');
        expect(accepted).toBeLessThanOrEqual(1);
        // The one accepted code may end one streak, and 40 wrong codes are enough for a lock before it or after it.
        expect(count('totp.code.rejected')).toBeLessThanOrEqual(accepted === 1 ? 9 : 5);
        expect(count('totp.user.locked')).toBe(1);
      }
      const rejected = named(volley, 'totp.code.rejected').length;
      const replayed = named(volley, 'totp.code.replayed').length;
      expect(answered(volley, 'INVALID_TOTP_ERROR')).toHaveLength(rejected + replayed);
      expect(answered(volley, 'OK')).toHaveLength(named(volley, 'totp.code.accepted').length);
    });
  }, 120_000);

  it('M6: leave one device of 40 that are created at once under one name', async () => {
    await repeatedly(async (user) => {
      const userId = user();
      const volley = await fire(times(40, () => ({ name: 'createDevice', input: { userId, deviceName: 'phone' } })));
      expect(answered(volley, 'OK')).toHaveLength(40);
      const created = named(volley, 'totp.device.created');
      expect(created.filter((event) => event.name === 'totp.device.created' && !event.replaced)).toHaveLength(1);
      const { devices } = await status(userId);
      expect(devices).toEqual([{ name: 'phone', period: 30, skew: 1, verified: false }]);
    });
  }, 120_000);

  it('M6: let no more than ten devices come of 40 that are created at once', async () => {
    await repeatedly(async (user) => {
      const userId = user();
      const volley = await fire(
        times(40, (n) => ({ name: 'createDevice', input: { userId, deviceName: `phone ${n}` } })),
      );
      expect(answered(volley, 'OK')).toHaveLength(10);
      expect(answered(volley, 'DEVICE_LIMIT_REACHED_ERROR')).toHaveLength(30);
      expect((await status(userId)).devices).toHaveLength(10);
    });
  }, 120_000);

  it('M6: verify a device once, rename one of many to a name, and remove a device once', async () => {
    await repeatedly(async (user) => {
      const userId = user();
      const names = times(8, (n) => `phone ${n}`);
      await fire(names.map((deviceName) => ({ name: 'importDevice', input: { userId, deviceName, secretKey } })));

      const renames = await fire(
        names.map((existingDeviceName) => ({
          name: 'updateDevice',
          input: { userId, existingDeviceName, newDeviceName: 'the one' },
        })),
      );
      expect(answered(renames, 'OK')).toHaveLength(1);
      expect(answered(renames, 'DEVICE_ALREADY_EXISTS_ERROR')).toHaveLength(7);
      expect(named(renames, 'totp.device.renamed')).toHaveLength(1);

      const removals = await fire(
        times(40, () => ({ name: 'removeDevice', input: { userId, deviceName: 'the one' } })),
      );
      expect(removals.answers.filter(({ didDeviceExist }) => didDeviceExist)).toHaveLength(1);
      expect(named(removals, 'totp.device.removed')).toHaveLength(1);

      const [made] = (await fire([{ name: 'createDevice', input: { userId, deviceName: 'new' } }])).answers;
      const totp = totpCode(made?.qrCodeString ?? '', now);
      const verified = await fire(
        times(40, () => ({ name: 'verifyDevice', input: { userId, deviceName: 'new', totp } })),
      );
      expect(verified.answers.filter(({ wasAlreadyVerified }) => wasAlreadyVerified === false)).toHaveLength(1);
      expect(verified.answers.filter(({ wasAlreadyVerified }) => wasAlreadyVerified === true)).toHaveLength(39);
      expect(named(verified, 'totp.device.verified')).toHaveLength(1);
    });
  }, 120_000);

  async function status(userId: string) {
    const [answer] = (await fire([{ name: 'getStatus', input: { userId } }])).answers;
    return { devices: answer?.devices ?? [] };
  }
});
