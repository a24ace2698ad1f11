/** Measures one, four and sixteen callers at a time, each compared with the floor with as many. */
import { rightCode } from '../support/codes.js';

export async function rows(bench) {
  const [totp, floor, users] = [await bench.service(), await bench.floor(), await bench.users()];
  return [1, 4, 16].flatMap((callers) => {
    const row = { users, callers, code: rightCode, expects: 'OK' };
    const many = callers === 1 ? '1 caller' : `${callers} callers`;
    return [
      bench.throughput({ ...row, name: `floor, ${many}`, call: (user, code, now) => floor.verify(user, code, now) }),
      bench.throughput({
        ...row,
        name: many,
        call: async (userId, code) => (await totp.verifyTOTP({ userId, totp: code })).status,
        against: `floor, ${many}`,
      }),
    ];
  });
}
