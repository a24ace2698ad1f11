import { property } from '../shared/unknown.js';

/**
 * The `Retry-After` header of a `LIMIT_REACHED_ERROR` (RFC 9110 §10.2.3): whole seconds, rounded up. Undefined for other answers.
 */
export function retryAfter(answer: unknown): string | undefined {
  const wait = property(answer, 'retryAfterMs');
  if (property(answer, 'status') !== 'LIMIT_REACHED_ERROR' || typeof wait !== 'number') return undefined;
  return String(Math.ceil(wait / 1000));
}
