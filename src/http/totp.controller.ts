/** The controller of the module's routes. */
import {
  type CanActivate,
  Controller,
  Get,
  HttpCode,
  Inject,
  type NestInterceptor,
  Post,
  type Type,
  UseGuards,
  UseInterceptors,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { DeviceChange } from '../accounts/step-up.js';
import { TotpStepUpRequiredError } from '../shared/errors.js';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { TotpService } from '../recipe/totp.service.js';
import { property, textProperty } from '../shared/unknown.js';
import { OwnRoute } from './own-route.js';
import { refusal } from '../sessions/refusals.js';
import { browserId, deviceName, enteredCode, idempotencyKey, optionalDeviceName, isAsked } from './requests.js';
import { describeRoutes } from './openapi.js';
import { retryAfter } from './retry-after.js';
import { CurrentRequest, NoStoreGuard, type TotpRequest } from './current-request.js';
import { TotpSessionGuard } from '../sessions/session-guard.js';
import { SessionHeaderWriter } from '../sessions/session-headers.js';
import { ROUTES } from './routes.js';
import { type APIInput, type APIInterface, TotpApi, type TrustInput } from './totp.api.js';
import { keepsTokenItself, trustCookie } from '../sessions/trust-token.js';
import { WithoutTotp } from '../sessions/require-totp.js';

/** The controller classes, with the handlers that they were created with. */
const built = new WeakMap<Type<object>, { prototype: object; members: Record<string, PropertyDescriptor> }>();

/**
 * Creates the controller of the module's routes. In this order, it checks the session (401), the body (400) and the session's rights
 * (403), and then calls the API. Each registration has its own class, because path and guards belong to the class.
 *
 * @param paths where the routes are mounted
 * @param guards the application's guards, which run before the module's own
 * @param interceptors see each answer before the application's
 */
export function createTotpController(
  paths: readonly string[],
  guards: readonly Type<CanActivate>[],
  interceptors: readonly Type<NestInterceptor>[],
): Type<object> {
  @Controller({ path: [...paths], version: VERSION_NEUTRAL })
  @UseGuards(NoStoreGuard, ...guards, TotpSessionGuard)
  @UseInterceptors(...interceptors)
  @WithoutTotp()
  class TotpController {
    constructor(
      @Inject(TotpApi) private readonly api: TotpApi,
      @Inject(TotpService) private readonly totp: TotpService,
      @Inject(TOTP_OPTIONS) private readonly config: TotpConfig,
      @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
      @Inject(SessionHeaderWriter) private readonly headers: SessionHeaderWriter,
    ) {}

    @Post(ROUTES.createDevicePOST)
    @HttpCode(200)
    @OwnRoute()
    async createDevicePOST(@CurrentRequest() request: TotpRequest) {
      const name = optionalDeviceName(request.fields());
      const key = idempotencyKey(property(request.raw, 'headers'));
      const input = {
        ...this.input(request),
        ...(name === undefined ? {} : { deviceName: name }),
        ...(key === undefined ? {} : { idempotencyKey: key }),
      };
      return this.allowed(request, { kind: 'create' }, () => this.api.createDevicePOST?.(input));
    }

    @Get(ROUTES.listDevicesGET)
    @OwnRoute()
    listDevicesGET(@CurrentRequest() request: TotpRequest) {
      return this.api.listDevicesGET?.(this.input(request));
    }

    @Post(ROUTES.removeDevicePOST)
    @HttpCode(200)
    @OwnRoute()
    async removeDevicePOST(@CurrentRequest() request: TotpRequest) {
      const name = deviceName(request.fields());
      const input = { ...this.input(request), deviceName: name };
      return this.allowed(request, { kind: 'remove', deviceName: name }, () => this.api.removeDevicePOST?.(input));
    }

    @Post(ROUTES.verifyDevicePOST)
    @HttpCode(200)
    @OwnRoute()
    async verifyDevicePOST(@CurrentRequest() request: TotpRequest) {
      const fields = request.fields();
      const name = deviceName(fields);
      const input = { ...this.input(request), deviceName: name, totp: enteredCode(fields, 'totp') };
      return this.allowed(request, { kind: 'enrol', deviceName: name }, () => this.api.verifyDevicePOST?.(input));
    }

    @Post(ROUTES.updateDevicePOST)
    @HttpCode(200)
    @OwnRoute()
    async updateDevicePOST(@CurrentRequest() request: TotpRequest) {
      const fields = request.fields();
      const input = {
        ...this.input(request),
        existingDeviceName: deviceName(fields, 'existingDeviceName'),
        newDeviceName: deviceName(fields, 'newDeviceName'),
      };
      return this.allowed(request, { kind: 'rename' }, () => this.api.updateDevicePOST?.(input));
    }

    @Post(ROUTES.verifyTOTPPOST)
    @HttpCode(200)
    @OwnRoute()
    async verifyTOTPPOST(@CurrentRequest() request: TotpRequest) {
      const fields = request.fields();
      const input = {
        ...this.input(request),
        ...this.trust(request, fields),
        ...(isAsked(fields, 'reportReplay') ? { reportReplay: true } : {}),
        totp: enteredCode(fields, 'totp'),
      };
      return this.answered(request, await this.api.verifyTOTPPOST?.(input));
    }

    @Post(ROUTES.createRecoveryCodesPOST)
    @HttpCode(200)
    @OwnRoute()
    async createRecoveryCodesPOST(@CurrentRequest() request: TotpRequest) {
      request.fields();
      const input = this.input(request);
      return this.allowed(request, { kind: 'create-recovery-codes' }, () => this.api.createRecoveryCodesPOST?.(input));
    }

    @Get(ROUTES.recoveryCodesGET)
    @OwnRoute()
    recoveryCodesGET(@CurrentRequest() request: TotpRequest) {
      return this.api.recoveryCodesGET?.(this.input(request));
    }

    @Post(ROUTES.verifyRecoveryCodePOST)
    @HttpCode(200)
    @OwnRoute()
    async verifyRecoveryCodePOST(@CurrentRequest() request: TotpRequest) {
      const fields = request.fields();
      const recoveryCode = enteredCode(fields, 'recoveryCode');
      const input = { ...this.input(request), ...this.trust(request, fields), recoveryCode };
      return this.answered(request, await this.api.verifyRecoveryCodePOST?.(input));
    }

    @Get(ROUTES.trustedBrowsersGET)
    @OwnRoute()
    trustedBrowsersGET(@CurrentRequest() request: TotpRequest) {
      return this.api.trustedBrowsersGET?.(this.input(request));
    }

    @Post(ROUTES.forgetTrustedBrowsersPOST)
    @HttpCode(200)
    @OwnRoute()
    async forgetTrustedBrowsersPOST(@CurrentRequest() request: TotpRequest) {
      const id = browserId(request.fields());
      const input = { ...this.input(request), ...(id === undefined ? {} : { id }) };
      return this.allowed(request, { kind: 'forget-browsers' }, () => this.api.forgetTrustedBrowsersPOST?.(input));
    }

    private input({ session, raw, response }: TotpRequest): APIInput {
      return {
        session,
        userContext: { _default: { request: raw } },
        options: { recipeImplementation: this.totp, config: this.config, recipeId: 'totp', req: raw, res: response },
      };
    }

    /** The browser to trust, if the user asked for it and the application allows it. */
    private trust({ raw }: TotpRequest, fields: object): TrustInput {
      if (!isAsked(fields, 'trustBrowser') || this.config.policy.maxTrustedBrowsers === 0) return {};
      const userAgent = textProperty(property(raw, 'headers'), 'user-agent');
      return { trustBrowser: userAgent === undefined ? {} : { userAgent } };
    }

    /** Rejects a change that requires a code first (403). Runs before the API, so that no override is reached without one. */
    private async allowed(request: TotpRequest, change: DeviceChange, api: () => unknown): Promise<unknown> {
      const { session } = request;
      try {
        await this.totp.requireStepUp({ userId: session.getUserId(), session: await session.acting(), change });
        return await this.answered(request, await api());
      } catch (error) {
        if (!(error instanceof TotpStepUpRequiredError)) throw error;
        await this.headers.write(request.context, session);
        throw refusal('no-code');
      }
    }

    /** Not an interceptor, which would send every request through RxJS for headers that few answers have. */
    private async answered({ session, context, raw, response }: TotpRequest, answer: unknown): Promise<unknown> {
      await this.headers.write(context, session);
      const wait = retryAfter(answer);
      if (wait !== undefined) this.host.httpAdapter.setHeader(response, 'Retry-After', wait);
      const token = textProperty(answer, 'trustToken');
      if (token === undefined || keepsTokenItself(raw)) return answer;
      const { policy, trustCookie: cookie } = this.config;
      const header = trustCookie(raw, token, policy.trustLifetimeMs, cookie);
      this.host.httpAdapter.appendHeader(response, 'Set-Cookie', header);
      // Left out of the JSON.
      return Object.assign({}, answer, { trustToken: undefined });
    }
  }
  const { prototype } = TotpController;
  describeRoutes(TotpController);
  built.set(TotpController, { prototype, members: Object.getOwnPropertyDescriptors(prototype) });
  return TotpController;
}

/**
 * Removes the handlers whose API is switched off, so that the application answers 404.
 *
 * Called before Nest reads the routes from the class. An application that is built a second time may have other APIs, so
 * removed handlers are also restored.
 */
export function serveRoutes(controller: Type<object>, api: APIInterface): void {
  const { prototype, members } = built.get(controller) ?? { prototype: {}, members: {} };
  for (const name of Object.keys(ROUTES)) {
    const handler = members[name];
    if (property(api, name) === undefined) Reflect.deleteProperty(prototype, name);
    else if (handler !== undefined) Object.defineProperty(prototype, name, handler);
  }
}
