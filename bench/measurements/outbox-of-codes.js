/** Measures `TotpService.verifyTOTP` where the outbox keeps the events of codes too, and relays them meanwhile, compared with no outbox. */
import { ANSWERS } from './checks.js';

export async function rows(bench) {
  const [without, storing] = [
    await bench.service(),
    await bench.service({ events: { outbox: true, codeEvents: true } }),
  ];
  const perAnswer = ANSWERS.map(async ({ name, state, code, expects, writes }) => {
    const users = await bench.users({ devices: 1, state });
    const call = (totp) => async (userId, entered) => (await totp.verifyTOTP({ userId, totp: entered })).status;
    return [
      bench.throughput({ name: `${name}, no outbox`, users, code, expects, call: call(without) }),
      bench.throughput({
        name: `${name}, with codes in the outbox`,
        users,
        code,
        expects,
        call: call(storing),
        against: `${name}, no outbox`,
        ...(writes ? { goal: { atLeast: 0.65 } } : {}),
      }),
    ];
  });
  return (await Promise.all(perAnswer)).flat();
}
