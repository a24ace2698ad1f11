/** Measures a wave of sign-ins: every user once, all in the same moment, compared with the floor. Its p99 is what nearly everybody waits at most. */
import { startTotpServer } from './http.js';
import { rightCode } from '../support/codes.js';

export async function rows(bench) {
  const [totp, floor, users] = [await bench.service(), await bench.floor(), await bench.users()];
  const { accepted, post } = await startTotpServer(bench, 'Express');
  const verify = async (userId, code) => (await totp.verifyTOTP({ userId, totp: code })).status;
  const direct = { users, code: rightCode, expects: 'OK' };
  return [
    ...waveOf(bench, 'direct calls', direct, (user, code, now) => floor.verify(user, code, now), verify),
    ...waveOf(bench, 'Express', accepted, post('/floor'), accepted.call),
  ];
}

function waveOf(bench, name, row, floor, call) {
  const against = `floor, all at once, ${name}`;
  const wave = { ...row, callers: bench.size.users, by: 'p99' };
  return [
    bench.throughput({ ...wave, name: against, call: floor }),
    bench.throughput({ ...wave, name: `all at once, ${name}`, call, against }),
  ];
}
