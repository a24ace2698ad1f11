/** Measures growth in users: a table of each size, with accepted codes of users from all over it, compared with the floor on the same. */
import { writePopulation } from '../support/accounts.js';
import { openService } from '../support/application.js';
import { rightCode } from '../support/codes.js';

/** Users whose codes are entered. Of a larger population, they are spread over the table. */
const MOST_CALLABLE = 1_000_000;

export async function rows(bench) {
  const sizes = [];
  for (const size of bench.size.populations) sizes.push(await rowsOf(bench, size));
  return sizes.flat();
}

async function rowsOf(bench, size) {
  const database = await bench.database(`population_${size}`);
  const callable = Math.min(size, MOST_CALLABLE);
  await writePopulation(
    database,
    Array.from({ length: callable }, (_, n) => idOf(n)),
    size,
  );
  const { totp, close } = await openService(database, { clock: bench.clock });
  bench.defer(close);
  const floor = await bench.floor(database);

  const smallest = Math.min(...bench.size.populations);
  // As many users, as often, of each size: the smallest has no more.
  const passes = Math.max(Math.floor(bench.size.users / smallest), 1);
  const row = { users: () => sampleOf(callable, Math.min(smallest, callable)), passes, code: rightCode, expects: 'OK' };
  const name = (of) => `${of.toLocaleString('en')} users`;
  const isSmallest = size === smallest;
  return [
    bench.throughput({
      ...row,
      name: `floor, ${name(size)}`,
      call: (user, code, now) => floor.verify(user, code, now),
      ...(isSmallest ? {} : { against: `floor, ${name(smallest)}` }),
    }),
    bench.throughput({
      ...row,
      name: name(size),
      call: async (userId, code) => (await totp.verifyTOTP({ userId, totp: code })).status,
      // At most 1.1 times the time.
      ...(isSmallest ? {} : { against: name(smallest), goal: { atLeast: 0.91 } }),
    }),
  ];
}

function idOf(n) {
  return `someone-${n}`;
}

/** `count` different users from all over the population. */
function sampleOf(callable, count) {
  const chosen = new Set();
  while (chosen.size < count) chosen.add(Math.floor(Math.random() * callable));
  return Array.from(chosen, idOf);
}
