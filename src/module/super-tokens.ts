/** What the option `superTokens` adds to the module: paths, routes and providers, and the check that they fit. */
import type { NestInterceptor, Provider, Type } from '@nestjs/common';
import { SessionHeaders } from '../sessions/session-headers.js';
import { TotpClock } from '../shared/clock.js';
import { property } from '../shared/unknown.js';
import { AttemptsInterceptor } from '../supertokens/attempts.interceptor.js';
import { SuperTokensFrontToken } from '../supertokens/front-token.js';
import { SessionFactors } from '../supertokens/session-factors.js';
import { SuperTokensSignOut } from '../supertokens/sign-out.js';
import { createSuperTokensController } from '../supertokens/supertokens.controller.js';
import type { ResolvedExtras } from './check-options.js';
import { fail } from './schema.js';

/** The last segment of the path of SuperTokens' TOTP recipe, which its front ends append to their `apiBasePath`. */
const RECIPE = 'totp';

/** @throws TotpConfigurationError when the routes could not work */
export function checkSuperTokens({ superTokens, path, controllers, providers }: ResolvedExtras): void {
  const endsSession = providers.some((provider) => property(provider, 'provide') === SuperTokensSignOut);
  if (superTokens === false) {
    if (endsSession) {
      fail(
        'SuperTokensSignOut is provided, but nothing uses it',
        "Write superTokens: {} to serve SuperTokens' pre-built screens, or leave the provider out",
      );
    }
    return;
  }
  if (!controllers) {
    fail('superTokens needs the routes of TOTP, and controllers is false', 'Leave controllers out, or superTokens');
  }
  if (path !== RECIPE && !path.endsWith(`/${RECIPE}`)) {
    fail(
      `path is "${path}", but SuperTokens' front ends call <apiBasePath>/${RECIPE}`,
      `Write path: 'auth/${RECIPE}' for the apiBasePath '/auth'`,
    );
  }
  if (!endsSession) {
    fail(
      'superTokens is on, but nothing ends the sessions of your application when a front end signs a user out',
      'Write a class that extends SuperTokensSignOut, and providers: [{ provide: SuperTokensSignOut, useClass: EndSession }]',
    );
  }
}

/** The paths of the TOTP routes. */
export function totpPaths({ path, superTokens }: ResolvedExtras): readonly string[] {
  if (superTokens === false) return [path];
  return basePaths(path, superTokens.tenantPaths).map((base) => joined(base, RECIPE));
}

export function totpInterceptors({ superTokens }: ResolvedExtras): readonly Type<NestInterceptor>[] {
  return superTokens === false ? [] : [AttemptsInterceptor];
}

/** The controllers besides that of the TOTP routes. */
export function superTokensControllers({ path, superTokens, guards }: ResolvedExtras): Type<object>[] {
  if (superTokens === false) return [];
  return [createSuperTokensController(basePaths(path, superTokens.tenantPaths), guards)];
}

export function superTokensProviders({ superTokens }: ResolvedExtras): Provider[] {
  if (superTokens === false) return [];
  return [
    SessionFactors,
    {
      provide: SuperTokensFrontToken,
      inject: [SessionFactors, TotpClock],
      useFactory: (factors: SessionFactors, clock: TotpClock) =>
        new SuperTokensFrontToken(factors, clock, superTokens.refreshAfter),
    },
    { provide: SessionHeaders, useExisting: SuperTokensFrontToken },
  ];
}

/** Where a front end's `apiBasePath` may point. The tenant in the path is not read: it is that of the session, as in SuperTokens' TOTP recipe. */
function basePaths(path: string, tenantPaths: boolean): readonly string[] {
  const base = path.slice(0, -RECIPE.length).replace(/\/$/, '');
  return tenantPaths ? [base, joined(base, ':tenantId')] : [base];
}

function joined(base: string, segment: string): string {
  return base === '' ? segment : `${base}/${segment}`;
}
