/** Measures one, two and four processes on one database, each with callers of its own. */
import { sampleOf } from '../support/callers.js';

const CALLERS = 16;

export async function rows(bench) {
  const users = await bench.users();
  const database = await bench.database();
  return Promise.all([1, 2, 4].map((count) => rowOf(bench, users, database, count)));
}

async function rowOf(bench, users, database, count) {
  const processes = await Promise.all(Array.from({ length: count }, () => bench.start('service.js', { database })));
  return {
    name: count === 1 ? '1 process' : `${count} processes`,
    unit: '/s',
    ...(count === 1 ? {} : { against: '1 process' }),
    measure: async () => {
      const now = bench.nextRound();
      const answers = await Promise.all(
        processes.map((process, index) =>
          process.ask({
            now,
            callers: CALLERS,
            seconds: bench.size.seconds,
            // A user is called for by one process, so that none waits for another.
            users: users.filter((_, n) => n % count === index),
          }),
        ),
      );
      return sampleOf(answers.map(({ answer }) => answer));
    },
  };
}
