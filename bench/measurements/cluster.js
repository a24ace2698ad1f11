/**
 * Measures a Galera cluster compared with one server: through one of its nodes, and through all of them, each of which then has its own
 * users. The servers are those of TOTP_BENCH_MARIADB_URL and TOTP_BENCH_GALERA_URLS.
 */
import { migrate, writeAccounts } from '../support/accounts.js';
import { openService } from '../support/application.js';
import { rightCode } from '../support/codes.js';
import { databasesOn } from '../support/database-server.js';

export async function rows(bench) {
  const urls = (process.env.TOTP_BENCH_GALERA_URLS ?? '').split(',').filter((url) => url !== '');
  if (bench.server.kind !== 'mariadb' || urls.length < 2) {
    throw new Error(
      'The rows of "cluster" compare a Galera cluster with a server of MariaDB. Write --database=mariadb, and set TOTP_BENCH_GALERA_URLS ' +
        'to the URLs of its nodes, separated by commas.',
    );
  }
  const users = await bench.users();
  const nodes = await databaseOnNodes(bench, urls, users);
  return [
    ...(await rowsOn(bench, 'one server', users, [await bench.database()])),
    ...(await rowsOn(bench, 'a cluster, one node', users, nodes.slice(0, 1))),
    ...(await rowsOn(bench, `a cluster, ${nodes.length} nodes`, users, nodes)),
  ];
}

/** One database of the cluster with the same users, as each node has it. */
async function databaseOnNodes(bench, urls, users) {
  const [first, ...others] = urls;
  const { create, drop } = databasesOn('mariadb', first, '');
  const options = await create('cluster');
  bench.defer(() => drop('cluster'));
  await migrate(options);
  await writeAccounts(options, users);
  const { pathname } = new URL(options.url);
  return [options, ...others.map((url) => ({ ...options, url: Object.assign(new URL(url), { pathname }).href }))];
}

async function rowsOn(bench, name, users, databases) {
  const sides = [];
  for (const database of databases) {
    const floor = await bench.floor(database);
    const { totp, close } = await openService(database, { clock: bench.clock });
    bench.defer(close);
    sides.push({ floor, totp });
  }
  const sideOf = new Map(users.map((user, n) => [user, sides[n % sides.length]]));
  const row = { users, code: rightCode, expects: 'OK' };
  return [
    bench.throughput({
      ...row,
      name: `floor, ${name}`,
      call: (user, code, now) => sideOf.get(user).floor.verify(user, code, now),
      ...(name === 'one server' ? {} : { against: 'floor, one server' }),
    }),
    bench.throughput({
      ...row,
      name,
      call: async (userId, code) => (await sideOf.get(userId).totp.verifyTOTP({ userId, totp: code })).status,
      ...(name === 'one server' ? {} : { against: 'one server' }),
    }),
  ];
}
