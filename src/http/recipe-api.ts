/** Implements the HTTP APIs with the functions of the recipe. */
import { Inject, Injectable } from '@nestjs/common';
import type { RemoveAnswer, RenameAnswer } from '../accounts/enrolment.js';
import type { ForgetAnswer } from '../accounts/trust.js';
import type { EnrolmentAnswer, InvalidTotp } from '../accounts/verification.js';
import { TotpClock } from '../shared/clock.js';
import { replaceFunctions } from '../recipe/override.js';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import type {
  CreateRecoveryCodesAnswer,
  ListDevicesAnswer,
  RecoveryCodesAnswer,
  TrustedBrowsersAnswer,
  VerifyRecoveryCodeAnswer,
  VerifyTOTPAnswer,
} from '../recipe/recipe-interface.js';
import { TotpService } from '../recipe/totp.service.js';
import type { CompletionMethod } from '../sessions/completion-claims.js';
import { refusal } from '../sessions/refusals.js';
import { extendedAnswer, TotpCompletionHook } from './completion-hook.js';
import {
  API_OVERRIDE,
  type APIInput,
  type APIInterface,
  type ApiOverride,
  type CreateDeviceRequest,
  type CreateDeviceResponse,
  type GeneralErrorResponse,
  type ReplayAnswer,
  type TotpApi,
  type TrustInput,
  type VerifyTotpRequest,
} from './totp.api.js';

/** The APIs over the recipe: each calls `TotpService` on behalf of the session, and marks the session when a code was accepted. */
@Injectable()
export class RecipeTotpApi implements TotpApi {
  constructor(
    @Inject(TotpService) private readonly totp: TotpService,
    @Inject(TotpClock) private readonly clock: TotpClock,
    @Inject(TotpCompletionHook) private readonly hook: TotpCompletionHook,
    @Inject(API_OVERRIDE) override: ApiOverride | undefined,
    @Inject(TOTP_OPTIONS) config: TotpConfig,
  ) {
    const recoveryCodes = config.recoveryCodes === false ? undefined : true;
    const trust = config.policy.maxTrustedBrowsers === 0 ? undefined : true;
    const original: APIInterface = {
      createDevicePOST: this.createDevicePOST.bind(this),
      listDevicesGET: this.listDevicesGET.bind(this),
      removeDevicePOST: this.removeDevicePOST.bind(this),
      verifyDevicePOST: this.verifyDevicePOST.bind(this),
      verifyTOTPPOST: this.verifyTOTPPOST.bind(this),
      updateDevicePOST: this.updateDevicePOST.bind(this),
      createRecoveryCodesPOST: recoveryCodes && this.createRecoveryCodesPOST.bind(this),
      recoveryCodesGET: recoveryCodes && this.recoveryCodesGET.bind(this),
      verifyRecoveryCodePOST: recoveryCodes && this.verifyRecoveryCodePOST.bind(this),
      trustedBrowsersGET: trust && this.trustedBrowsersGET.bind(this),
      forgetTrustedBrowsersPOST: trust && this.forgetTrustedBrowsersPOST.bind(this),
    };
    replaceFunctions(this, original, override ?? ((same) => same), 'override.apis');
  }

