/** A connection to a database on which a test chooses the statements that meet a fault. */
import { type DataSource, QueryFailedError } from 'typeorm';
import { intercept, type StatementOnItsWay } from '../support/intercept.js';

export interface Statement extends StatementOnItsWay {
  readonly isWrite: boolean;
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
    intercept(dataSource, (statement) => this.meet(statement));
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

  private meet(statement: StatementOnItsWay): Promise<unknown> {
    const { sql } = statement;
    const n = this.statements.push(sql);
    if (this.plan === undefined || n < this.plan.first || n > this.plan.last) return statement.send();
    return this.plan.meet({ ...statement, isWrite: !sql.startsWith('SELECT') });
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
