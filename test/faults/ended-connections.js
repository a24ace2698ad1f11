/**
 * A process whose connections are ended while it works: it loads accounts, commits batches of them, and runs statements of the application,
 * all at once on a small pool. It exits with code 0 unless an error ends it.
 *
 * Plain JavaScript over the built library, since a forked process does not go through Jest's transformation.
 */
import { once } from 'node:events';
import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { TOTP_ENTITIES } from '../../dist/index.js';
import { StoreConnection } from '../../dist/storage/sql/connection.js';
import { TypeOrmTotpAccountStore } from '../../dist/storage/typeorm-account-store.js';

const application = await new DataSource({
  ...JSON.parse(process.env.TOTP_DATABASE),
  entities: TOTP_ENTITIES,
}).initialize();
const store = new TypeOrmTotpAccountStore(await new StoreConnection(application, TOTP_ENTITIES).open());

process.send('ready');
const [{ rounds, account }] = await once(process, 'message');
const outcomes = { fulfilled: 0, rejected: 0 };
for (let round = 0; round < rounds; round++) {
  const batch = (n) => [{ userId: `${round} ${n}`, revision: null, account }];
  const calls = [0, 1, 2, 3].flatMap((n) => [
    store.load('nobody'),
    application.query('SELECT 1'),
    store.commitAll(batch(n)),
    application.query('SELECT 1'),
  ]);
  for (const { status } of await Promise.allSettled(calls)) outcomes[status]++;
}
process.send(outcomes);
await application.destroy();
process.disconnect();
