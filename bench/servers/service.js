/** One of several processes with the module's service on the same database: each time it is asked, it checks codes for users. */
import { callForEach } from '../support/callers.js';
import { BenchClock, openService } from '../support/application.js';
import { rightCode } from '../support/codes.js';
import { serve, settings } from './process.js';

const clock = new BenchClock();
const { totp, close } = await openService(settings.database, { clock });

serve(
  {},
  {
    close,
    answer: ({ now, users, callers, seconds }) => {
      clock.time = now;
      const code = rightCode(now);
      const call = async (userId) => (await totp.verifyTOTP({ userId, totp: code })).status;
      return callForEach({ users, callers, seconds, call, expects: 'OK' });
    },
  },
);
