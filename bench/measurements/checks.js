/** Measures `TotpService.verifyTOTP` compared with the floor: each answer, and users with more devices. */
import { rightCode, wrongCode } from '../support/codes.js';

/** SQLite answers within the process, so that what is around the statements weighs more. */
const goalOn = (kind) => ({ atLeast: kind === 'sqlite' ? 0.6 : 0.8 });

const ANSWERS = [
  { name: 'accepted', state: 'fresh', code: rightCode, expects: 'OK', hasGoal: true },
  { name: 'rejected', state: 'fresh', code: wrongCode, expects: 'INVALID_TOTP_ERROR', hasGoal: true },
  { name: 'replayed', state: 'used', code: rightCode, expects: 'INVALID_TOTP_ERROR' },
];

export async function rows(bench) {
  const goal = goalOn(bench.server.kind);
  return [
    ...(await answerRows(bench, { name: '1 device', kind: { devices: 1 }, goal })),
    ...(await answerRows(bench, { name: '3 devices', kind: { devices: 3 } })),
    ...(await answerRows(bench, { name: '10 devices', kind: { devices: 10 } })),
    ...(await lockedRows(bench, goal)),
  ];
}

/**
 * Each answer compared with the floor.
 *
 * @param {object} variant
 * @param {string} variant.name
 * @param {object} variant.kind of users, see `writeAccounts`
 * @param {object} [variant.options] of the module, see `totpModule`
 * @param {object} [variant.goal]
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
  return [
    bench.throughput({ ...row, name: `floor, ${name}`, call: (user, code, now) => floor.verify(user, code, now) }),
    bench.throughput({
      ...row,
      name,
      call: async (userId, code) => (await totp.verifyTOTP({ userId, totp: code })).status,
      against: `floor, ${name}`,
      ...(variant.goal && answer.hasGoal ? { goal: variant.goal } : {}),
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
