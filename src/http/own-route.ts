/** Marks the module's routes, to distinguish them from the application's. */
import { applyDecorators, SetMetadata } from '@nestjs/common';

/** The entry of the module's routes in Fastify's route configuration. */
export const OWN_ROUTE = 'nestjs-totp';

/** Marks a handler as the module's own: for `adaptToFastify`, and for Nest's `CacheInterceptor`, which must not cache it. */
export function OwnRoute() {
  return applyDecorators(
    // Nest passes this to Fastify with the route. Express ignores it.
    SetMetadata('__fastify_route_config__', { [OWN_ROUTE]: true }),
    // As `@CacheKey(() => undefined)` of @nestjs/cache-manager does, which may not be installed: without a key, nothing is cached.
    // The default key is the URL, so one user would be shown the devices of another.
    SetMetadata('cache_module:cache_key', () => undefined),
  );
}
