/** The type of a statement, and of its result. */
import { hash } from 'node:crypto';

export type Value = string | number | null;

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly Value[];
  /** Set for a statement that is worth preparing, see `prepared`. */
  readonly name?: string;
  /** Whether it begins and ends a transaction of its own, which may still be open after an error. */
  readonly isTransaction?: boolean;
}

export interface StatementResult {
  readonly rows: readonly Record<string, unknown>[];
  readonly affected: number;
  /** Whether the server reports in its reply to a write that a transaction is open. */
  readonly isInTransaction?: boolean;
}

/** A statement that each connection prepares once: on PostgreSQL, under a name that no other SQL string has. */
export function prepared(sql: string): Pick<Required<Statement>, 'sql' | 'name'> {
  return { sql, name: `totp_${hash('sha256', sql).slice(0, 32)}` };
}
