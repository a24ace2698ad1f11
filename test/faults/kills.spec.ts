/**
 * Processes are killed with SIGKILL while four of them work on one database (checks W3, L1 and L8).
 *
 * On each database eight are killed, or eight times as many as `TOTP_TEST_REPETITIONS` says.
 */
import { randomInt, randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { type Answer, type Death, Fleet, FLEET_SIZE } from '../processes/fleet.js';
import { connect } from '../storage/tables.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { Attack, check, enrolment, NOW, RIGHT_CODE } from './attack.js';
import { WRONG_CODE } from './operations.js';

const REPETITIONS = Number(process.env.TOTP_TEST_REPETITIONS ?? 1);

/** When processes are killed, and whether their writes are done then: the server may or may not do what was just sent. */
const moments: readonly { readonly moment: Death['moment']; readonly isDone: readonly boolean[] }[] = [
  { moment: 'before it is sent', isDone: [false] },
  { moment: 'before its reply', isDone: [true, false] },
  { moment: 'before its reply', isDone: [true, false] },
  { moment: 'after its reply', isDone: [true] },
];

describe.each(databases)('of four processes on $name', ({ name, open }) => {
  let database: OpenDatabase;
  let observer: DataSource;
  let store: TypeOrmTotpAccountStore;
  let fleet: Fleet;

  beforeAll(async () => {
    database = await open();
    observer = await connect(database);
    await observer.runMigrations();
    store = new TypeOrmTotpAccountStore(observer);
    fleet = await Fleet.launch(database);
  });
  afterEach(() => fleet.relaunch());
  afterAll(async () => {
    await fleet.land();
    await observer.destroy();
    await database.drop();
  });

  /** @returns false when a process had given all its answers before it was gone */
  async function killInMidBurst(victims: readonly number[], rounds: number): Promise<boolean> {
    const attack = new Attack(2);
    await fleet.fire(NOW, attack.enrolments);

    const answersLeft = victims.map(() => randomInt(20));
    const volley = await fleet.fireUntilKilled(NOW, attack.calls(rounds), {
      onAnswer: (_, process) => {
        const victim = victims.indexOf(process);
        const left = answersLeft[victim];
        if (left === undefined) return;
        answersLeft[victim] = left - 1;
        if (left === 0) fleet.kill(process);
      },
    });
    attack.note(volley.answers);
    await attack.expectExact(store);

    await fleet.relaunch();
    const { answers } = await fleet.fire(NOW, attack.calls(8));
    expect(answers).not.toContainEqual(expect.objectContaining({ status: 'FAULT' }));
    attack.note(answers);
    await attack.expectOver(store);
    return victims.every((victim) =>
      volley.answers.some(({ status }, n) => n % FLEET_SIZE === victim && status === 'NONE'),
    );
  }

  it(
    'W3, L1, L8: two are killed in mid-burst, twice',
    async () => {
      for (let n = 0; n < 2 * REPETITIONS; n++) {
        let rounds = 60;
        while (!(await killInMidBurst([n % FLEET_SIZE, (n + 1) % FLEET_SIZE], rounds))) rounds *= 2;
      }
    },
    300_000 + 60_000 * REPETITIONS,
  );

  /** Enters a code eight times, in all processes at once. */
  async function enterEverywhere(userId: string, totp: string): Promise<readonly Answer[]> {
    const calls = Array.from({ length: 2 * FLEET_SIZE }, () => check(userId, totp));
    return (await fleet.fire(NOW, calls)).answers;
  }

  it(
    'W3, L1, L8: all are killed before, at and after the writes that accept a code and count a wrong one',
    async () => {
      for (let repetition = 0; repetition < REPETITIONS; repetition++) {
        const users = moments.map(({ moment, isDone }) => ({
          moment,
          isDone,
          right: randomUUID(),
          wrong: randomUUID(),
        }));
        await fleet.fire(
          NOW,
          users.flatMap(({ right, wrong }) => [enrolment(right), enrolment(wrong)]),
        );
        // Each process has one call of either kind.
        const right = users.map((user) => check(user.right, RIGHT_CODE));
        const wrong = users.map((user) => check(user.wrong, WRONG_CODE));
        // To an SQLite file a process has one connection, on which no write can wait while another one does.
        for (const calls of name === 'SQLite' ? [right, wrong] : [[...right, ...wrong]]) {
          const deaths = moments.map(({ moment }) => ({ moment, writes: calls.length / FLEET_SIZE }));
          const { answers } = await fleet.fireUntilKilled(NOW, calls, { deaths });
          expect(answers).toEqual(calls.map(() => ({ status: 'NONE' })));
          await fleet.relaunch();
        }

        for (const { moment, isDone, right, wrong } of users) {
          const accepted = (await enterEverywhere(right, RIGHT_CODE)).filter(({ status }) => status === 'OK').length;
          expect({ moment, possible: isDone.map((done) => (done ? 0 : 1)) }).toEqual({
            moment,
            possible: expect.arrayContaining([accepted]),
          });
          const counts = (await enterEverywhere(wrong, WRONG_CODE))
            .filter(({ status }) => status === 'INVALID_TOTP_ERROR')
            .map((answer) => answer.currentNumberOfFailedAttempts)
            .toSorted();
          expect({ moment, possible: isDone.map((done) => [...(done ? [] : [1]), 2, 3, 4, 5]) }).toEqual({
            moment,
            possible: expect.arrayContaining([counts]),
          });
        }
      }
    },
    300_000 + 60_000 * REPETITIONS,
  );
});
