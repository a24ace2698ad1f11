/** Users with devices, written in bulk as the module writes them. */
import { createHash, randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { TOTP_ENTITIES, TOTP_MIGRATIONS } from '../../dist/index.js';
import { KEY_ID, secretOf, storedSecret } from './codes.js';

const COLUMNS = [
  'id',
  'revision',
  'user_id',
  'failures',
  'recent_failures',
  'lock_number',
  'locked_until',
  'forgiven_at',
  'used_until',
  'devices',
  'last_position',
  'key_ids',
];
const ROWS_A_STATEMENT = 500;
const FAR_AHEAD = Date.UTC(2100, 0);

/** Makes the module's tables. */
export async function migrate(options) {
  const dataSource = new DataSource({ ...options, entities: TOTP_ENTITIES, migrations: TOTP_MIGRATIONS });
  await dataSource.initialize();
  await dataSource.runMigrations();
  await dataSource.destroy();
}

/**
 * @param options TypeORM's options of a database with the module's tables
 * @param userIds of users who are not there yet
 * @param kind how many verified devices each has, whether their secrets are sealed, and the state: `fresh` accepts a code
 *   of any step, of `used` every step is used, `locked` is refused
 */
export async function writeAccounts(options, userIds, { devices = 1, sealed = true, state = 'fresh' } = {}) {
  const dataSource = await new DataSource(options).initialize();
  try {
    for (let from = 0; from < userIds.length; from += ROWS_A_STATEMENT) {
      const rows = userIds.slice(from, from + ROWS_A_STATEMENT).map((userId) => rowOf(userId, devices, sealed, state));
      await dataSource.query(insertOf(dataSource, rows.length), rows.flat());
    }
    // What the server would otherwise do in the midst of a round.
    if (options.type === 'postgres') await dataSource.query('VACUUM ANALYZE totp_accounts');
  } finally {
    await dataSource.destroy();
  }
}

/**
 * A table of many users, of which only some can be called for: the rows of the others come from the server, between theirs, and are as
 * long. Only PostgreSQL makes such rows; on other databases everybody can be called for.
 *
 * @param options as for `writeAccounts`
 * @param userIds of those who can be called for
 * @param size of the whole population
 */
export async function writePopulation(options, userIds, size) {
  const others = size - userIds.length;
  if (others > 0 && options.type !== 'postgres') throw new Error('Populations of more than 1,000,000 need PostgreSQL.');
  if (others === 0) return writeAccounts(options, userIds);
  const dataSource = await new DataSource(options).initialize();
  const [, , , , , , , , , devices] = rowOf('other', 1, true, 'fresh');
  try {
    for (let from = 0; from < userIds.length; from += ROWS_A_STATEMENT) {
      const rows = userIds.slice(from, from + ROWS_A_STATEMENT).map((userId) => rowOf(userId, 1, true, 'fresh'));
      await dataSource.query(insertOf(dataSource, rows.length), rows.flat());
      const [first, end] = [from, from + rows.length].map((n) => Math.round((n / userIds.length) * others));
      await dataSource.query(
        `INSERT INTO totp_accounts (${COLUMNS.join(', ')})
        SELECT encode(sha256(('other-' || n)::bytea), 'hex'), gen_random_uuid()::text, '"other-' || n || '"',
          0, '[]', 0, NULL, 0, 0, $1, 0, $2
        FROM generate_series($3::int, $4::int) n`,
        [devices, KEY_ID, first, end - 1],
      );
    }
    await dataSource.query('VACUUM ANALYZE totp_accounts');
  } finally {
    await dataSource.destroy();
  }
}

function insertOf({ driver }, rows) {
  const parameters = Array.from({ length: rows * COLUMNS.length }, (_, n) => driver.createParameter('p', n));
  const tuples = Array.from({ length: rows }, (_, row) =>
    parameters.slice(row * COLUMNS.length, (row + 1) * COLUMNS.length).join(', '),
  );
  return `INSERT INTO totp_accounts (${COLUMNS.join(', ')}) VALUES (${tuples.join('), (')})`;
}

function rowOf(userId, devices, sealed, state) {
  const isLocked = state === 'locked';
  return [
    createHash('sha256').update(userId).digest('hex'),
    randomUUID(),
    JSON.stringify(userId),
    isLocked ? 5 : 0,
    '[]',
    isLocked ? 1 : 0,
    isLocked ? FAR_AHEAD : null,
    0,
    0,
    JSON.stringify(Array.from({ length: devices }, (_, n) => deviceOf(userId, n, sealed, state))),
    0,
    sealed ? KEY_ID : 'plain',
  ];
}

function deviceOf(userId, n, sealed, state) {
  const device = { id: randomUUID(), name: `TOTP Device ${n}`, algorithm: 'SHA1', digits: 6, period: 30, skew: 1 };
  return {
    ...device,
    sealedSecret: storedSecret(secretOf(n), { sealed, userId, device }),
    createdAt: 0,
    verifiedAt: 0,
    lastUsedAt: null,
    usedUntil: state === 'used' ? FAR_AHEAD : 0,
  };
}
