import type { DataSource } from 'typeorm';

/** A statement on its way to the database. */
export interface StatementOnItsWay {
  readonly sql: string;
  /** Does what the statement says. */
  send(): Promise<unknown>;
  /** Says something else to the database, on the same connection. */
  say(sql: string): Promise<unknown>;
}

/** @param meet what becomes of each statement instead of being sent; its result is the reply */
export function intercept(dataSource: DataSource, meet: (statement: StatementOnItsWay) => Promise<unknown>): void;
