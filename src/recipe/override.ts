/** SuperTokens' way of overriding: an application gets the original functions and returns the ones to use. */
import { closestName } from '../shared/closest-name.js';
import { TotpConfigurationError } from '../shared/errors.js';

/** The options that override functions. An API may be switched off, by setting it to undefined; a function of the recipe may not. */
export type OverrideOption = 'override.functions' | 'override.apis';

/**
 * Replaces functions of `target`. Every later call through `target` gets the final ones, the original functions too when they
 * call one another.
 *
 * @param target whose functions are replaced
 * @param originals its functions as a plain object, each bound to `target`, so that `{...original}` has all of them
 * @param override from the options
 * @param option its name, for messages
 * @throws TotpConfigurationError when what `override` returned is no object, lacks a function, or misspells one
 */
export function replaceFunctions<Functions extends object>(
  target: object,
  originals: Functions,
  override: ((original: Functions) => Functions) | undefined,
  option: OverrideOption,
): void {
  if (override === undefined) return;
  const final: unknown = override(originals);
  if (typeof final !== 'object' || final === null) fail(option, `returned ${final === null ? 'null' : typeof final}`);
  const names = Object.keys(originals);
  for (const name of Object.keys(final).filter((own) => !names.includes(own))) {
    const meant = closestName(name, names);
    if (meant !== undefined) fail(option, `returned "${name}", which does not exist: did you mean "${meant}"?`);
  }
  for (const name of names) {
    const chosen: unknown = Reflect.get(final, name);
    const isOff = option === 'override.apis' && chosen === undefined && name in final;
    if (typeof chosen !== 'function' && !isOff) fail(option, `returned no function ${name}`);
    const value: unknown = typeof chosen === 'function' ? chosen.bind(final) : undefined;
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  }
}

function fail(option: OverrideOption, problem: string): never {
  const off = option === 'override.apis' ? ', and set an API to undefined to switch it off' : '';
  throw new TotpConfigurationError(
    `TotpModule: ${option} ${problem}. Return all functions: (original) => ({ ...original, … })${off}.`,
  );
}
