/**
 * SuperTokens' way of overriding: an application gets the original functions and returns those that are to be used.
 *
 * Whoever calls `target.f` afterwards gets the final one, the original functions too when they call one another.
 *
 * @param target whose functions are replaced
 * @param originals its functions as a plain object, each bound to `target`, so that `{...original}` has them all
 * @param override from the options
 */
export function replaceFunctions<Functions extends object>(
  target: object,
  originals: Functions,
  override: ((original: Functions) => Functions) | undefined,
): void {
  if (override === undefined) return;
  const final = override(originals);
  for (const name of Object.keys(originals)) {
    const chosen: unknown = Reflect.get(final, name);
    const value: unknown = typeof chosen === 'function' ? chosen.bind(final) : chosen;
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  }
}
