/**
 * Four processes on one database, everything at once: checks W3, L1, L2, L5, M6, R2, R4 and T2, on several engines (D1 and D2).
 *
 * Each burst runs once, or as often as `TOTP_TEST_REPETITIONS` says; then prints the results as a table.
 */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { totpCode } from 'nestjs-totp/testing';
import type { DataSource } from 'typeorm';
import { presentOf } from '../faults/own-servers.js';
import { connect } from '../storage/tables.js';
import type { OpenDatabase } from '../support/databases.js';
import { engines } from './engines.js';
import { Figures } from './figures.js';
import { type Call, Fleet, type Volley } from './fleet.js';

const REPETITIONS = Number(process.env.TOTP_TEST_REPETITIONS ?? 1);
const now = Date.UTC(2026, 0, 1);
const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const rightCode = totpCode(secretKey, now);
const wrongCode = '000000';

jest.setTimeout(300_000 + 60_000 * REPETITIONS);

const figures = new Figures();
afterAll(() => {
  if (REPETITIONS > 1) process.stdout.write(figures.table());
});

describe.each(presentOf(engines))('four processes on $name', ({ name: databaseName, open, outbox, isMissing }) => {
  let database: OpenDatabase;
  let observer: DataSource;
  let fleet: Fleet;

  beforeAll(async () => {
    if (isMissing !== undefined) throw new Error(isMissing);
    database = await open();
    observer = await connect(database);
    await observer.runMigrations();
    fleet = await Fleet.launch(database, outbox ? { outbox: 'stores' } : {});
  });

  afterAll(async () => {
    await fleet.land();
    await observer.destroy();
    await database.drop();
  });

  /** Takes the events out of the outbox. Each event of a user has a position of its own. */
  async function storedEvents(): Promise<string[]> {
    const rows: { id: string; account: string; position: string | number }[] = await observer.query(
      'SELECT id, account, position FROM totp_outbox',
    );
    const positions = new Set(rows.map(({ account, position }) => `${account} ${String(position)}`));
    expect(positions.size).toBe(rows.length);
    await observer.query('DELETE FROM totp_outbox');
    return rows.map(({ id }) => id).toSorted();
  }

  /** As often as asked, each time with users of its own. */
  async function repeatedly(burst: (user: (n?: number) => string) => Promise<void>): Promise<void> {
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      const run = randomUUID();
      await burst((n = 0) => `user-${n}-${run}`);
    }
  }

  /** Fires, and sees to it that no call met a fault, and that the outbox has exactly the events that were reported. */
  async function fire(calls: readonly Call[]): Promise<Volley> {
    const volley = await fleet.fire(now, calls);
    expect(volley.answers.filter(({ status }) => status === 'FAULT')).toEqual([]);
    const reported = volley.events.map(({ id }) => `${id}:nowhere`).toSorted();
    expect(await storedEvents()).toEqual(outbox ? reported : []);
    return volley;
  }

  /** Fires what the figures list under this name. */
  async function fireBurst(burst: string, calls: readonly Call[]): Promise<Volley> {
    const volley = await fire(calls);
    figures.note(burst, databaseName, volley);
    return volley;
  }

  const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));
  const answered = ({ answers }: Pick<Volley, 'answers'>, status: string) =>
    answers.filter((answer) => answer.status === status);
  const named = ({ events }: Volley, name: string) => events.filter((event) => event.name === name);
  const enrolled = (userId: string): Call => ({
    name: 'importDevice',
    input: { userId, deviceName: 'phone', secretKey },
  });
  const check = (userId: string, totp: string): Call => ({ name: 'verifyTOTP', input: { userId, totp } });

  it('W3, D1, D2: accept one right code of 200 at once exactly once', async () => {
    await repeatedly(async (user) => {
      await fire([enrolled(user())]);
      const volley = await fireBurst(
        '200 × one right code',
        times(200, () => check(user(), rightCode)),
      );
      expect(answered(volley, 'OK')).toHaveLength(1);
      expect(answered(volley, 'INVALID_TOTP_ERROR')).toHaveLength(199);
      expect(named(volley, 'totp.code.accepted')).toHaveLength(1);
      expect(named(volley, 'totp.code.replayed')).toHaveLength(199);
      expect(named(volley, 'totp.code.rejected')).toEqual([]);
    });
  });

  it('L1, L5, D1, D2: answer exactly five of 300 wrong codes as wrong, and tell once of the lock', async () => {
    await repeatedly(async (user) => {
      await fire([enrolled(user())]);
      const volley = await fireBurst(
        '300 wrong codes of one user',
        times(300, () => check(user(), wrongCode)),
      );
      const counts = answered(volley, 'INVALID_TOTP_ERROR').map((answer) => answer.currentNumberOfFailedAttempts);
      expect(counts.toSorted()).toEqual([1, 2, 3, 4, 5]);
      expect(answered(volley, 'LIMIT_REACHED_ERROR')).toHaveLength(295);
      expect(named(volley, 'totp.code.rejected')).toHaveLength(5);
      expect(named(volley, 'totp.user.locked')).toHaveLength(1);
    });
  });

  it('L2: keep every user to one budget and one use under 20 × 50 mixed requests', async () => {
    await repeatedly(async (user) => {
      await fire(times(20, (n) => enrolled(user(n))));
      // Calls are dealt out in turn: in another order each round, everybody's go to all processes.
      const round = (n: number) => Math.floor(n / 20);
      const caller = (n: number) => user((n + round(n)) % 20);
      const code = (n: number) => (round(n) % 5 === 0 ? rightCode : wrongCode);
      const calls = times(1_000, (n) => check(caller(n), code(n)));
      const volley = await fireBurst('20 users × 50 codes, right and wrong', calls);
      for (const userId of times(20, user)) {
        const entered = (totp: string) => ({
          answers: volley.answers.filter((_, n) => caller(n) === userId && code(n) === totp),
        });
        const told = (name: string) => named(volley, name).filter((event) => event.userId === userId);
        const [right, wrong] = [entered(rightCode), entered(wrongCode)];

        const accepted = answered(right, 'OK').length;
        const replayed = answered(right, 'INVALID_TOTP_ERROR').length;
        expect(accepted).toBeLessThanOrEqual(1);
        expect(answered(right, 'LIMIT_REACHED_ERROR')).toHaveLength(10 - accepted - replayed);
        expect(told('totp.code.accepted')).toHaveLength(accepted);
        expect(told('totp.code.replayed')).toHaveLength(replayed);

        // 40 wrong codes are enough for a lock. A code that is accepted before it may end a streak of less than five.
        const counts = answered(wrong, 'INVALID_TOTP_ERROR').map((answer) => answer.currentNumberOfFailedAttempts);
        const ended = counts.length - 5;
        expect(ended).toBeLessThanOrEqual(4 * accepted);
        expect(counts.toSorted()).toEqual([...times(ended, (n) => n + 1), 1, 2, 3, 4, 5].toSorted());
        expect(answered(wrong, 'LIMIT_REACHED_ERROR')).toHaveLength(40 - counts.length);
        expect(told('totp.code.rejected')).toHaveLength(counts.length);
        expect(told('totp.user.locked')).toHaveLength(1);
      }
    });
  });

  it('M6, D1, D2: leave one device of 40 that are created at once under one name', async () => {
    await repeatedly(async (user) => {
      const userId = user();
      const volley = await fireBurst(
        '40 creations under one name',
        times(40, () => ({ name: 'createDevice', input: { userId, deviceName: 'phone', onBehalfOf: 'application' } })),
      );
      expect(answered(volley, 'OK')).toHaveLength(40);
      const created = named(volley, 'totp.device.created');
      expect(created.filter((event) => event.name === 'totp.device.created' && !event.replaced)).toHaveLength(1);
      const { devices } = await status(userId);
      expect(devices).toMatchObject([{ name: 'phone', period: 30, skew: 1, verified: false }]);
    });
  });

  it('M6: enrol one device of 40 that are imported at once under one name', async () => {
    await repeatedly(async (user) => {
      const volley = await fireBurst(
        '40 imports under one name',
        times(40, () => enrolled(user())),
      );
      expect(answered(volley, 'OK')).toHaveLength(1);
      expect(answered(volley, 'SECRET_ALREADY_EXISTS_ERROR')).toHaveLength(39);
      expect(named(volley, 'totp.device.created')).toHaveLength(1);
    });
  });

  it('M6: let no more than ten devices come of 40 that are created at once', async () => {
    await repeatedly(async (user) => {
      const userId = user();
      const volley = await fireBurst(
        '40 creations under 40 names',
        times(40, (n) => ({
          name: 'createDevice',
          input: { userId, deviceName: `phone ${n}`, onBehalfOf: 'application' },
        })),
      );
      expect(answered(volley, 'OK')).toHaveLength(10);
      expect(answered(volley, 'DEVICE_LIMIT_REACHED_ERROR')).toHaveLength(30);
      expect((await status(userId)).devices).toHaveLength(10);
    });
  });

  it('M6: verify a device once, rename one of many to a name, and remove a device once', async () => {
    await repeatedly(async (user) => {
      const userId = user();
      const names = times(8, (n) => `phone ${n}`);
      await fire(
        names.map((deviceName, n) => ({
          name: 'importDevice',
          input: { userId, deviceName, secretKey: 'BCDEFGHI'.charAt(n).repeat(32) },
        })),
      );

      const renames = await fireBurst(
        '8 renamings to one name',
        names.map((existingDeviceName) => ({
          name: 'updateDevice',
          input: { userId, existingDeviceName, newDeviceName: 'the one', onBehalfOf: 'application' },
        })),
      );
      expect(answered(renames, 'OK')).toHaveLength(1);
      expect(answered(renames, 'DEVICE_ALREADY_EXISTS_ERROR')).toHaveLength(7);
      expect(named(renames, 'totp.device.renamed')).toHaveLength(1);

      const removals = await fireBurst(
        '40 removals of one device',
        times(40, () => ({
          name: 'removeDevice',
          input: { userId, deviceName: 'the one', onBehalfOf: 'application' },
        })),
      );
      expect(removals.answers.filter(({ didDeviceExist }) => didDeviceExist)).toHaveLength(1);
      expect(named(removals, 'totp.device.removed')).toHaveLength(1);

      const [made] = (
        await fire([{ name: 'createDevice', input: { userId, deviceName: 'new', onBehalfOf: 'application' } }])
      ).answers;
      const totp = totpCode(made?.qrCodeString ?? '', now);
      const verified = await fireBurst(
        '40 verifications of one device',
        times(40, () => ({
          name: 'verifyDevice',
          input: { userId, deviceName: 'new', totp, onBehalfOf: 'application' },
        })),
      );
      expect(verified.answers.filter(({ wasAlreadyVerified }) => wasAlreadyVerified === false)).toHaveLength(1);
      expect(verified.answers.filter(({ wasAlreadyVerified }) => wasAlreadyVerified === true)).toHaveLength(39);
      expect(named(verified, 'totp.device.verified')).toHaveLength(1);
    });
  });

  it('R2, D1, D2: accept one recovery code of 200 at once exactly once', async () => {
    await repeatedly(async (user) => {
      const userId = user();
      await fire([enrolled(userId)]);
      const [made] = (await fire([{ name: 'createRecoveryCodes', input: { userId, onBehalfOf: 'application' } }]))
        .answers;
      const recoveryCode = made?.recoveryCodes?.[0] ?? '';
      const volley = await fireBurst(
        '200 × one recovery code',
        times(200, () => ({ name: 'verifyRecoveryCode', input: { userId, recoveryCode } })),
      );
      expect(answered(volley, 'OK')).toHaveLength(1);
      expect(answered(volley, 'INVALID_RECOVERY_CODE_ERROR')).toHaveLength(199);
      expect(named(volley, 'totp.recovery-code.used')).toHaveLength(1);
    });
  });

  it('R4: accept no code of a set that is replaced at the same time, once it is replaced', async () => {
    await repeatedly(async (user) => {
      const userId = user();
      await fire([enrolled(userId)]);
      const [made] = (await fire([{ name: 'createRecoveryCodes', input: { userId, onBehalfOf: 'application' } }]))
        .answers;
      const codes = made?.recoveryCodes ?? [];
      const enter = (n: number): Call => ({
        name: 'verifyRecoveryCode',
        input: { userId, recoveryCode: codes[n % 8] ?? '' },
      });
      const volley = await fireBurst(
        '60 × a recovery code or a new set',
        times(60, (n) =>
          n % 6 === 0 ? { name: 'createRecoveryCodes', input: { userId, onBehalfOf: 'application' } } : enter(n),
        ),
      );
      expect(named(volley, 'totp.recovery-codes.created')).toHaveLength(10);
      expect(named(volley, 'totp.recovery-code.used').length).toBeLessThanOrEqual(8);
      expect(answered(await fire(times(8, enter)), 'INVALID_RECOVERY_CODE_ERROR')).toHaveLength(8);
    });
  });

  it('T2: trust no browser once it is forgotten, however many requests of it there are', async () => {
    await repeatedly(async (user) => {
      const userId = user();
      await fire([enrolled(userId)]);
      const [made] = (await fire([{ name: 'verifyTOTP', input: { userId, totp: rightCode, trustBrowser: {} } }]))
        .answers;
      const visit: Call = { name: 'verifyTrustedBrowser', input: { userId, trustToken: made?.trustToken ?? '' } };
      expect(answered(await fire([visit]), 'OK')).toHaveLength(1);
      const volley = await fireBurst(
        '80 × a trusted browser or forgetting it',
        times(80, (n) =>
          n % 8 === 0 ? { name: 'forgetTrustedBrowsers', input: { userId, onBehalfOf: 'application' } } : visit,
        ),
      );
      expect(named(volley, 'totp.browser.forgotten')).toHaveLength(1);
      expect(answered(await fire([visit]), 'UNKNOWN_BROWSER_ERROR')).toHaveLength(1);
    });
  });

  async function status(userId: string) {
    const [answer] = (await fire([{ name: 'getStatus', input: { userId } }])).answers;
    return { devices: answer?.devices ?? [] };
  }
});
