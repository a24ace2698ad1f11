/** What Fastify needs to read the module's routes as Express does. */
import { SetMetadata } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { hasBody, isJson } from './requests.js';

const MARK = 'nestjs-totp';

/** Marks a route as the module's own, in the configuration that Nest hands to Fastify. Express does not look at it. */
export const OwnRoute = () => SetMetadata('__fastify_route_config__', { [MARK]: true });

/** The little of Fastify that is used here, so that it needs not be installed. */
interface Fastify {
  readonly initialConfig: {
    readonly ignoreTrailingSlash?: boolean;
    readonly routerOptions?: { readonly ignoreTrailingSlash?: boolean };
  };
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
  route(route: FastifyRoute): void;
}

interface FastifyRoute {
  method: string | readonly string[];
  url: string;
  config?: Readonly<Record<string, unknown>>;
  onRequest?: unknown;
}

interface FastifyRequest {
  readonly headers: Record<string, string | string[] | undefined>;
}

/** The module may be registered twice in one application. */
const adapted = new WeakSet<Fastify>();

/** On Fastify, makes the module's routes answer with a trailing slash too, and lets the module itself judge their bodies. */
export function adaptToFastify(adapter: AbstractHttpAdapter): void {
  if (adapter.getType() !== 'fastify') return;
  const fastify = adapter.getInstance<Fastify>();
  if (adapted.has(fastify)) return;
  adapted.add(fastify);
  const { ignoreTrailingSlash, routerOptions } = fastify.initialConfig;
  const matchesSlash = ignoreTrailingSlash === true || routerOptions?.ignoreTrailingSlash === true;

  fastify.addHook('onRoute', (route) => {
    if (route.config?.[MARK] !== true || route.method === 'HEAD') return;
    route.onRequest = [route.onRequest ?? [], readBodyAsExpress].flat();
    if (!matchesSlash && !route.url.endsWith('/')) fastify.route({ ...route, url: `${route.url}/` });
  });
}

/**
 * Before it knows who asks, Fastify answers 400 to an empty body that says it is JSON, as SuperTokens' front end sends it,
 * and 415 to a type that it does not know. Without a type the first is no body, and as text the second reaches the module.
 */
function readBodyAsExpress(request: FastifyRequest, _reply: unknown, done: () => void): void {
  if (!hasBody(request.headers)) delete request.headers['content-type'];
  else if (!isJson(request.headers)) request.headers['content-type'] = 'text/plain';
  done();
}
