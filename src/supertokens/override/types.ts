/**
 * SuperTokens' types of overrides, for overrides that are not annotated. Those that are annotated with the types of `supertokens-node`
 * keep them.
 */
import type { CreateDeviceResponse, GeneralErrorResponse, ReplayAnswer } from '../../http/totp.api.js';
import type { CallerSession } from '../../recipe/caller.js';
import type { RecipeInterface, UserContext } from '../../recipe/recipe-interface.js';
import type { SuperTokensRequest, SuperTokensResponse } from './request.js';
import type { SuperTokensSession } from './session.js';

type Answer<Name extends keyof RecipeInterface> = Awaited<ReturnType<RecipeInterface[Name]>>;

interface UserCall {
  userId: string;
  userContext: UserContext;
}

/** A call that may also have come to `TotpService` with a session or on the application's behalf; an override need not pass these on. */
interface ChangeCall extends UserCall {
  session?: CallerSession | undefined;
  onBehalfOf?: 'application' | undefined;
}

/** SuperTokens' `RecipeInterface`. */
export interface SuperTokensFunctions {
  getUserIdentifierInfoForUserId: (input: UserCall) => Promise<Answer<'getUserIdentifierInfoForUserId'>>;
  createDevice: (
    input: ChangeCall & { userIdentifierInfo?: string; deviceName?: string; skew?: number; period?: number },
  ) => Promise<Answer<'createDevice'>>;
  updateDevice: (
    input: ChangeCall & { existingDeviceName: string; newDeviceName: string },
  ) => Promise<Answer<'updateDevice'>>;
  listDevices: (input: UserCall) => Promise<Answer<'listDevices'>>;
  removeDevice: (input: ChangeCall & { deviceName: string }) => Promise<Answer<'removeDevice'>>;
  verifyDevice: (
    input: ChangeCall & { tenantId: string; deviceName: string; totp: string },
  ) => Promise<Answer<'verifyDevice'>>;
  verifyTOTP: (input: ChangeCall & { tenantId: string; totp: string }) => Promise<Answer<'verifyTOTP'>>;
}

/** SuperTokens' `APIOptions`. */
export interface SuperTokensApiOptions {
  recipeImplementation: SuperTokensFunctions;
  config: { issuer: string; defaultSkew: number; defaultPeriod: number };
  recipeId: 'totp';
  isInServerlessEnv: boolean;
  req: SuperTokensRequest;
  res: SuperTokensResponse;
}

/** The input that all API functions have in common. */
export interface SuperTokensApiInput {
  options: SuperTokensApiOptions;
  session: SuperTokensSession;
  userContext: UserContext;
}

/** An API function. One that is undefined is not served. */
type Api<Fields, Response> =
  ((input: Fields & SuperTokensApiInput) => Promise<Response | GeneralErrorResponse>) | undefined;

/** SuperTokens' `APIInterface`. */
export interface SuperTokensApis {
  /** An override may answer what the recipe did. */
  createDevicePOST: Api<
    { deviceName?: string },
    CreateDeviceResponse | Extract<Answer<'createDevice'>, { status: 'DEVICE_LIMIT_REACHED_ERROR' }>
  >;
  listDevicesGET: Api<unknown, Answer<'listDevices'>>;
  removeDevicePOST: Api<{ deviceName: string }, Answer<'removeDevice'>>;
  verifyDevicePOST: Api<{ deviceName: string; totp: string }, Answer<'verifyDevice'>>;
  verifyTOTPPOST: Api<{ totp: string }, Answer<'verifyTOTP'> | ReplayAnswer>;
}
