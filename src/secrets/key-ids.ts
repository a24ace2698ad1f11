/** The ids of the keys that secrets are sealed with, read from what is stored. */

/** The key set of an account in which nothing is sealed. No key has this id. */
export const NO_KEYS = '-';
/** The key set of an account with a secret that names no key, and so was not written by this module. */
export const UNKNOWN_KEYS = '';

/** The id of the key that a secret is sealed with: the part before the first colon; undefined when that is not an id. */
export function sealingKeyId(sealed: string): string | undefined {
  return /^([a-z0-9-]{1,16}):/.exec(sealed)?.[1];
}

/** The ids of the keys that the secrets of an account are sealed with, sorted and separated by commas: `2025-03,2026-11`. */
export function keySetOf(sealed: readonly string[]): string {
  if (sealed.length === 0) return NO_KEYS;
  const ids = sealed.map(sealingKeyId);
  return ids.includes(undefined) ? UNKNOWN_KEYS : [...new Set(ids)].sort().join(',');
}
