/** Makes Fastify read requests to the module's routes as Express does. */
import type { AbstractHttpAdapter } from '@nestjs/core';
import { OWN_ROUTE } from './own-route.js';
import { hasBody, isJson } from './requests.js';

/** The part of Fastify's API that is used here, declared locally so that Fastify stays optional. */
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

/** On Fastify, makes the module's routes accept a trailing slash, and lets the module reject their bodies. */
export function adaptToFastify(adapter: AbstractHttpAdapter): void {
  if (adapter.getType() !== 'fastify') return;
  const fastify = adapter.getInstance<Fastify>();
  if (adapted.has(fastify)) return;
  adapted.add(fastify);
  const { ignoreTrailingSlash, routerOptions } = fastify.initialConfig;
  const matchesSlash = ignoreTrailingSlash === true || routerOptions?.ignoreTrailingSlash === true;

  fastify.addHook('onRoute', (route) => {
    if (route.config?.[OWN_ROUTE] !== true || route.method === 'HEAD') return;
    route.onRequest = [route.onRequest ?? [], readBodyAsExpress].flat();
    if (!matchesSlash && !route.url.endsWith('/')) fastify.route({ ...route, url: `${route.url}/` });
  });
}

/**
 * Before any guard runs, Fastify answers 400 to an empty body with a JSON content type, as SuperTokens' front end sends it, and
 * 415 to an unknown content type. Without a content type, the empty body counts as no body; as `text/plain`, the other body reaches the module.
 */
function readBodyAsExpress(request: FastifyRequest, _reply: unknown, done: () => void): void {
  if (!hasBody(request.headers)) delete request.headers['content-type'];
  else if (!isJson(request.headers)) request.headers['content-type'] = 'text/plain';
  done();
}
