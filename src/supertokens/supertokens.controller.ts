/** The routes that SuperTokens' pre-built screens call besides those of its TOTP recipe. */
import {
  type CanActivate,
  Controller,
  HttpCode,
  Inject,
  Post,
  Put,
  type Type,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { CurrentRequest, NoStoreGuard, type TotpRequest } from '../http/current-request.js';
import { OwnRoute } from '../http/own-route.js';
import { TotpService } from '../recipe/totp.service.js';
import { WithoutTotp } from '../sessions/require-totp.js';
import type { SessionContainer } from '../sessions/session.js';
import { TotpSessionGuard } from '../sessions/session-guard.js';
import { SessionHeaderWriter } from '../sessions/session-headers.js';
import { TotpStepUpRequiredError } from '../shared/errors.js';
import { REMOVED } from './front-token.js';
import { SessionFactors } from './session-factors.js';
import { SuperTokensSignOut } from './sign-out.js';

/** The answer of `PUT /mfa/info`, as in SuperTokens' MultiFactorAuth recipe. */
interface MFAInfo {
  readonly status: 'OK';
  readonly factors: {
    /** `['totp']` when the user has a verified device. */
    readonly alreadySetup: readonly 'totp'[];
    /** `['totp']` when the session may set up a device now. */
    readonly allowedToSetup: readonly 'totp'[];
    /** `['totp']` while the session lacks a code, or the user the device that they must have. */
    readonly next: readonly 'totp'[];
  };
  readonly emails: Readonly<Record<string, never>>;
  readonly phoneNumbers: Readonly<Record<string, never>>;
}

/**
 * Creates the controller of the routes. A front end that gets a 401 from `session/refresh` forgets the session by itself.
 *
 * @param paths where the routes are mounted: `apiBasePath` in the configuration of the front end
 * @param guards the application's guards, which run before the module's own
 */
export function createSuperTokensController(
  paths: readonly string[],
  guards: readonly Type<CanActivate>[],
): Type<object> {
  @Controller({ path: [...paths], version: VERSION_NEUTRAL })
  @UseGuards(NoStoreGuard, ...guards, TotpSessionGuard)
  @WithoutTotp()
  class SuperTokensController {
    constructor(
      @Inject(TotpService) private readonly totp: TotpService,
      @Inject(SessionFactors) private readonly factors: SessionFactors,
      @Inject(SessionHeaderWriter) private readonly headers: SessionHeaderWriter,
      @Inject(SuperTokensSignOut) private readonly application: SuperTokensSignOut,
      @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    ) {}

    @Put('mfa/info')
    @OwnRoute()
    async mfaInfo(@CurrentRequest() { session, context }: TotpRequest): Promise<MFAInfo> {
      await this.headers.write(context, session);
      const state = { userId: session.getUserId(), tenantId: session.getTenantId(), ...(await session.acting()) };
      const { isEnrolled, isSatisfied } = await this.factors.of(state, context);
      return {
        status: 'OK',
        factors: {
          alreadySetup: isEnrolled ? ['totp'] : [],
          allowedToSetup: (await this.maySetUp(session)) ? ['totp'] : [],
          next: isSatisfied ? [] : ['totp'],
        },
        emails: {},
        phoneNumbers: {},
      };
    }

    /** The session itself is refreshed by the application, if it is at all: here, the front end learns that it still exists. */
    @Post('session/refresh')
    @HttpCode(200)
    @OwnRoute()
    async refresh(@CurrentRequest() { session, context }: TotpRequest) {
      await this.headers.write(context, session);
      return { status: 'OK' };
    }

    @Post('signout')
    @HttpCode(200)
    @OwnRoute()
    async signOut(@CurrentRequest() { session, raw, response }: TotpRequest) {
      await this.application.signOut({ session, request: raw, response });
      this.host.httpAdapter.setHeader(response, 'front-token', REMOVED);
      return { status: 'OK' };
    }

    private async maySetUp(session: SessionContainer): Promise<boolean> {
      try {
        const acting = await session.acting();
        await this.totp.requireStepUp({ userId: session.getUserId(), session: acting, change: { kind: 'create' } });
        return true;
      } catch (error) {
        if (error instanceof TotpStepUpRequiredError) return false;
        throw error;
      }
    }
  }
  Reflect.defineMetadata('swagger/apiExcludeController', [true], SuperTokensController);
  return SuperTokensController;
}
