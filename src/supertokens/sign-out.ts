/** Lets the application end its own session when SuperTokens' front end signs a user out. */
import type { SessionContainer } from '../sessions/session.js';

/** A session that is to end. */
export interface SignOutInput {
  readonly session: SessionContainer;
  /** The platform's request: Express' or Fastify's. */
  readonly request: unknown;
  /** The platform's response, for cookies that are to be cleared. */
  readonly response: unknown;
}

/**
 * Ends a session. The option `superTokens` needs your own, since the module does not know what makes a session of your application.
 *
 * @example
 * class EndSession extends SuperTokensSignOut {
 *   override signOut({ request }: SignOutInput & { request: Request }) {
 *     return promisify(request.session.destroy).call(request.session);
 *   }
 * }
 * TotpModule.forRoot({ …, superTokens: {}, providers: [{ provide: SuperTokensSignOut, useClass: EndSession }] });
 */
export abstract class SuperTokensSignOut {
  abstract signOut(input: SignOutInput): void | Promise<void>;
}
