/** Replaces functions as SuperTokens does: the application gets the original functions and returns those to use. */
import { closestName } from '../shared/closest-name.js';
import { TotpConfigurationError } from '../shared/errors.js';

/** The options that override functions. Setting an API to undefined switches it off; functions of the recipe cannot be switched off. */
export type OverrideOption = 'override.functions' | 'override.apis';

/**
 * Replaces functions of `target`. Every later call through `target` reaches the final functions, including calls among the
 * original functions.
 *
 * @param target the object whose functions are replaced
 * @param originals its functions as a plain object, each bound to `target`, so that `{...original}` has all of them
 * @param override the value of the option
 * @param option the name of the option in messages
 * @throws TotpConfigurationError when `override` does not return an object, or the object lacks or misspells a function
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