  async createDevicePOST(input: APIInput & CreateDeviceRequest): Promise<CreateDeviceResponse> {
    const { deviceName, idempotencyKey, options } = input;
    const answer = await options.recipeImplementation.createDevice({
      ...(await caller(input)),
      ...(deviceName === undefined ? {} : { deviceName }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
    switch (answer.status) {
      case 'OK': {
        const image = await this.totp.qrCodeImage(answer.qrCodeString);
        return { ...answer, ...(image === undefined ? {} : { qrCodeImage: image }) };
      }
      case 'DEVICE_LIMIT_REACHED_ERROR':
        return deviceLimitReached(answer);
      case 'UNKNOWN_USER_ID_ERROR':
        throw refusal('no-session');
      case 'DEVICE_ALREADY_EXISTS_ERROR':
        return answer;
    }
  }

  async listDevicesGET(input: APIInput): Promise<ListDevicesAnswer | GeneralErrorResponse> {
    return input.options.recipeImplementation.listDevices(await caller(input));
  }

  async removeDevicePOST(
    input: APIInput & { readonly deviceName: string },
  ): Promise<RemoveAnswer | GeneralErrorResponse> {
    const { deviceName, options } = input;
    return options.recipeImplementation.removeDevice({ ...(await caller(input)), deviceName });
  }

  async verifyDevicePOST(
    input: APIInput & { readonly deviceName: string; readonly totp: string },
  ): Promise<EnrolmentAnswer | GeneralErrorResponse> {
    const { deviceName, totp, options } = input;
    const answer = await options.recipeImplementation.verifyDevice({ ...(await caller(input)), deviceName, totp });
    return answer.status === 'OK' && !answer.wasAlreadyVerified ? this.complete(input, 'totp', answer) : answer;
  }

  async verifyTOTPPOST(
    input: APIInput & VerifyTotpRequest & TrustInput,
  ): Promise<VerifyTOTPAnswer | ReplayAnswer | GeneralErrorResponse> {
    const { totp, reportReplay = false, options } = input;
    const answer = await options.recipeImplementation.verifyTOTP({
      ...(await caller(input)),
      ...trustOf(input),
      totp,
      reportReplay,
    });
    if (answer.status === 'OK') return this.complete(input, 'totp', answer);
    return answer.status === 'INVALID_TOTP_ERROR' && answer.replayed ? replayAnswer(input, answer) : answer;
  }

  async createRecoveryCodesPOST(input: APIInput): Promise<CreateRecoveryCodesAnswer | GeneralErrorResponse> {
    return input.options.recipeImplementation.createRecoveryCodes(await caller(input));
  }

  async recoveryCodesGET(input: APIInput): Promise<RecoveryCodesAnswer | GeneralErrorResponse> {
    return input.options.recipeImplementation.getRecoveryCodes(await caller(input));
  }

  async verifyRecoveryCodePOST(
    input: APIInput & { readonly recoveryCode: string } & TrustInput,
  ): Promise<VerifyRecoveryCodeAnswer | GeneralErrorResponse> {
    const { recoveryCode, options } = input;
    const answer = await options.recipeImplementation.verifyRecoveryCode({
      ...(await caller(input)),
      ...trustOf(input),
      recoveryCode,
    });
    return answer.status === 'OK' ? this.complete(input, 'recovery-code', answer) : answer;
  }

  async trustedBrowsersGET(input: APIInput): Promise<TrustedBrowsersAnswer | GeneralErrorResponse> {
    return input.options.recipeImplementation.listTrustedBrowsers(await caller(input));
  }

  async forgetTrustedBrowsersPOST(
    input: APIInput & { readonly id?: string },
  ): Promise<ForgetAnswer | GeneralErrorResponse> {
    const { id, options } = input;
    return options.recipeImplementation.forgetTrustedBrowsers({
      ...(await caller(input)),
      ...(id === undefined ? {} : { id }),
    });
  }

  async updateDevicePOST(
    input: APIInput & { readonly existingDeviceName: string; readonly newDeviceName: string },
  ): Promise<RenameAnswer | GeneralErrorResponse> {
    const { existingDeviceName, newDeviceName, options } = input;
    return options.recipeImplementation.updateDevice({ ...(await caller(input)), existingDeviceName, newDeviceName });
  }

  /**
   * Completes the session, of which `TotpService` was given a copy of the data, and adds to the answer what the application's hook
   * returns.
   */
  private async complete<Answer extends object>(
    { session, options, userContext }: APIInput,
    method: CompletionMethod,
    answer: Answer,
  ): Promise<Answer> {
    const completedAt = this.clock.now();
    await session.complete(completedAt);
    const added: unknown = await this.hook.completed({
      session,
      method,
      completedAt,
      request: options.req,
      userContext,
    });
    return extendedAnswer(answer, added);
  }
}

/**
 * Tells a session that has completed TOTP that the code was used already: after a double click, its page can go on. Anybody else would learn
 * that they have seen a real code.
 */
async function replayAnswer({ session }: APIInput, answer: InvalidTotp): Promise<ReplayAnswer> {
  const completedAt = await session.getCompletedAt();
  if (completedAt !== undefined) return { ...answer, completedAt };
  const asOfWrongCode = { ...answer };
  delete asOfWrongCode.replayed;
  return asOfWrongCode;
}

/** What the user is told who has too many devices. */
export function deviceLimitReached({ maxDevices }: { readonly maxDevices: number }): GeneralErrorResponse {
  return {
    status: 'GENERAL_ERROR',
    message: `You can have up to ${String(maxDevices)} authenticators. Remove one to add another.`,
  };
}

function trustOf({ trustBrowser }: TrustInput): TrustInput {
  return trustBrowser === undefined ? {} : { trustBrowser };
}

/** The user, tenant and session on whose behalf the recipe is called. */
async function caller({ session, userContext }: APIInput) {
  return {
    userId: session.getUserId(),
    tenantId: session.getTenantId(),
    userContext,
    session: await session.acting(),
  };
}
