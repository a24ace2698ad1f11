/** Reads the database's clock in SQL. */
import type { DataSource } from 'typeorm';

/**
 * The time in epoch ms, as an expression of type bigint. It is constant within a statement, so an index can be searched with it.
 */
export function epochMs({ options: { type } }: DataSource): string {
  if (type === 'better-sqlite3') return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";
  return /mysql|mariadb/.test(type)
    ? '(UNIX_TIMESTAMP() * 1000 + MICROSECOND(NOW(6)) DIV 1000)'
    : 'CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS bigint)';
}
