/**
 * The floor: what a check of a code costs with the bare driver. One read by the key, the decryption and the HMACs, one
 * conditional write, prepared where the driver can, over a pool of the same size and the module's own table. No lock-out,
 * no check of what was read, no events: it is not for use, and not much can be faster.
 */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { codeOfStep, openSecret, PERIOD_MS } from './codes.js';

const COLUMNS = ['failures', 'recent_failures', 'lock_number', 'locked_until', 'used_until', 'devices', 'revision'];

/** @param options TypeORM's options of the database */
export async function openFloor(options) {
  return new Floor(await drivers[options.type](options));
}

export class Floor {
  constructor(driver) {
    this.driver = driver;
  }

  /** The read alone: what a locked user costs. */
  async read(userId) {
    const row = await this.driver.read(createHash('sha256').update(userId).digest('hex'));
    return row.lock_number > 0 ? 'LIMIT_REACHED_ERROR' : 'OK';
  }

  /** The statuses are the module's. */
  async verify(userId, code, now) {
    const id = createHash('sha256').update(userId).digest('hex');
    const row = await this.driver.read(id);
    const devices = JSON.parse(row.devices);
    const entered = Buffer.from(code, 'latin1');
    const current = Math.floor(now / PERIOD_MS);
    let matched;
    let matchedStep = 0;
    for (const device of devices) {
      const secret = openSecret(userId, device);
      for (let step = current - 1; step <= current + 1; step++) {
        if (timingSafeEqual(codeOfStep(secret, step), entered)) [matched, matchedStep] = [device, step];
      }
    }
    if (matched === undefined) return this.write(id, row, 1, `[${now}]`, devices, 'INVALID_TOTP_ERROR');
    if (matchedStep * PERIOD_MS < matched.usedUntil) return 'INVALID_TOTP_ERROR';
    matched.usedUntil = (matchedStep + 1) * PERIOD_MS;
    return this.write(id, row, 0, '[]', devices, 'OK');
  }

  async write(id, row, failures, recentFailures, devices, answer) {
    const written = [failures, recentFailures, 0, null, row.used_until, JSON.stringify(devices), randomUUID()];
    if ((await this.driver.write([...written, id, row.revision])) === 1) return answer;
    throw new Error('Another process was first');
  }

  close() {
    return this.driver.close();
  }
}

function statements(parameter) {
  const set = COLUMNS.map((column, n) => `${column} = ${parameter(n + 1)}`).join(', ');
  const condition = `id = ${parameter(COLUMNS.length + 1)} AND revision = ${parameter(COLUMNS.length + 2)}`;
  return {
    read: `SELECT ${COLUMNS.join(', ')} FROM totp_accounts WHERE id = ${parameter(1)}`,
    write: `UPDATE totp_accounts SET ${set} WHERE ${condition}`,
  };
}

const drivers = {
  async postgres({ url, poolSize }) {
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ connectionString: url, max: poolSize });
    // Where the server ends first, the error that made it end is the one to be seen.
    pool.on('error', () => undefined);
    const { read, write } = statements((n) => `$${n}`);
    return {
      read: async (id) => (await pool.query({ name: 'read', text: read, values: [id] })).rows[0],
      write: async (values) => (await pool.query({ name: 'write', text: write, values })).rowCount,
      close: () => pool.end(),
    };
  },

  async mariadb({ url, poolSize }) {
    const { createPool } = await import('mysql2/promise');
    const pool = createPool({ uri: url.replace(/^mariadb:/, 'mysql:'), connectionLimit: poolSize });
    const { read, write } = statements(() => '?');
    return {
      read: async (id) => (await pool.execute(read, [id]))[0][0],
      write: async (values) => (await pool.execute(write, values))[0].affectedRows,
      close: () => pool.end(),
    };
  },

  async 'better-sqlite3'({ database }) {
    const { default: Database } = await import('better-sqlite3');
    const connection = new Database(database);
    const { read, write } = statements(() => '?');
    const [reading, writing] = [connection.prepare(read), connection.prepare(write)];
    return {
      read: (id) => reading.get(id),
      write: (values) => writing.run(values).changes,
      close: () => connection.close(),
    };
  },
};
