/** Checks the extras, which shape the module: the path, the guards, and the application's classes and providers. */
import type { CanActivate, DynamicModule, ForwardReference, Provider, Type } from '@nestjs/common';
import { type TotpEventDestination } from '../outbox/destination.js';
import { property } from '../shared/unknown.js';
import { COLLABORATORS, type Collaborator } from './collaborators.js';
import { fail, shown } from './schema.js';

const CIRCULAR = 'It is undefined when its file is part of a circular import, or when the import is misspelt';

/** One segment of a path: unreserved characters (RFC 3986), or a parameter such as `:tenant`. */
const SEGMENT = /^:?[A-Za-z0-9_~-][A-Za-z0-9._~-]*$/;

/** The path where the routes are mounted, without slashes at its ends. */
export function mountPath(value: unknown, name: string): string {
  if (value === undefined) return 'totp';
  if (value === '/') return '';
  const path = typeof value === 'string' ? value.replace(/^\//, '').replace(/\/$/, '') : '';
  if (path.split('/').every((segment) => SEGMENT.test(segment))) return path;
  return fail(
    `${name} is ${shown(value)}`,
    'Write one path of letters, digits, "-", "_", "." and "~", such as "auth/totp", or "/" for routes at the root',
  );
}

/** Guards are classes, so that Nest can inject their dependencies. */
export function guardList(value: unknown, name: string): readonly Type<CanActivate>[] {
  return list(value, name, '[SignedInGuard]').map((guard, n) => {
    if (isClass<CanActivate>(guard)) return guard;
    return fail(`${name}[${String(n)}] is ${shown(guard)}`, `Write a class that implements CanActivate. ${CIRCULAR}`);
  });
}

/** One statement looks for the events of all of them, and databases limit its columns. */
const MAX_DESTINATIONS = 64;

export function destinationList(value: unknown, name: string): readonly Type<TotpEventDestination>[] | undefined {
  if (value === undefined) return undefined;
  const destinations = list(value, name, '[HandlerTotpEventDestination]');
  if (destinations.length === 0) {
    fail(
      `${name} is empty, so events would go nowhere`,
      'Name a class that extends TotpEventDestination, or leave it out',
    );
  }
  if (destinations.length > MAX_DESTINATIONS) {
    fail(`${name} has ${String(destinations.length)} classes`, `Write at most ${String(MAX_DESTINATIONS)}`);
  }
  return destinations.map((destination, n) => {
    if (isClass<TotpEventDestination>(destination)) return destination;
    return fail(
      `${name}[${String(n)}] is ${shown(destination)}`,
      `Write a class that extends TotpEventDestination. ${CIRCULAR}`,
    );
  });
}

export function moduleList(
  value: unknown,
  name: string,
): (Type<unknown> | DynamicModule | Promise<DynamicModule> | ForwardReference)[] {
  return list(value, name, '[UsersModule]').map((one, n) => {
    if (isClass<unknown>(one) || isModule(one)) return one;
    return fail(`${name}[${String(n)}] is ${shown(one)}`, `Write a module. ${CIRCULAR}`);
  });
}

/** Providers for the module's abstract classes, and for their dependencies. */
export function providerList(value: unknown, name: string): readonly Provider[] {
  const providers = list(value, name, '[{ provide: TotpUserDirectory, useClass: UserDirectory }]');
  const checked = providers.map((provider, n) => checkedProvider(provider, `${name}[${String(n)}]`));
  for (const one of checked) {
    const replaced =
      typeof one === 'function' ? COLLABORATORS.find((token) => one.prototype instanceof token) : undefined;
    if (replaced !== undefined && !checked.some((other) => property(other, 'provide') === replaced)) {
      fail(
        `${shown(one)} extends ${replaced.name}, but nothing uses it`,
        `Write { provide: ${replaced.name}, useClass: ${shown(one)} } in ${name}`,
      );
    }
  }
  return checked;
}

function checkedProvider(provider: unknown, name: string): Provider {
  if (isClass<object>(provider)) return provider;
  if (!isCustomProvider(provider)) {
    return fail(
      `${name} is ${shown(provider)}`,
      `Write a class or { provide: TotpUserDirectory, useClass: UserDirectory }. ${CIRCULAR}`,
    );
  }
  const token = property(provider, 'provide');
  if (token === undefined || token === null)
    fail(`${name} has no token`, `Write provide: TotpUserDirectory, or another one. ${CIRCULAR}`);
  refuseForeignToken(token, name);
  const sources = ['useClass', 'useExisting', 'useFactory', 'useValue'].filter((key) => key in provider);
  const [source = '', ...others] = sources;
  if (source === '' || others.length > 0) {
    fail(
      `${name} has ${source === '' ? 'no source' : sources.join(' and ')}`,
      'Write one of useClass, useExisting, useFactory and useValue',
    );
  }
  const given = property(provider, source);
  if (
    given === undefined ||
    (source === 'useClass' && !isClass<object>(given)) ||
    (source === 'useFactory' && typeof given !== 'function')
  ) {
    fail(`${name}.${source} is ${shown(given)}`, `Write ${EXPECTED[source] ?? 'a token'}. ${CIRCULAR}`);
  }
  return provider;
}

const EXPECTED: Readonly<Record<string, string>> = {
  useClass: 'a class',
  useFactory: 'a function',
  useValue: 'a value',
};

/** A token of another copy of this package, or its name as a string, would be provided but never used. */
function refuseForeignToken(token: unknown, name: string): void {
  const collaborator = (called: unknown): Collaborator | undefined =>
    COLLABORATORS.find((known) => known.name === called);
  if (typeof token === 'string' && collaborator(token) !== undefined) {
    fail(
      `${name}.provide is the string "${token}"`,
      `Write the class itself, without quotation marks: provide: ${token}`,
    );
  }
  if (typeof token === 'function' && collaborator(token.name) !== undefined && collaborator(token.name) !== token) {
    fail(
      `${name}.provide is ${token.name} of another copy of nestjs-totp`,
      'Run "npm ls nestjs-totp", and install one copy only',
    );
  }
}

function list(value: unknown, name: string, example: string): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return [...value.values()];
  return fail(`${name} is ${shown(value)}`, `Write an array: ${name}: ${example}`);
}

/** An arrow function has no prototype, and that of another function has no members. */
function isClass<T>(value: unknown): value is Type<T> {
  if (typeof value !== 'function') return false;
  const prototype: unknown = value.prototype;
  if (typeof prototype !== 'object' || prototype === null) return false;
  return (
    /^class\b/.test(Function.prototype.toString.call(value)) ||
    Object.getOwnPropertyNames(prototype).length > 1 ||
    Object.getPrototypeOf(prototype) !== Object.prototype
  );
}

function isModule(value: unknown): value is DynamicModule | Promise<DynamicModule> | ForwardReference {
  return typeof value === 'object' && value !== null;
}

function isCustomProvider(value: unknown): value is Exclude<Provider, Type<unknown>> {
  return typeof value === 'object' && value !== null && 'provide' in value;
}
