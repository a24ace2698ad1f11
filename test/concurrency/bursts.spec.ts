/** Everything at once, ten times in a row, on every database: one code is accepted once, and the budget is exact. */
import { databases } from '../support/databases.js';
import { failureCounts, type Status, statuses, useCrowd, type User, WRONG } from './crowd.js';

describe.each(databases)('all at once on $name', ({ open }) => {
  const crowd = useCrowd(open);

  /** Tries of which the budget must not answer more than five. */
  const expectFiveTries = (answers: readonly Status[]) => {
    expect(failureCounts(answers)).toEqual([1, 2, 3, 4, 5]);
    expect(statuses(answers)).toEqual({ INVALID_TOTP_ERROR: 5, LIMIT_REACHED_ERROR: answers.length - 5 });
    expect(crowd.named('totp.code.rejected')).toHaveLength(5);
    expect(crowd.named('totp.user.locked')).toMatchObject([{ lockNumber: 1, failures: 5 }]);
  };

  it('W3: one right code 50 times is accepted once; the others are replays', async () => {
    await crowd.tenTimes(async (user) => {
      const answers = await crowd.atOnce(50, ({ totp }) => totp.verifyTOTP({ userId: user.id, totp: user.code() }));
      expect(statuses(answers)).toEqual({ OK: 1, INVALID_TOTP_ERROR: 49 });
      expect(failureCounts(answers)).toEqual(Array(49).fill(0));
      expect(crowd.named('totp.code.accepted')).toHaveLength(1);
      expect(crowd.named('totp.code.replayed')).toHaveLength(49);
      expect(crowd.named('totp.code.rejected')).toEqual([]);
    });
  });

  it('W2: three right codes 17 times each are accepted once at most, and the latest always', async () => {
    await crowd.tenTimes(async (user) => {
      const answers = await crowd.atOnce(51, ({ totp }, n) =>
        totp.verifyTOTP({ userId: user.id, totp: user.code((n % 3) - 1) }),
      );
      const accepted = crowd.named('totp.code.accepted').map(({ stepOffset }) => stepOffset);
      expect(new Set(accepted).size).toBe(accepted.length);
      expect(accepted).toContain(1);
      expect(statuses(answers)).toEqual({ OK: accepted.length, INVALID_TOTP_ERROR: 51 - accepted.length });
    });
  });

  it('L1, L5: of 55 wrong codes five are answered as wrong, counted 1 to 5, and one lock is told', async () => {
    await crowd.tenTimes(async (user) => {
      expectFiveTries(await crowd.atOnce(55, ({ totp }) => totp.verifyTOTP({ userId: user.id, totp: WRONG })));
    });
  });

  it('L2: sign-in and enrolment, of all tenants, share the five tries', async () => {
    await crowd.tenTimes(async (user) => {
      await user.totp.createDevice({ userId: user.id, deviceName: 'new', onBehalfOf: 'application' });
      const answers = await crowd.atOnce<Status>(56, ({ totp }, n) => {
        const input = { userId: user.id, totp: WRONG, tenantId: `tenant ${String(n % 3)}` };
        return n % 4 < 2
          ? totp.verifyTOTP(input)
          : totp.verifyDevice({ ...input, deviceName: 'new', onBehalfOf: 'application' });
      });
      expectFiveTries(answers);
    });
  });

  it('L1, W3: among 25 wrong codes a right one is accepted once at most, and ends the streak once at most', async () => {
    await crowd.tenTimes(async (user) => {
      const answers = await crowd.atOnce(50, ({ totp }, n) =>
        totp.verifyTOTP({ userId: user.id, totp: n % 4 < 2 ? WRONG : user.code() }),
      );
      const accepted = crowd.named('totp.code.accepted').length;
      const rejected = crowd.named('totp.code.rejected').length;
      const replayed = crowd.named('totp.code.replayed').length;
      expect(accepted).toBeLessThanOrEqual(1);
      // Up to four before the accepted code, and five after it.
      expect(rejected).toBeLessThanOrEqual(accepted === 1 ? 9 : 5);
      expect(crowd.named('totp.user.locked')).toHaveLength(1);
      const { OK = 0, INVALID_TOTP_ERROR } = statuses(answers);
      expect([OK, INVALID_TOTP_ERROR]).toEqual([accepted, rejected + replayed]);
    });
  });

  it('W6: a code is accepted once at most while its device is removed and imported again', async () => {
    await crowd.tenTimes(async (user) => {
      await crowd.atOnce<object>(60, ({ totp }, n) => {
        if (n % 6 < 2) return totp.removeDevice({ userId: user.id, deviceName: 'phone', onBehalfOf: 'application' });
        if (n % 6 < 4) return user.importPhone(totp);
        return totp.verifyTOTP({ userId: user.id, totp: user.code() });
      });
      expect(crowd.named('totp.code.accepted').length).toBeLessThanOrEqual(1);
      await user.importPhone();
      await user.totp.verifyTOTP({ userId: user.id, totp: user.code() });
      expect(crowd.named('totp.code.accepted')).toHaveLength(1);
    });
  });

  it('M6: 30 creations under one name leave one device', async () => {
    await crowd.tenTimes(async (user) => {
      const answers = await crowd.atOnce(30, ({ totp }) =>
        totp.createDevice({ userId: user.id, deviceName: 'new', onBehalfOf: 'application' }),
      );
      expect(statuses(answers)).toEqual({ OK: 30 });
      expect(await user.deviceNames()).toEqual(['phone', 'new']);
      expect(crowd.named('totp.device.created').filter(({ replaced }) => !replaced)).toHaveLength(1);
    });
  });

  it('M6: 30 creations without a name leave one device of the default name', async () => {
    await crowd.tenTimes(async (user) => {
      const answers = await crowd.atOnce(30, ({ totp }) =>
        totp.createDevice({ userId: user.id, onBehalfOf: 'application' }),
      );
      expect(statuses(answers)).toEqual({ OK: 30 });
      expect(await user.deviceNames()).toEqual(['phone', 'TOTP Device 1']);
    });
  });

  it('M6: the first 30 creations of a new user leave one device', async () => {
    await crowd.tenTimes(async (user) => {
      await user.totp.removeUser({ userId: user.id });
      const answers = await crowd.atOnce(30, ({ totp }) =>
        totp.createDevice({ userId: user.id, onBehalfOf: 'application' }),
      );
      expect(statuses(answers)).toEqual({ OK: 30 });
      expect(await user.deviceNames()).toEqual(['TOTP Device 0']);
      expect(crowd.named('totp.device.created').filter(({ replaced }) => !replaced)).toHaveLength(1);
    });
  });

  it('M6: 30 creations under different names stop at the cap of ten devices', async () => {
    await crowd.tenTimes(async (user) => {
      const answers = await crowd.atOnce(30, ({ totp }, n) =>
        totp.createDevice({ userId: user.id, deviceName: `new ${String(n)}`, onBehalfOf: 'application' }),
      );
      expect(statuses(answers)).toEqual({ OK: 9, DEVICE_LIMIT_REACHED_ERROR: 21 });
      expect(await user.deviceNames()).toHaveLength(10);
      expect(crowd.named('totp.device.created')).toHaveLength(9);
    });
  });

  it('M6: 30 imports of one secret make one device', async () => {
    await crowd.tenTimes(async (user) => {
      await user.totp.removeUser({ userId: user.id });
      const answers = await crowd.atOnce(30, ({ totp }) => user.importPhone(totp));
      expect(statuses(answers)).toEqual({ OK: 1, SECRET_ALREADY_EXISTS_ERROR: 29 });
      expect(await user.deviceNames()).toEqual(['phone']);
      expect(crowd.named('totp.device.created')).toHaveLength(1);
    });
  });

  it('M6: of renamings of nine devices to one name, one succeeds', async () => {
    await crowd.tenTimes(async (user) => {
      const names = Array.from({ length: 9 }, (_, n) => `new ${String(n)}`);
      for (const deviceName of names)
        await user.totp.createDevice({ userId: user.id, deviceName, onBehalfOf: 'application' });
      const answers = await crowd.atOnce(9, ({ totp }, n) =>
        totp.updateDevice({
          userId: user.id,
          existingDeviceName: names[n] ?? '',
          newDeviceName: 'the one',
          onBehalfOf: 'application',
        }),
      );
      expect(statuses(answers)).toEqual({ OK: 1, DEVICE_ALREADY_EXISTS_ERROR: 8 });
      expect(crowd.named('totp.device.renamed')).toHaveLength(1);
      const left = await user.deviceNames();
      expect(left).toHaveLength(10);
      expect(left.filter((name) => name === 'the one')).toHaveLength(1);
    });
  });

  it('M6: 50 verifications of one device verify it once, and its code does not sign in', async () => {
    await crowd.tenTimes(async (user) => {
      await user.totp.removeUser({ userId: user.id });
      const code = await user.codeOfNewDevice('new');
      const answers = await crowd.atOnce(50, ({ totp }) =>
        totp.verifyDevice({ userId: user.id, deviceName: 'new', totp: code, onBehalfOf: 'application' }),
      );
      expect(statuses(answers)).toEqual({ OK: 50 });
      expect(answers.filter((answer) => 'wasAlreadyVerified' in answer && !answer.wasAlreadyVerified)).toHaveLength(1);
      expect(crowd.named('totp.device.verified')).toHaveLength(1);
      expect(await user.totp.verifyTOTP({ userId: user.id, totp: code })).toMatchObject({
        status: 'INVALID_TOTP_ERROR',
      });
    });
  });

  it('M6: of 50 removals of one device, one finds it', async () => {
    await crowd.tenTimes(async (user) => {
      const answers = await crowd.atOnce(50, ({ totp }) =>
        totp.removeDevice({ userId: user.id, deviceName: 'phone', onBehalfOf: 'application' }),
      );
      expect(answers.filter(({ didDeviceExist }) => didDeviceExist)).toHaveLength(1);
      expect(crowd.named('totp.device.removed')).toHaveLength(1);
    });
  });

  describe('recovery codes', () => {
    const codesOf = async (user: User) => {
      const made = await user.totp.createRecoveryCodes({ userId: user.id, onBehalfOf: 'application' });
      return made.status === 'OK' ? made.recoveryCodes : [];
    };

    it('R2: one code 50 times is accepted once', async () => {
      await crowd.tenTimes(async (user) => {
        const [recoveryCode = ''] = await codesOf(user);
        const answers = await crowd.atOnce(50, ({ totp }) =>
          totp.verifyRecoveryCode({ userId: user.id, recoveryCode }),
        );
        expect(statuses(answers)).toEqual({ OK: 1, INVALID_RECOVERY_CODE_ERROR: 49 });
        expect(crowd.named('totp.recovery-code.used')).toMatchObject([{ left: 7 }]);
        expect(crowd.named('totp.recovery-code.rejected')).toHaveLength(49);
      });
    });

    it('R2: eight codes six times each are accepted once each', async () => {
      await crowd.tenTimes(async (user) => {
        const codes = await codesOf(user);
        const answers = await crowd.atOnce(48, ({ totp }, n) =>
          totp.verifyRecoveryCode({ userId: user.id, recoveryCode: codes[n % 8] ?? '' }),
        );
        expect(statuses(answers)).toEqual({ OK: 8, INVALID_RECOVERY_CODE_ERROR: 40 });
        const left = crowd.named('totp.recovery-code.used').map((event) => event.left);
        expect(left.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      });
    });

    it('R4: of a set that is replaced while it is used, no code is accepted after the new set', async () => {
      await crowd.tenTimes(async (user) => {
        const codes = await codesOf(user);
        await crowd.atOnce<object>(40, ({ totp }, n) =>
          n % 5 === 0
            ? totp.createRecoveryCodes({ userId: user.id, onBehalfOf: 'application' })
            : totp.verifyRecoveryCode({ userId: user.id, recoveryCode: codes[n % 8] ?? '' }),
        );
        for (const recoveryCode of codes) {
          expect(await user.totp.verifyRecoveryCode({ userId: user.id, recoveryCode })).toEqual({
            status: 'INVALID_RECOVERY_CODE_ERROR',
          });
        }
        expect(await user.totp.getRecoveryCodes({ userId: user.id })).toMatchObject({ left: 8, total: 8 });
        expect(crowd.named('totp.recovery-codes.created')).toHaveLength(9);
      });
    });

    it('R6: of 20 temporary codes that are issued at once, one is valid, and it is accepted once', async () => {
      await crowd.tenTimes(async (user) => {
        const issued = await crowd.atOnce(20, ({ totp }) => totp.createTemporaryCode({ userId: user.id }));
        const codes = issued.map((answer) => (answer.status === 'OK' ? answer.temporaryCode : ''));
        const answers = await crowd.atOnce(40, ({ totp }, n) =>
          totp.verifyRecoveryCode({ userId: user.id, recoveryCode: codes[n % 20] ?? '' }),
        );
        expect(statuses(answers)).toEqual({ OK: 1, INVALID_RECOVERY_CODE_ERROR: 39 });
        expect(crowd.named('totp.temporary-code.used')).toHaveLength(1);
      });
    });

    it('R3: a recovery code is accepted among wrong codes that lock the user, and ends one lock at most', async () => {
      await crowd.tenTimes(async (user) => {
        const [recoveryCode = ''] = await codesOf(user);
        const answers = await crowd.atOnce<Status>(41, ({ totp }, n) =>
          n === 20
            ? totp.verifyRecoveryCode({ userId: user.id, recoveryCode })
            : totp.verifyTOTP({ userId: user.id, totp: WRONG }),
        );
        expect(answers[20]).toEqual({ status: 'OK', recoveryCodesLeft: 7 });
        expect(failureCounts(answers).length).toBeLessThanOrEqual(10);
        expect(crowd.named('totp.user.unlocked').length).toBeLessThanOrEqual(1);
      });
    });
  });

  it('O1: of 30 wrong codes, counted over locks, the last begins two codes in a row, with one event', async () => {
    await crowd.tenTimes(async (user) => {
      for (let round = 0; round < 7; round++) {
        await crowd.atOnce(10, ({ totp }) => totp.verifyTOTP({ userId: user.id, totp: WRONG }));
        await user.totp.unlockUser({ userId: user.id });
      }
      expect(crowd.named('totp.code.rejected')).toHaveLength(35);
      expect(crowd.named('totp.user.suspected')).toMatchObject([{ failures: 30 }]);
      const session = { handle: 'session', completedAt: undefined };
      const answers = await crowd.atOnce(50, ({ totp }) =>
        totp.verifyTOTP({ userId: user.id, totp: user.code(), session }),
      );
      expect(answers.filter((answer) => 'nextCodeRequired' in answer)).toHaveLength(50);
      const seconds = await crowd.atOnce(50, ({ totp }) =>
        totp.verifyTOTP({ userId: user.id, totp: user.code(1), session }),
      );
      expect(statuses(seconds)).toEqual({ OK: 1, INVALID_TOTP_ERROR: 49 });
    });
  });

  it('T2: a browser that is forgotten while it is used is trusted by no later request, and no more than three are', async () => {
    await crowd.tenTimes(async (user) => {
      const answers = await Promise.all(
        [-1, 0, 1].map(async (step) => {
          await user.importPhone();
          return user.totp.verifyTOTP({ userId: user.id, totp: user.code(step), trustBrowser: {} });
        }),
      );
      const tokens = answers.flatMap((answer) => ('trustToken' in answer ? [answer.trustToken] : []));
      await crowd.atOnce<object>(40, ({ totp }, n) =>
        n % 8 === 0
          ? totp.forgetTrustedBrowsers({ userId: user.id, onBehalfOf: 'application' })
          : totp.verifyTrustedBrowser({ userId: user.id, trustToken: tokens[n % tokens.length] ?? '' }),
      );
      for (const trustToken of tokens) {
        expect(await user.totp.verifyTrustedBrowser({ userId: user.id, trustToken })).toEqual({
          status: 'UNKNOWN_BROWSER_ERROR',
        });
      }
      expect(crowd.named('totp.browser.forgotten')).toHaveLength(1);
    });
  });

  it('of 20 unlockings one ends the lock, and of 20 erasures one erases', async () => {
    await crowd.tenTimes(async (user) => {
      for (let n = 0; n < 5; n++) await user.totp.verifyTOTP({ userId: user.id, totp: WRONG });
      const unlocked = await crowd.atOnce(20, ({ totp }) => totp.unlockUser({ userId: user.id }));
      expect(unlocked.filter(({ wasLocked }) => wasLocked)).toHaveLength(1);
      expect(crowd.named('totp.user.unlocked')).toHaveLength(1);
      const erased = await crowd.atOnce(20, ({ totp }) => totp.removeUser({ userId: user.id }));
      expect(erased.filter(({ didUserExist }) => didUserExist)).toHaveLength(1);
    });
  });
});
