import { hash } from 'node:crypto';

/**
 * The key of a row: SHA-256 in hex. Databases fold case and drop trailing blanks in texts that they compare, each in its own
 * way; in hex there is nothing to fold, so two texts that differ in a byte are different keys everywhere.
 */
export function rowId(text: string): string {
  return hash('sha256', text);
}
