/** Overrides as applications of SuperTokens have them, annotated with the types of `supertokens-node` and nothing of this module. */
import { MultiFactorAuthClaim } from 'supertokens-node/recipe/multifactorauth';
import type { APIInterface, RecipeInterface, TypeInput } from 'supertokens-node/recipe/totp/types';

type Overrides = NonNullable<TypeInput['override']>;
type ApisBuilder = Parameters<NonNullable<Overrides['apis']>>[1];

/** What the overrides saw, for the tests. */
export const seen: unknown[] = [];

/** With both, as one object. */
export const asOneObject: TypeInput['override'] = {
  functions: (originalImplementation, builder) => {
    builder.override((beneath) => ({
      ...beneath,
      updateDevice: (input) => beneath.updateDevice({ ...input, newDeviceName: input.newDeviceName.trim() }),
    }));
    return {
      ...originalImplementation,
      async createDevice(input) {
        const { devices } = await this.listDevices({ userId: input.userId, userContext: input.userContext });
        if (devices.length >= 2) return { status: 'UNKNOWN_USER_ID_ERROR' };
        input.userIdentifierInfo = `${input.userId}@example.com`;
        return originalImplementation.createDevice(input);
      },
      getUserIdentifierInfoForUserId: async ({ userId }) => Promise.resolve({ status: 'OK', info: `${userId}@acme` }),
    };
  },
  apis: (originalImplementation) => ({
    ...originalImplementation,
    createDevicePOST: async (input) => {
      if (originalImplementation.createDevicePOST === undefined) throw new Error('Should never come here');
      if (input.deviceName === 'forbidden') return { status: 'GENERAL_ERROR', message: 'Choose another name.' };
      return originalImplementation.createDevicePOST(input);
    },
  }),
};

/** As functions with annotated parameters. */
export function functions(original: RecipeInterface): RecipeInterface {
  return {
    ...original,
    // A new input, of which SuperTokens knows everything: there is no session in it.
    removeDevice: ({ userId, deviceName, userContext }) =>
      original.removeDevice({ userId, deviceName: deviceName.toLowerCase(), userContext }),
    verifyTOTP: async (input) => {
      seen.push(input.tenantId, typeof input.userContext);
      if (input.tenantId === 'closed') return { status: 'LIMIT_REACHED_ERROR', retryAfterMs: 60_000 };
      return original.verifyTOTP(input);
    },
  };
}

export function apis(original: APIInterface, builder: ApisBuilder): APIInterface {
  seen.push(typeof builder.override);
  return {
    ...original,
    verifyTOTPPOST: async (input) => {
      const { req, res, isInServerlessEnv, recipeId, config } = input.options;
      const { totp } = (await req.getJSONBody()) as { totp?: unknown };
      seen.push({
        method: req.getMethod(),
        url: req.getOriginalURL(),
        header: req.getHeaderValue('X-User'),
        cookie: req.getCookieValue('theme'),
        query: req.getKeyValueFromQuery('from'),
        totp,
        isInServerlessEnv,
        recipeId,
        issuer: config.issuer,
      });
      res.setHeader('x-first', 'one', false);
      res.setHeader('x-first', 'two', true);
      res.setHeader('x-second', 'gone', false);
      res.removeHeader('x-second');
      res.setCookie('seen', 'a b', undefined, true, true, Date.UTC(2030, 0, 1), '/', 'lax');
      res.setCookie('again', '1', 'example.com', false, false, Date.UTC(2030, 0, 1), '/', 'strict');
      return (await original.verifyTOTPPOST?.(input)) ?? { status: 'OK' };
    },
    listDevicesGET: async ({ session, options, userContext }) => {
      seen.push({
        userId: session.getUserId(),
        recipeUserId: session.getRecipeUserId().getAsString(),
        tenantId: session.getTenantId(userContext),
        handle: session.getHandle(),
        factors: await session.getClaimValue(MultiFactorAuthClaim),
      });
      return options.recipeImplementation.listDevices({ userId: session.getUserId(), userContext });
    },
    removeDevicePOST: async ({ session, options }) => {
      options.res.setStatusCode(418);
      options.res.sendJSONResponse({ removes: session.getUserId() });
      return Promise.resolve({ status: 'OK', didDeviceExist: false });
    },
  };
}
