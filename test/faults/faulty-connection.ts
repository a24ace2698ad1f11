/** A connection to a database on which a test chooses the statements that meet a fault. */
import { type DataSource, QueryFailedError, type QueryRunner } from 'typeorm';

/** A statement on its way to the database. */
export interface Statement {
  readonly sql: string;
  readonly isWrite: boolean;
  /** Does what the statement says. */
  send(): Promise<unknown>;
  /** Says something else to the database, on the same connection. */
  say(sql: string): Promise<unknown>;
}

/** What becomes of a statement instead of being sent. */
export type Meet = (statement: Statement) => Promise<unknown>;

interface Plan {
  readonly first: number;
  readonly last: number;
  readonly meet: Meet;
}

export class FaultyConnection {
  /** The statements since the last plan. */
  readonly statements: string[] = [];
  private plan: Plan | undefined;

  constructor(dataSource: DataSource) {
    const wrapped = new WeakSet<QueryRunner>();
    dataSource.createQueryRunner = new Proxy(dataSource.createQueryRunner.bind(dataSource), {
      apply: (create, _, args: Parameters<DataSource['createQueryRunner']>) => {
        const runner = create(...args);
        // SQLite has one for everybody.
        if (!wrapped.has(runner)) {
          wrapped.add(runner);
          this.wrap(runner);
        }
        return runner;
      },
    });
  }

  /** From now on, the statements from the `first` to the `last`, counted from 1, meet a fault. */
  meetFault(first: number, last: number, meet: Meet): void {
    this.statements.length = 0;
    this.plan = { first, last, meet };
  }

  /** From now on, no statement meets a fault. */
  meetNoFault(): void {
    this.statements.length = 0;
    this.plan = undefined;
  }

  private wrap(runner: QueryRunner): void {
    const query = runner.query.bind(runner);
    runner.query = new Proxy(query, {
      apply: (_, __, args: Parameters<QueryRunner['query']>) => {
        const [sql] = args;
        const n = this.statements.push(sql);
        const send = () => query(...args);
        if (this.plan === undefined || n < this.plan.first || n > this.plan.last) return send();
        return this.plan.meet({ sql, isWrite: !sql.startsWith('SELECT'), send, say: (other) => query(other) });
      },
    });
  }
}

/** What TypeORM makes of a driver's error. */
export function driverError(sql: string, code: string, message: string): QueryFailedError {
  return new QueryFailedError(sql, [], Object.assign(new Error(message), { code }));
}

/** The connection breaks before the statement is sent. */
export const isNotSent: Meet = ({ sql }) => Promise.reject(connectionLost(sql));

/** The statement is done, and then the connection breaks. */
export const losesItsReply: Meet = async ({ sql, send }) => {
  await send();
  throw connectionLost(sql);
};

function connectionLost(sql: string): QueryFailedError {
  return driverError(sql, 'ECONNRESET', 'Connection terminated unexpectedly');
}
