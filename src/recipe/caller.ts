/** On whose behalf a function of the recipe is called: of a session, or on the application's own authority. */
import type { ActingSession } from '../accounts/step-up.js';
import { TotpArgumentError } from '../shared/errors.js';

/** A session that can be asked when it completed TOTP, and told that it has: `SessionContainer`, which `@CurrentTotpSession()` passes. */
export interface LiveSession {
  getUserId(): string;
  getTenantId(): string;
  /** What the rules read of it. */
  acting(): Promise<ActingSession>;
  /** @param at epoch ms */
  complete(at: number): Promise<void>;
}

/** A session for which a function is called. A live one is completed when a code is accepted; the other only says what it was. */
export type CallerSession = LiveSession | ActingSession;

/** The arguments that say who is calling. */
interface Call {
  readonly userId: string;
  readonly tenantId?: string | undefined;
  readonly session?: CallerSession | undefined;
}

function isLive(session: CallerSession | undefined): session is LiveSession {
  return session !== undefined && 'acting' in session;
}

/**
 * The session as the rules read it; undefined without one.
 *
 * @throws TotpArgumentError for a session of another user
 */
export async function actingSession({ userId, session }: Call): Promise<ActingSession | undefined> {
  if (!isLive(session)) return session;
  if (session.getUserId() === userId) return session.acting();
  throw new TotpArgumentError(
    'userId is not the user of the session: pass session.getUserId(), or the session of that user',
  );
}

/** The tenant that is named, or else that of a live session. */
export function tenantIdOf({ tenantId, session }: Call): string | undefined {
  return tenantId ?? (isLive(session) ? session.getTenantId() : undefined);
}

/**
 * Wraps a function that checks codes so that it completes a live session when it accepts one. It wraps the function that an application's
 * override has made, since an override may refuse what the original accepts.
 *
 * @param now the time in epoch ms
 */
export function completing<Input extends { readonly session?: CallerSession | undefined }, Answer>(
  check: (input: Input) => Promise<Answer>,
  isAccepted: (answer: Answer) => boolean,
  now: () => number,
): (input: Input) => Promise<Answer> {
  return async (input) => {
    const answer = await check(input);
    if (isLive(input.session) && isAccepted(answer)) await input.session.complete(now());
    return answer;
  };
}
