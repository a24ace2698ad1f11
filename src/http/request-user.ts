/** The signed-in user as sign-in guards leave it in `request.user`. */

/** `id`, `userId` or `sub`: the first that is a text or a number. */
export function userIdOf(user: unknown): string | undefined {
  for (const name of ['id', 'userId', 'sub']) {
    const value = property(user, name);
    if ((typeof value === 'string' && value !== '') || typeof value === 'number') return String(value);
  }
  return undefined;
}

/** `tenantId`, or `public`. */
export function tenantIdOf(user: unknown): string {
  return textProperty(user, 'tenantId') ?? 'public';
}

export function textProperty(of: unknown, name: string): string | undefined {
  const value = property(of, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function property(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
}
