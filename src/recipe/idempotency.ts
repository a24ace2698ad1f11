/** Recognizes a creation that is sent twice: after a lost answer, or by a page that renders twice. */
import { createHash } from 'node:crypto';

/** The longest idempotency key, in UTF-16 units. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255;

/**
 * The id of the device that a creation makes, from its idempotency key: the same creation would make the same device. Another session has
 * another id for the same key, so it can learn nothing by guessing keys.
 *
 * @param handle of the session that asks; undefined for the application
 * @returns a UUID of version 8 (RFC 9562 §5.8)
 */
export function deviceIdOf(userId: string, handle: string | undefined, idempotencyKey: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([userId, handle ?? null, idempotencyKey]))
    .digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
