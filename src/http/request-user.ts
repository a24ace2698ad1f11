/** The signed-in user as sign-in guards leave it in `request.user`. */
import { property, textProperty } from '../shared/unknown.js';

/** `id`, `userId` or `sub`: the first that is a text or a whole number. */
export function userIdOf(user: unknown): string | undefined {
  for (const name of ['id', 'userId', 'sub']) {
    const value = property(user, name);
    if ((typeof value === 'string' && value !== '') || Number.isSafeInteger(value)) return String(value);
  }
  return undefined;
}

/** `tenantId`, or `public`. */
export function tenantIdOf(user: unknown): string {
  return textProperty(user, 'tenantId') ?? 'public';
}
