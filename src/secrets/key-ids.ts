/** The ids of the keys that secrets are sealed with, read from what is stored. */

/** The part of a device from which the id of its key is read. */
export interface Sealed {
  readonly sealedSecret: string;
}

/** The key set of an account without devices. No key has this id. */
export const NO_KEYS = '-';
/** The key set of an account with a secret that names no key, and so was not written by this module. */
export const UNKNOWN_KEYS = '';

/** The id of the key that a secret is sealed with: the part before the first colon; undefined when that is not an id. */
export function sealingKeyId(sealedSecret: string): string | undefined {
  return /^([a-z0-9-]{1,16}):/.exec(sealedSecret)?.[1];
}

/** The ids of the keys that the secrets of devices are sealed with, sorted and separated by commas: `2025-03,2026-11`. */
export function keySetOf(devices: readonly Sealed[]): string {
  if (devices.length === 0) return NO_KEYS;
  const ids = devices.map(({ sealedSecret }) => sealingKeyId(sealedSecret));
  return ids.includes(undefined) ? UNKNOWN_KEYS : [...new Set(ids)].sort().join(',');
}
