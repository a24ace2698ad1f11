/** Locks that somebody else holds, so that a statement gets no answer, and the limits that end its wait. */
import { DataSource, type QueryRunner } from 'typeorm';
import type { OpenDatabase, TestDatabase } from '../support/databases.js';
import type { Statement } from './faulty-connection.js';

interface Dialect {
  /** Locks the table of accounts, against reading too. */
  readonly hold: readonly string[];
  readonly letGo: string;
  /** Ends statements of one connection that wait; SQLite is not asked to wait. */
  readonly limit?: string;
  readonly noLimit?: string;
  /** What the driver says of a statement that was given up. */
  readonly says: RegExp;
}

const mysql = { hold: ['LOCK TABLES totp_accounts WRITE'], letGo: 'UNLOCK TABLES' };
const dialects: Readonly<Record<TestDatabase['name'], Dialect>> = {
  SQLite: { hold: ['BEGIN EXCLUSIVE'], letGo: 'ROLLBACK', says: /database is locked/ },
  PostgreSQL: {
    hold: ['BEGIN', 'LOCK TABLE totp_accounts IN ACCESS EXCLUSIVE MODE'],
    letGo: 'ROLLBACK',
    limit: 'SET statement_timeout = 20',
    noLimit: 'SET statement_timeout = 0',
    says: /statement timeout/,
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

/** Somebody else's connection, which holds the table of accounts for as long as a statement waits. */
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
      if (noLimit) await say(noLimit);
    }
  }

  async leave(): Promise<void> {
    await this.runner.release();
    await this.dataSource.destroy();
  }
}
