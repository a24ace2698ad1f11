import { hash } from 'node:crypto';

/**
 * The key of a row: SHA-256 in hex. When databases compare strings, they may ignore case or trailing spaces, depending on the
 * collation. Hex is not affected, so two strings that differ in one byte have different keys on every database.
 */
export function rowId(text: string): string {
  return hash('sha256', text);
}
