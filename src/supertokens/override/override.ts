/** Takes overrides that were written for SuperTokens' TOTP recipe as they are. */
import type { ApiOverride } from '../../http/totp.api.js';
import type { FunctionOverride } from '../../recipe/config.js';
import { apiOverride } from './apis.js';
import type { OverrideLayer, SuperTokensOverrideBuilder } from './builder.js';
import { functionOverride } from './functions.js';
import type { RevokeSession } from './session.js';
import type { SuperTokensApis, SuperTokensFunctions } from './types.js';

/** `override` of SuperTokens' `TOTP.init`. */
export interface SuperTokensOverride<Functions, FunctionBuilder, Apis, ApiBuilder> {
  readonly functions?: OverrideLayer<Functions, FunctionBuilder> | undefined;
  readonly apis?: OverrideLayer<Apis, ApiBuilder> | undefined;
  /** Ends the session of a request, for overrides that call `session.revokeSession()`. */
  readonly revokeSession?: RevokeSession | undefined;
}

/**
 * Takes what was passed as `override` to SuperTokens' `TOTP.init`. It may be annotated with the types of `supertokens-node`.
 *
 * The functions get what SuperTokens gives them: a tenant and a `userContext` with every call, the wrappers of the request and the response
 * (their `original` is Express' or Fastify's), and a session with SuperTokens' methods. Those that would change SuperTokens' own session or
 * tokens throw an error that says what to use instead.
 *
 * An override need not pass on the session: a change that it makes for the same user is made on behalf of the session that called it.
 *
 * @returns the option `override` of `TotpModule.forRoot`
 * @example
 * TotpModule.forRoot({
 *   …,
 *   override: superTokensOverride({
 *     functions: (original) => ({
 *       ...original,
 *       createDevice: async (input) => original.createDevice({ ...input, userIdentifierInfo: await emailOf(input.userId) }),
 *     }),
 *   }),
 * });
 */
export function superTokensOverride<
  Functions extends object = SuperTokensFunctions,
  Apis extends object = SuperTokensApis,
  FunctionBuilder = SuperTokensOverrideBuilder<Functions>,
  ApiBuilder = SuperTokensOverrideBuilder<Apis>,
>(
  override: SuperTokensOverride<Functions, FunctionBuilder, Apis, ApiBuilder> | undefined,
): { functions?: FunctionOverride; apis?: ApiOverride };

// The types of `supertokens-node` differ from the module's in what cannot be compared: brands, and classes with private members. A test
// compares the rest.
export function superTokensOverride(
  override:
    | SuperTokensOverride<
        SuperTokensFunctions,
        SuperTokensOverrideBuilder<SuperTokensFunctions>,
        SuperTokensApis,
        SuperTokensOverrideBuilder<SuperTokensApis>
      >
    | undefined,
): { functions?: FunctionOverride; apis?: ApiOverride } {
  const { functions, apis, revokeSession } = override ?? {};
  return {
    ...(functions && { functions: functionOverride(functions) }),
    ...(apis && { apis: apiOverride(apis, revokeSession) }),
  };
}
