/** Reads values of unknown type: requests, sessions, and what platforms and overrides return. */

/** The value of a property if it is a non-empty string. */
export function textProperty(of: unknown, name: string): string | undefined {
  const value = property(of, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A property of an object or its class. Properties of `Object.prototype` are ignored, in case it was polluted. */
export function property(of: unknown, name: string): unknown {
  if (typeof of !== 'object' || of === null) return undefined;
  return name in Object.prototype && !Object.hasOwn(of, name) ? undefined : Reflect.get(of, name);
}

/** Describes a value in error messages: by its type, never by the content of a string. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null || typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const constructor: unknown = Reflect.get(value, 'constructor');
  return typeof constructor === 'function' && constructor !== Object ? `an object (${constructor.name})` : 'an object';
}
