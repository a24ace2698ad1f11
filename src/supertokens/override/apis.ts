/** Puts an override of SuperTokens' APIs around the module's. */
import { deviceLimitReached } from '../../http/recipe-api.js';
import type { APIInput, APIInterface, APIOptions, ApiOverride } from '../../http/totp.api.js';
import { issuerOf } from '../../recipe/config.js';
import { replaceFunctions } from '../../recipe/override.js';
import { TotpConfigurationError } from '../../shared/errors.js';
import { type OverrideLayer, SuperTokensOverrideBuilder } from './builder.js';
import { onBehalfOf } from './caller.js';
import { superTokensFunctions } from './functions.js';
import { SuperTokensRequest, SuperTokensResponse, wrapRequest } from './request.js';
import { type RevokeSession, SuperTokensSession } from './session.js';
import type { SuperTokensApiInput, SuperTokensApiOptions, SuperTokensApis, SuperTokensFunctions } from './types.js';

type Layer = OverrideLayer<SuperTokensApis, SuperTokensOverrideBuilder<SuperTokensApis>>;

/** The module's own options of a call, for the original API. A symbol, so that an override that spreads the options passes them on. */
const OWN_OPTIONS = Symbol('nestjs-totp API options');

interface Options extends SuperTokensApiOptions {
  readonly [OWN_OPTIONS]?: { readonly options: APIOptions; readonly recipe: SuperTokensFunctions };
}

export function apiOverride(layer: Layer, revoke: RevokeSession | undefined): ApiOverride {
  return (own) => {
    const original = superTokensApis(own);
    const builder = new SuperTokensOverrideBuilder(original);
    const final = { ...original };
    replaceFunctions(final, original, (apis) => layer(apis, builder), 'override.apis');

    /** Calls an API of the override, if it is served. */
    function through<Fields, Response>(
      api: ((input: Fields & SuperTokensApiInput) => Promise<Response>) | undefined,
    ): ((input: Fields & APIInput) => Promise<Response>) | undefined {
      return (
        api &&
        (async (input) => {
          const { session, options, userContext } = input;
          wrapRequest(userContext);
          const given = superTokensOptions(options, session.getTenantId());
          const answer = await onBehalfOf({ userId: session.getUserId(), session }, async () =>
            api({
              ...input,
              options: given,
              session: await SuperTokensSession.of(session, { request: options.req, response: options.res, revoke }),
            }),
          );
          return given.res.finalAnswer(answer);
        })
      );
    }

    const create = final.createDevicePOST;
    return {
      ...own,
      createDevicePOST: through(
        create &&
          (async (input: Parameters<typeof create>[0]) => {
            const answer = await create(input);
            return answer.status === 'DEVICE_LIMIT_REACHED_ERROR' ? deviceLimitReached(answer) : answer;
          }),
      ),
      listDevicesGET: through(final.listDevicesGET),
      removeDevicePOST: through(final.removeDevicePOST),
      verifyDevicePOST: through(final.verifyDevicePOST),
      verifyTOTPPOST: through(final.verifyTOTPPOST),
    };
  };
}

/** The module's APIs that SuperTokens has too, as it calls them. */
function superTokensApis(own: APIInterface): SuperTokensApis {
  return {
    createDevicePOST: original(own.createDevicePOST),
    listDevicesGET: original(own.listDevicesGET),
    removeDevicePOST: original(own.removeDevicePOST),
    verifyDevicePOST: original(own.verifyDevicePOST),
    verifyTOTPPOST: original(own.verifyTOTPPOST),
  };
}

function original<Fields, Response>(
  api: ((input: Fields & APIInput) => Promise<Response>) | undefined,
): ((input: Fields & SuperTokensApiInput) => Promise<Response>) | undefined {
  return api && ((input) => api({ ...input, options: ownOptions(input.options), session: input.session.container }));
}

function superTokensOptions(own: APIOptions, tenantId: string): Options {
  const { defaultSkew, defaultPeriod } = own.config;
  const recipe = superTokensFunctions(own.recipeImplementation);
  return {
    recipeImplementation: recipe,
    config: { issuer: issuerOf(own.config, tenantId), defaultSkew, defaultPeriod },
    recipeId: own.recipeId,
    isInServerlessEnv: false,
    req: new SuperTokensRequest(own.req),
    res: new SuperTokensResponse(own.res),
    [OWN_OPTIONS]: { options: own, recipe },
  };
}

/** @throws TotpConfigurationError when an override made the options itself */
function ownOptions(options: Options): APIOptions {
  const own = options[OWN_OPTIONS];
  if (own?.recipe === options.recipeImplementation) return own.options;
  throw new TotpConfigurationError(
    'TotpModule: an override called an original API with options of its own. Pass on those that it was called with: ' +
      'original.verifyTOTPPOST({ ...input, … }). To replace functions of the recipe, override the functions.',
  );
}
