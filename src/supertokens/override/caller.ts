/**
 * Who makes the call that reached an override. SuperTokens' functions take no session, so an override need not pass it on, and the module's
 * functions refuse a change of devices without one.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type CallerSession, tenantIdOf } from '../../recipe/caller.js';
import type { OnBehalfOf } from '../../recipe/recipe-interface.js';
import { TotpArgumentError } from '../../shared/errors.js';
import { wrapRequest } from './request.js';

interface Call {
  readonly userId: string;
  readonly tenantId?: string;
  readonly userContext?: Record<string, unknown>;
  readonly session?: CallerSession | undefined;
  readonly onBehalfOf?: 'application' | undefined;
}

const calls = new AsyncLocalStorage<Call>();

/** Runs an override on behalf of the one who made a call: of an outer call about the same user, when the call itself does not say. */
export function onBehalfOf<Answer>(call: Call, run: () => Answer): Answer {
  return calls.run(isAttributed(call) ? call : (callOf(call) ?? call), run);
}

/** The call as SuperTokens' functions take it: with a tenant and a context, always. */
export function withDefaults<Input extends Call>(input: Input) {
  const { userContext = {} } = input;
  wrapRequest(userContext);
  return { ...input, tenantId: tenantIdOf(input) ?? 'public', userContext };
}

/** The session of an override's call, or of the call that reached the override, if it is about the same user. */
export function withSession<Input extends Call>(input: Input) {
  return { ...input, session: input.session ?? callOf(input)?.session };
}

/**
 * The same for a change of devices, which may also be made on behalf of the application.
 *
 * @throws TotpArgumentError when nobody is known to ask for the change
 */
export function withAuthority<Input extends Call>(input: Input): Input & OnBehalfOf {
  const known = isAttributed(input) ? input : callOf(input);
  if (known?.session !== undefined) return { ...input, session: known.session, onBehalfOf: undefined };
  if (known?.onBehalfOf !== undefined) return { ...input, session: undefined, onBehalfOf: known.onBehalfOf };
  throw new TotpArgumentError(
    'session is missing: an override changes devices of a user on whose behalf it was not called. Pass the session, or ' +
      "onBehalfOf: 'application' to make the change without one",
  );
}

function isAttributed({ session, onBehalfOf }: Call): boolean {
  return session !== undefined || onBehalfOf !== undefined;
}

function callOf({ userId }: Call): Call | undefined {
  const call = calls.getStore();
  return call?.userId === userId ? call : undefined;
}
