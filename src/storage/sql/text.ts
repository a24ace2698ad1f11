/** Strings as every database stores them. */

/** What a `text` column of MySQL holds, in bytes. */
export const MAX_TEXT_LENGTH = 65_535;

/** JSON in ASCII, which every character set of a database holds. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
