/** Measures `TotpService.verifyTOTP` compared with the floor: each answer, and users with more devices. */
import { rightCode, wrongCode } from '../support/codes.js';

/** SQLite answers within the process, so that what is around the statements weighs more. */
const goalsOn = (kind) =>
  kind === 'sqlite' ? { write: 0.6, noWrite: 0.6, tenDevices: 0.6 } : { write: 0.95, noWrite: 0.85, tenDevices: 0.9 };

export const ANSWERS = [
  { name: 'accepted', state: 'fresh', code: rightCode, expects: 'OK', writes: true },
  { name: 'rejected', state: 'fresh', code: wrongCode, expects: 'INVALID_TOTP_ERROR', writes: true },
  { name: 'replayed', state: 'used', code: rightCode, expects: 'INVALID_TOTP_ERROR' },
];

export async function rows(bench) {
  const { write, noWrite, tenDevices } = goalsOn(bench.server.kind);
  return [
    ...(await answerRows(bench, { name: '1 device', kind: { devices: 1 }, goals: { write, noWrite } })),
    ...(await answerRows(bench, { name: '3 devices', kind: { devices: 3 } })),
    ...(await answerRows(bench, { name: '10 devices', kind: { devices: 10 }, goals: { write: tenDevices } })),
    ...(await lockedRows(bench, { atLeast: noWrite })),
  ];
}

/**
 * Each answer compared with the floor.
 *
 * @param {object} variant
 * @param {string} variant.name
 * @param {object} variant.kind of users, see `writeAccounts`
 * @param {object} [variant.options] of the module, see `totpModule`
 * @param {{ write?: number, noWrite?: number }} [variant.goals] what the ratio is to be at least, by whether the answer takes a write
 */
export async function answerRows(bench, variant) {
  const answers = [];
  for (const answer of ANSWERS) answers.push(await rowsOf(bench, variant, answer));
  return answers.flat();
}

async function rowsOf(bench, variant, answer) {
  const [totp, floor] = [await bench.service(variant.options), await bench.floor()];
  const users = await bench.users({ ...variant.kind, state: answer.state });
  const row = { users, code: answer.code, expects: answer.expects };
  const name = `${answer.name}, ${variant.name}`;
  const atLeast = answer.writes ? variant.goals?.write : variant.goals?.noWrite;
  return [
    bench.throughput({ ...row, name: `floor, ${name}`, call: (user, code, now) => floor.verify(user, code, now) }),
    bench.throughput({
      ...row,
      name,
      call: async (userId, code) => (await totp.verifyTOTP({ userId, totp: code })).status,
      against: `floor, ${name}`,
      ...(atLeast === undefined ? {} : { goal: { atLeast } }),
    }),
  ];
}

async function lockedRows(bench, goal) {
  const [totp, floor] = [await bench.service(), await bench.floor()];
  const users = await bench.users({ devices: 1, state: 'locked' });
  const row = { users, code: rightCode, expects: 'LIMIT_REACHED_ERROR' };
  const against = "floor's read alone";
  return [
    bench.throughput({ ...row, name: against, call: (userId) => floor.read(userId) }),
    bench.throughput({
      ...row,
      name: 'locked',
      call: async (userId, code) => (await totp.verifyTOTP({ userId, totp: code })).status,
      against,
      goal,
    }),
  ];
}
