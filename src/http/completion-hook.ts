/** Lets the application act on a completed second factor, and add to the answer. */
import { TotpConfigurationError } from '../shared/errors.js';
import { kindOf } from '../shared/unknown.js';
import type { UserContext } from '../recipe/recipe-interface.js';
import type { CompletionMethod } from '../sessions/completion-claims.js';
import type { SessionContainer } from '../sessions/session.js';

/** A session that has just completed TOTP. */
export interface CompletedSession {
  readonly session: SessionContainer;
  /** What was entered: a code of an authenticator, or a recovery or temporary code. */
  readonly method: CompletionMethod;
  /** Epoch ms. */
  readonly completedAt: number;
  /** The platform's request: Express' or Fastify's. */
  readonly request: unknown;
  readonly userContext: UserContext;
}

/**
 * Called by the module's routes when a code has completed a session, before they answer: for a code that signs in, one that verifies a
 * new device, and a recovery code. What it returns is added to the answer, such as the access token that the completed session deserves.
 *
 * If it throws, the request fails, but the code is used up and the session stays completed.
 *
 * @example
 * \@Injectable()
 * class IssueToken extends TotpCompletionHook {
 *   override completed({ session, method, completedAt }: CompletedSession) {
 *     const claims = completionClaims({ method, completedAt });
 *     return { accessToken: this.jwt.sign({ sub: session.getUserId(), sid: session.getHandle(), ...claims }) };
 *   }
 * }
 * TotpModule.forRoot({ …, providers: [{ provide: TotpCompletionHook, useClass: IssueToken }] });
 */
export abstract class TotpCompletionHook {
  /** @returns the properties to add to the answer, or undefined; none that the answer has already */
  abstract completed(completion: CompletedSession): object | undefined | Promise<object | undefined>;
}

/** Adds nothing. */
export class NoCompletionHook extends TotpCompletionHook {
  override completed(): undefined {
    return undefined;
  }
}

/**
 * An answer with what the hook added.
 *
 * @throws TotpConfigurationError when it is not an object, or replaces a property of the answer
 */
export function extendedAnswer<Answer extends object>(answer: Answer, added: unknown): Answer {
  if (added === undefined) return answer;
  if (typeof added !== 'object' || added === null || Array.isArray(added)) {
    throw new TotpConfigurationError(
      `TotpModule: TotpCompletionHook.completed returned ${kindOf(added)}. Return an object such as { accessToken }, or undefined.`,
    );
  }
  const replaced = Object.keys(added).find((name) => name in answer);
  if (replaced === undefined) return { ...answer, ...added };
  throw new TotpConfigurationError(
    `TotpModule: TotpCompletionHook.completed returned "${replaced}", which the answer has already. Return it under another name.`,
  );
}
