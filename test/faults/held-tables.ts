/** Locks that another connection holds, so that a statement gets no answer, and the limits that end its wait. */
import { setTimeout as pause } from 'node:timers/promises';
import { DataSource, type QueryRunner } from 'typeorm';
import type { OpenDatabase, TestDatabase } from '../support/databases.js';
import type { Statement } from './faulty-connection.js';

/** InnoDB tells what it told before, unless nobody has asked for a tenth of a second. */
const PAUSE_MS = 150;

interface Dialect {
  /** Locks the table of accounts, against reading too. */
  readonly hold: readonly string[];
  readonly letGo: string;
  /** Ends statements of one connection that wait; SQLite is not asked to wait. */
  readonly limit?: string;
  readonly noLimit?: string;
  /** What the driver says of a statement that was given up. */
  readonly says: RegExp;
  /** Finds the statements in the database that wait for a row which another connection holds; SQLite holds no rows. */
  readonly waiting?: string;
}

const mysql = {
  hold: ['LOCK TABLES totp_accounts WRITE'],
  letGo: 'UNLOCK TABLES',
  waiting:
    'SELECT id FROM information_schema.innodb_trx JOIN information_schema.processlist ON id = trx_mysql_thread_id' +
    " WHERE trx_state = 'LOCK WAIT' AND db = DATABASE()",
};
const dialects: Readonly<Record<TestDatabase['name'], Dialect>> = {
  SQLite: { hold: ['BEGIN EXCLUSIVE'], letGo: 'ROLLBACK', says: /database is locked/ },
  PostgreSQL: {
    hold: ['BEGIN', 'LOCK TABLE totp_accounts IN ACCESS EXCLUSIVE MODE'],
    letGo: 'ROLLBACK',
    limit: 'SET statement_timeout = 20',
    noLimit: 'SET statement_timeout = 0',
    says: /statement timeout/,
    waiting: "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
  },
  MariaDB: {
    ...mysql,
    limit: 'SET max_statement_time = 0.02',
    noLimit: 'SET max_statement_time = 0',
    says: /max_statement_time exceeded/,
  },
  MySQL: {
    ...mysql,
    limit: 'SET lock_wait_timeout = 1', // whole seconds are the shortest that there is
    noLimit: 'SET lock_wait_timeout = 60',
    says: /Lock wait timeout exceeded/,
  },
};

/** What the driver says of a statement that was given up. */
export function timeoutOf(name: TestDatabase['name']): RegExp {
  return dialects[name].says;
}

/** Until so many statements wait in the database for a row that another connection holds. */
export async function untilWaiting(count: number, name: TestDatabase['name'], dataSource: DataSource): Promise<void> {
  const { waiting } = dialects[name];
  if (waiting === undefined) throw new Error(`${name} holds no rows.`);
  do await pause(PAUSE_MS);
  while ((await dataSource.query<unknown[]>(waiting)).length < count);
}

/** Another connection, which holds the table of accounts for as long as a statement waits. */
export class Holder {
  private constructor(
    private readonly dataSource: DataSource,
    private readonly runner: QueryRunner,
    private readonly dialect: Dialect,
  ) {}

  static async connect(name: TestDatabase['name'], { options }: OpenDatabase): Promise<Holder> {
    const dataSource = await new DataSource(options).initialize();
    return new Holder(dataSource, dataSource.createQueryRunner(), dialects[name]);
  }

  /** The statement is sent, gets no answer, and is given up. */
  async letWaitInVain({ send, say }: Statement): Promise<unknown> {
    const { hold, letGo, limit, noLimit } = this.dialect;
    for (const sql of hold) await this.runner.query(sql);
    try {
      if (limit) await say(limit);
      return await send();
    } finally {
      await this.runner.query(letGo);
      if (noLimit) await this.lift(noLimit, say);
    }
  }

  /** The statement waits for the row of an account within a transaction of its own, and is given up by the server. */
  async letWaitForRow({ send, say }: Statement, id: string): Promise<unknown> {
    const isPostgres = this.dataSource.options.type === 'postgres';
    await this.runner.query('BEGIN');
    await this.runner.query(`SELECT id FROM totp_accounts WHERE id = '${id}' FOR UPDATE`);
    try {
      // On PostgreSQL, the limit ends with the transaction. A whole second is the shortest of the others.
      await say(isPostgres ? "SET LOCAL lock_timeout = '50ms'" : 'SET innodb_lock_wait_timeout = 1');
      return await send();
    } finally {
      await this.runner.query('ROLLBACK');
      if (!isPostgres) await say('SET innodb_lock_wait_timeout = 50');
    }
  }

  /** The statement that lifts the limit is under it too: on a busy machine it may itself run out of time, and is said again. */
  private async lift(limit: string, say: Statement['say']): Promise<void> {
    for (;;) {
      try {
        await say(limit);
        return;
      } catch (error) {
        if (!this.dialect.says.test(String(error))) throw error;
      }
    }
  }

  async leave(): Promise<void> {
    await this.runner.release();
    await this.dataSource.destroy();
  }
}
