import {
  type CanActivate,
  Controller,
  Get,
  Header,
  HttpCode,
  Inject,
  Post,
  type Type,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { HttpAdapterHost } from '@nestjs/core';
import type { DeviceChange } from '../accounts/step-up.js';
import { TotpStepUpRequiredError } from '../shared/errors.js';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { TotpService } from '../recipe/totp.service.js';
import { OwnRoute } from './fastify.js';
import { property } from '../shared/unknown.js';
import { invalidClaim } from './refusals.js';
import { deviceName, optionalDeviceName, totpCode } from './requests.js';
import { retryAfter } from './retry-after.js';
import { CurrentRequest, type TotpRequest, TotpSessionGuard } from './session-guard.js';
import { type APIInput, type APIInterface, TotpApi } from './totp.api.js';
import { WithoutTotp } from './totp.guard.js';

/** Where each API stands, below the module's own path. */
const ROUTES = {
  createDevicePOST: 'device',
  listDevicesGET: 'device/list',
  removeDevicePOST: 'device/remove',
  verifyDevicePOST: 'device/verify',
  updateDevicePOST: 'device/rename',
  verifyTOTPPOST: 'verify',
} as const satisfies Record<keyof APIInterface, string>;

/**
 * The controller of the module's routes: who asks (401), is the body well-formed (400), may this session do this (403), and
 * then the API. A class of its own for each registration, since paths and guards belong to the class.
 *
 * @param path where the routes stand
 * @param guards of the application, which run before the module's own
 */
export function createTotpController(path: string, guards: readonly Type<CanActivate>[]): Type<object> {
  @Controller({ path, version: VERSION_NEUTRAL })
  @UseGuards(...guards, TotpSessionGuard)
  @WithoutTotp()
  class TotpController {
    constructor(
      @Inject(TotpApi) private readonly api: TotpApi,
      @Inject(TotpService) private readonly totp: TotpService,
      @Inject(TOTP_OPTIONS) private readonly config: TotpConfig,
      @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    ) {}

    @Post(ROUTES.createDevicePOST)
    @HttpCode(200)
    @OwnRoute()
    @Header('Cache-Control', 'no-store')
    async createDevicePOST(@CurrentRequest() request: TotpRequest) {
      const name = optionalDeviceName(request.fields());
      const input = this.input(request);
      return this.allowed(request, { kind: 'create' }, () =>
        this.api.createDevicePOST?.({ ...input, ...(name === undefined ? {} : { deviceName: name }) }),
      );
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
      const input = { ...this.input(request), deviceName: name, totp: totpCode(fields) };
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
      const totp = totpCode(request.fields());
      return this.answered(request, await this.api.verifyTOTPPOST?.({ ...this.input(request), totp }));
    }

    private input({ session, raw }: TotpRequest): APIInput {
      return {
        session,
        userContext: { _default: { request: raw } },
        options: { recipeImplementation: this.totp, config: this.config, recipeId: 'totp', req: raw },
      };
    }

    /** Asks for a code first (403) where the change needs one: before the API, so that no override can be reached without. */
    private async allowed<T>(request: TotpRequest, change: DeviceChange, api: () => T): Promise<Awaited<T>> {
      const { session } = request;
      try {
        await this.totp.requireStepUp({ userId: session.getUserId(), session: await session.acting(), change });
        return this.answered(request, await api());
      } catch (error) {
        if (error instanceof TotpStepUpRequiredError) throw invalidClaim('a code of your authenticator is required');
        throw error;
      }
    }

    /** Here and not in an interceptor: one alone puts every request through RxJS, for a header that few answers have. */
    private answered<T>({ response }: TotpRequest, answer: T): T {
      const wait = retryAfter(answer);
      if (wait !== undefined) this.host.httpAdapter.setHeader(response, 'Retry-After', wait);
      return answer;
    }
  }
  return TotpController;
}

/**
 * Registers the routes whose API is there, and no others: where one is undefined, the application's own 404 answers. Nest
 * calls for it just before it reads the routes off the class; an application that is built again may have other APIs.
 */
export function serveRoutes(controller: Type<object>, api: APIInterface): void {
  const prototype: unknown = controller.prototype;
  for (const [name, path] of Object.entries(ROUTES)) {
    const handler = property(prototype, name);
    if (typeof handler !== 'function') continue;
    if (property(api, name) === undefined) Reflect.deleteMetadata(PATH_METADATA, handler);
    else Reflect.defineMetadata(PATH_METADATA, path, handler);
  }
}
