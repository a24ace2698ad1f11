/** The HTTP APIs as functions, as in SuperTokens' APIInterface: the functions that an application can override. */
import type { RemoveAnswer, RenameAnswer } from '../accounts/enrolment.js';
import type { ForgetAnswer } from '../accounts/trust.js';
import type { EnrolmentAnswer, InvalidTotp } from '../accounts/verification.js';
import type {
  CreateRecoveryCodesAnswer,
  ListDevicesAnswer,
  RecipeInterface,
  RecoveryCodesAnswer,
  TrustBrowserInput,
  TrustedBrowsersAnswer,
  UserContext,
  VerifyRecoveryCodeAnswer,
  VerifyTOTPAnswer,
} from '../recipe/recipe-interface.js';
import type { TotpConfig } from '../recipe/config.js';
import type { SessionContainer } from '../sessions/session.js';

/** An application's own answer, whose message SuperTokens' front ends show. */
export interface GeneralErrorResponse {
  readonly status: 'GENERAL_ERROR';
  readonly message: string;
}

/** The context that every API function receives with its input. */
export interface APIOptions {
  /** `TotpService`. */
  readonly recipeImplementation: RecipeInterface;
  readonly config: TotpConfig;
  readonly recipeId: 'totp';
  /** The platform's request: Express' or Fastify's. */
  readonly req: unknown;
  /** The platform's response, for headers and cookies. */
  readonly res: unknown;
}

/** The input that all API functions have in common. */
export interface APIInput {
  readonly options: APIOptions;
  readonly session: SessionContainer;
  readonly userContext: UserContext;
}

export interface CreateDeviceRequest {
  readonly deviceName?: string;
  /** The header `Idempotency-Key`: the same session gets the same device for the same key. */
  readonly idempotencyKey?: string;
}

export type CreateDeviceResponse =
  | {
      readonly status: 'OK';
      readonly deviceName: string;
      /** Present when the device replaced an unverified one of its name, as a form that is sent twice does: the first QR code stops working. */
      readonly replaced?: true;
      readonly secret: string;
      readonly qrCodeString: string;
      /** An SVG data URL of the key URI; missing when the key URI is too long for a QR code. */
      readonly qrCodeImage?: string;
    }
  | { readonly status: 'DEVICE_ALREADY_EXISTS_ERROR' }
  | GeneralErrorResponse;

/** The part of the input of APIs that can make a browser trusted. */
export interface TrustInput {
  /** Present when the user asked for it, and the option `trustedBrowsers` is on. */
  readonly trustBrowser?: TrustBrowserInput;
}

export interface VerifyTotpRequest {
  readonly totp: string;
  /** Whether the client asked for `ReplayAnswer`; default false. */
  readonly reportReplay?: boolean;
}

/** A used code in a session that has completed TOTP. In any other session, the answer is that of a wrong code. */
export interface ReplayAnswer extends InvalidTotp {
  /** When the session completed TOTP, in epoch ms. */
  readonly completedAt?: number;
}

/** An API function. One that is undefined is not served. */
type Api<Input, Response> = ((input: Input & APIInput) => Promise<Response | GeneralErrorResponse>) | undefined;

export interface APIInterface {
  createDevicePOST: Api<CreateDeviceRequest, CreateDeviceResponse>;
  listDevicesGET: Api<unknown, ListDevicesAnswer>;
  removeDevicePOST: Api<{ readonly deviceName: string }, RemoveAnswer>;
  verifyDevicePOST: Api<{ readonly deviceName: string; readonly totp: string }, EnrolmentAnswer>;
  verifyTOTPPOST: Api<VerifyTotpRequest & TrustInput, VerifyTOTPAnswer | ReplayAnswer>;
  updateDevicePOST: Api<{ readonly existingDeviceName: string; readonly newDeviceName: string }, RenameAnswer>;
  createRecoveryCodesPOST: Api<unknown, CreateRecoveryCodesAnswer>;
  recoveryCodesGET: Api<unknown, RecoveryCodesAnswer>;
  verifyRecoveryCodePOST: Api<{ readonly recoveryCode: string } & TrustInput, VerifyRecoveryCodeAnswer>;
  trustedBrowsersGET: Api<unknown, TrustedBrowsersAnswer>;
  forgetTrustedBrowsersPOST: Api<{ readonly id?: string }, ForgetAnswer>;
}

/** Replaces single APIs, as SuperTokens' `override.apis` does. An API set to undefined is not served. */
export type ApiOverride = (original: APIInterface) => APIInterface;

/** The token of the application's `ApiOverride`; its value is undefined without one. */
export const API_OVERRIDE = Symbol('nestjs-totp API override');

/** The token of the APIs: what the controller calls. */
export abstract class TotpApi implements APIInterface {
  abstract createDevicePOST: APIInterface['createDevicePOST'];
  abstract listDevicesGET: APIInterface['listDevicesGET'];
  abstract removeDevicePOST: APIInterface['removeDevicePOST'];
  abstract verifyDevicePOST: APIInterface['verifyDevicePOST'];
  abstract verifyTOTPPOST: APIInterface['verifyTOTPPOST'];
  abstract updateDevicePOST: APIInterface['updateDevicePOST'];
  abstract createRecoveryCodesPOST: APIInterface['createRecoveryCodesPOST'];
  abstract recoveryCodesGET: APIInterface['recoveryCodesGET'];
  abstract verifyRecoveryCodePOST: APIInterface['verifyRecoveryCodePOST'];
  abstract trustedBrowsersGET: APIInterface['trustedBrowsersGET'];
  abstract forgetTrustedBrowsersPOST: APIInterface['forgetTrustedBrowsersPOST'];
}
