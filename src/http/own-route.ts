/** Marks the module's routes, to distinguish them from the application's. */
import { applyDecorators, type ExecutionContext, SetMetadata } from '@nestjs/common';

/** The entry of the module's routes in Fastify's route configuration. */
export const OWN_ROUTE = 'nestjs-totp';

/**
 * Whether a request is one to the module's routes: for global interceptors and guards of an application that must leave them alone, such as
 * an interceptor that puts every answer into an envelope, which SuperTokens' front ends could not read.
 *
 * @example
 * intercept(context: ExecutionContext, next: CallHandler) {
 *   return isTotpRoute(context) ? next.handle() : next.handle().pipe(map((data) => ({ data })));
 * }
 */
export function isTotpRoute(context: ExecutionContext): boolean {
  return Reflect.getMetadata(OWN_ROUTE, context.getHandler()) === true;
}

/** Marks a handler as the module's own: for `isTotpRoute`, for `adaptToFastify`, and for Nest's `CacheInterceptor`, which must not cache it. */
export function OwnRoute() {
  return applyDecorators(
    SetMetadata(OWN_ROUTE, true),
    // Nest passes this to Fastify with the route. Express ignores it.
    SetMetadata('__fastify_route_config__', { [OWN_ROUTE]: true }),
    // As `@CacheKey(() => undefined)` of @nestjs/cache-manager does, which may not be installed: without a key, nothing is cached.
    // The default key is the URL, so one user would be shown the devices of another.
    SetMetadata('cache_module:cache_key', () => undefined),
  );
}
