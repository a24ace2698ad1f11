/** Encodes strings so that every database stores them. */

/** The capacity of a `text` column of MySQL, in bytes. */
export const MAX_TEXT_LENGTH = 65_535;

/** JSON in ASCII, which every character set can store. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
