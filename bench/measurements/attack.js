/** Measures how long sixteen callers wait to sign in while sixty-four others guess at one user, compared with the same without them. */
import { writeAccounts } from '../support/accounts.js';
import { rightCode } from '../support/codes.js';

const ATTACKERS = 64;

export async function rows(bench) {
  const users = await bench.users();
  await writeAccounts(await bench.database(), ['victim']);
  const totp = await bench.service();
  const row = {
    users,
    code: rightCode,
    call: async (userId, code) => (await totp.verifyTOTP({ userId, totp: code })).status,
    expects: 'OK',
  };
  const inPeace = bench.throughput({ ...row, name: 'in peace' });
  const underAttack = bench.throughput({ ...row, name: 'under attack' });
  return [
    inPeace,
    {
      ...underAttack,
      against: 'in peace',
      by: 'p99',
      goal: { atMost: 1.5 },
      measure: () => during(guessing(totp), underAttack.measure),
    },
  ];
}

/** Attackers who guess at once again when they are answered, until they are told to stop. */
function guessing(totp) {
  let isOver = false;
  let guess = 0;
  const attacker = async () => {
    while (!isOver) await totp.verifyTOTP({ userId: 'victim', totp: String(guess++ % 1_000_000).padStart(6, '0') });
  };
  const attack = Promise.all(Array.from({ length: ATTACKERS }, attacker));
  return () => {
    isOver = true;
    return attack;
  };
}

async function during(stop, measure) {
  try {
    return await measure();
  } finally {
    await stop();
  }
}
