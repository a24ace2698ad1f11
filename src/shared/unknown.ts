/** Reads values of which nothing is known: requests, sessions and answers of platforms and overrides. */

/** A text that is not empty. */
export function textProperty(of: unknown, name: string): string | undefined {
  const value = property(of, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function property(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
}
