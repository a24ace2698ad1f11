/** The functions of SuperTokens' TOTP recipe over `TotpService`, for applications that keep SuperTokens' SDK. */
import { HttpException, HttpStatus } from '@nestjs/common';
import { deviceLimitReached } from '../../http/recipe-api.js';
import type { RecipeInterface } from '../../recipe/recipe-interface.js';
import type { SuperTokensFunctions } from '../override/types.js';

/** SuperTokens' `RecipeInterface`, without a status of `createDevice` that the SDK does not know. */
export type SuperTokensRecipe = Omit<SuperTokensFunctions, 'createDevice'> & {
  createDevice: (
    input: Parameters<SuperTokensFunctions['createDevice']>[0],
  ) => Promise<
    Exclude<Awaited<ReturnType<SuperTokensFunctions['createDevice']>>, { status: 'DEVICE_LIMIT_REACHED_ERROR' }>
  >;
};

/** The SDK has asked the session before it calls the recipe: it has its own rules for adding and removing a factor. */
const BY_THE_SDK = { session: undefined, onBehalfOf: 'application' } as const;

/**
 * Lets SuperTokens' own routes and functions (`TOTP.createDevice`, `MultiFactorAuth`) use this module's devices, in place of the devices in
 * SuperTokens' core.
 *
 * Which session may add or remove a device is then decided by the SDK, and not by `stepUpMaxAge`. The SDK passes no session, so events have no
 * `sessionHandle`, and two codes in a row (`lockout.vigilance`) may come from two sessions.
 *
 * @example
 * TOTP.init({ override: { functions: (original) => ({ ...original, ...superTokensRecipe(totpService) }) } });
 */
export function superTokensRecipe(totp: RecipeInterface): SuperTokensRecipe {
  return {
    getUserIdentifierInfoForUserId: (input) => totp.getUserIdentifierInfoForUserId(input),
    createDevice: async (input) => {
      const answer = await totp.createDevice({ ...input, ...BY_THE_SDK });
      if (answer.status !== 'DEVICE_LIMIT_REACHED_ERROR') return answer;
      // The SDK would pass on a status that its front ends do not know. Nest answers with this one, which they show.
      throw new HttpException(deviceLimitReached(answer), HttpStatus.OK);
    },
    updateDevice: (input) => totp.updateDevice({ ...input, ...BY_THE_SDK }),
    listDevices: (input) => totp.listDevices(input),
    removeDevice: (input) => totp.removeDevice({ ...input, ...BY_THE_SDK }),
    verifyDevice: (input) => totp.verifyDevice({ ...input, ...BY_THE_SDK }),
    verifyTOTP: (input) => totp.verifyTOTP(input),
  };
}
