/** The tokens of providers that only the module itself uses. */

/** The options as the application wrote them, or as its factory returned them: unchecked. */
export const GIVEN_OPTIONS = Symbol('nestjs-totp given options');

/** The extras of one registration of the module, with every default filled in. */
export const EXTRAS_OF_MODULE = Symbol('nestjs-totp extras');

/** The controller class of this registration; null when no routes are served. */
export const TOTP_CONTROLLER = Symbol('nestjs-totp controller');

/** A provider without a value, whose factory takes those routes out of the controller that are not served. */
export const SERVED_ROUTES = Symbol('nestjs-totp served routes');

/** The destinations of the outbox, in the order of `eventDestinations`. */
export const EVENT_DESTINATIONS = Symbol('nestjs-totp event destinations');

/** The user directory of the application, in any scope, which the module's `TotpUserDirectory` calls. */
export const APPLICATION_DIRECTORY = Symbol('nestjs-totp user directory of the application');
