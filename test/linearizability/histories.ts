/** Short histories of calls on one account each, made by several processes, of which some are killed, on a database that has faults. */
import { randomUUID } from 'node:crypto';
import { totpCode } from 'nestjs-totp/testing';
import { NOW } from '../faults/attack.js';
import { type Call, type Fleet, FLEET_SIZE } from '../processes/fleet.js';
import type { Random } from '../support/random.js';
import { counterexample, type Event } from './checker.js';
import { NOTHING, specificationAt, USER } from './specification.js';

const PHONE = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const TABLET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const RECOVERY_CODES = ['aBcDeFgHiJkLmNoPqRsT', 'bCdEfGhIjKlMnOpQrStU'] as const;

const CALLS_PER_PROCESS = 3;
/** Of each process, so that calls on one account overlap. */
const USERS_AT_ONCE = 6;
const ANSWERS_PER_DISTURBANCE = 25;

const byApplication = { onBehalfOf: 'application' } as const;

/** Before each history. */
const beginning = (userId: string): Call[] => [
  { name: 'importDevice', input: { userId, deviceName: 'phone', secretKey: PHONE } },
  { name: 'importDevice', input: { userId, deviceName: 'tablet', secretKey: TABLET } },
  { name: 'importRecoveryCodes', input: { userId, recoveryCodes: RECOVERY_CODES } },
];

const code = (userId: string, totp: string): Call => ({
  name: 'verifyTOTP',
  input: { userId, totp, reportReplay: true },
});

type Make = (userId: string) => Call;

/** What a history is made of; what is listed twice is made twice as often. */
const CALLS: readonly [Make, ...Make[]] = [
  (userId) => code(userId, totpCode(PHONE, NOW)),
  (userId) => code(userId, totpCode(PHONE, NOW)),
  (userId) => code(userId, totpCode(PHONE, NOW - 30_000)),
  (userId) => code(userId, totpCode(TABLET, NOW)),
  (userId) => code(userId, '000000'),
  (userId) => code(userId, '000000'),
  (userId) => code(userId, '000001'),
  (userId) => ({ name: 'verifyRecoveryCode', input: { userId, recoveryCode: RECOVERY_CODES[0] } }),
  (userId) => ({ name: 'verifyRecoveryCode', input: { userId, recoveryCode: 'wrong' } }),
  (userId) => ({ name: 'removeDevice', input: { userId, deviceName: 'tablet', ...byApplication } }),
  (userId) => ({ name: 'importDevice', input: { userId, deviceName: 'tablet', secretKey: TABLET } }),
  (userId) => ({ name: 'unlockUser', input: { userId } }),
  (userId) => ({ name: 'removeUser', input: { userId } }),
  (userId) => ({ name: 'getStatus', input: { userId } }),
  (userId) => ({ name: 'getStatus', input: { userId } }),
];

const specification = specificationAt(NOW);

/** The state that each history begins with. */
async function initialState(): Promise<string> {
  let state = NOTHING;
  for (const call of beginning('any')) ({ state } = await specification(state, call));
  return state;
}

export interface Judgement {
  /** How many calls got no answer. */
  readonly interrupted: number;
  /** The first history that is not linearizable, in words. */
  readonly counterexample: string | undefined;
}

/**
 * Has the processes make histories, and judges each.
 *
 * @param random decides which calls are made, and when processes are killed
 * @param killed how many processes are killed meanwhile
 * @param disturb called now and then meanwhile, when it is not called already
 */
export async function judge(
  fleet: Fleet,
  random: Random,
  { histories, killed, disturb }: { histories: number; killed: number; disturb?: (random: Random) => Promise<void> },
): Promise<Judgement> {
  const users = Array.from({ length: histories }, () => randomUUID());
  for (const step of [0, 1, 2]) {
    // A fault before may have left connections that no longer work. What was done in spite of a fault is not done a second time.
    let calls = users.flatMap((userId) => beginning(userId).slice(step, step + 1));
    while (calls.length > 0) {
      const { answers } = await fleet.fire(NOW, calls);
      calls = calls.filter((_, n) => answers[n]?.status === 'FAULT');
    }
  }

  const calls = users.flatMap((userId) =>
    Array.from({ length: FLEET_SIZE * CALLS_PER_PROCESS }, () => random.pick(CALLS)(userId)),
  );
  const victims = Array.from({ length: killed }, (_, n) => n % FLEET_SIZE);
  const answersLeft = victims.map(() => random.integer(0, calls.length / FLEET_SIZE - 1));
  let given = 0;
  let disturbing: Promise<void> | undefined;
  const { answers, times } = await fleet.fireUntilKilled(NOW, calls, {
    inTurn: USERS_AT_ONCE,
    onAnswer: (_, process) => {
      given++;
      if (given % ANSWERS_PER_DISTURBANCE === 0) {
        disturbing ??= disturb?.(random).finally(() => {
          disturbing = undefined;
        });
      }
      const left = answersLeft[process];
      if (left === undefined) return;
      answersLeft[process] = left - 1;
      if (left === 0) fleet.kill(process);
    },
  });
  await disturbing;
  await fleet.relaunch();
  const faults = answers.filter(({ status }) => status === 'FAULT').map(({ code: reason }) => reason);
  expect(faults.filter((reason) => reason !== 'TOTP_STORAGE')).toEqual([]);

  const initial = await initialState();
  let interrupted = 0;
  for (const [user, userId] of users.entries()) {
    const history: Event<Call>[] = [];
    for (let process = 0; process < FLEET_SIZE; process++) {
      let before = 0;
      for (let turn = 0; turn < CALLS_PER_PROCESS; turn++) {
        const n = (user * CALLS_PER_PROCESS + turn) * FLEET_SIZE + process;
        const [call, answer, time] = [calls[n], answers[n], times[n]];
        if (call === undefined) break;
        const isAnswered = time !== undefined && answer?.status !== 'FAULT';
        if (!isAnswered) interrupted++;
        history.push({
          call,
          process,
          // A process that was killed had its next call on its way, or had just answered.
          begun: time?.begun ?? before,
          ended: isAnswered ? time.ended : Infinity,
          answer: isAnswered ? JSON.stringify(answer).replaceAll(userId, USER) : undefined,
        });
        if (time === undefined) break;
        before = time.ended;
      }
    }
    const found = await counterexample(history, initial, specification);
    if (found !== undefined) return { interrupted, counterexample: inWords(found) };
  }
  return { interrupted, counterexample: undefined };
}

/** A line for each call, in the order of their beginnings, with times in microseconds. */
function inWords(history: readonly Event<Call>[]): string {
  const start = Math.min(...history.map(({ begun }) => begun));
  const time = (at: number) => (at === Infinity ? '…' : String(Math.round((at - start) / 1000)));
  return history
    .toSorted((one, other) => one.begun - other.begun)
    .map(({ call, process, begun, ended, answer = 'no answer' }) => {
      const input = JSON.stringify({ ...call.input, userId: undefined });
      return `${time(begun)}–${time(ended)} µs, process ${process}: ${call.name} ${input} → ${answer}`;
    })
    .join('\n');
}
