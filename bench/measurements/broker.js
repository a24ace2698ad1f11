/** Measures calls with the outbox, whose broker answers or is away, compared with the same without an outbox. */
import { TotpEventDestination } from '../../dist/index.js';
import { rightCode } from '../support/codes.js';

/** Of the speed without an outbox. */
const GOALS = { postgres: 0.7, mariadb: 0.45, sqlite: 0.6 };

class Broker extends TotpEventDestination {
  name = 'broker';

  deliver() {
    return Promise.resolve();
  }
}

class BrokerAway extends TotpEventDestination {
  name = 'broker-away';

  deliver() {
    return Promise.reject(new Error('connect ECONNREFUSED'));
  }
}

export async function rows(bench) {
  const withBroker = (destination) => bench.service({ events: { outbox: true }, eventDestinations: [destination] });
  const [without, there, away] = [await bench.service(), await withBroker(Broker), await withBroker(BrokerAway)];
  const trio = (name, row, call, goal) => [
    bench.throughput({ ...row, name: `${name}, no outbox`, call: call(without) }),
    bench.throughput({
      ...row,
      name: `${name}, broker there`,
      call: call(there),
      against: `${name}, no outbox`,
      ...goal,
    }),
    bench.throughput({ ...row, name: `${name}, broker away`, call: call(away), against: `${name}, broker there` }),
  ];
  const users = await bench.users({ devices: 1, state: 'fresh' });
  const creators = Array.from({ length: bench.size.users }, (_, n) => `creator-${n}`);
  return [
    ...trio('accepted', { users, code: rightCode, expects: 'OK' }, (totp) => async (userId, code) => {
      return (await totp.verifyTOTP({ userId, totp: code })).status;
    }),
    // Each of these leaves an event.
    ...trio(
      'createDevice',
      { users: creators, expects: 'OK' },
      (totp) => async (userId) => (await totp.createDevice({ userId, onBehalfOf: 'application' })).status,
      { goal: { atLeast: GOALS[bench.server.kind] } },
    ),
  ];
}
