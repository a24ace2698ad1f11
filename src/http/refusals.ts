/** How a request is refused, in the form that SuperTokens' front ends know. */
import { ForbiddenException, UnauthorizedException } from '@nestjs/common';

/** Shown to users by SuperTokens' front ends. */
export const ENTER_CODE = 'Enter the code from your authenticator app.';
export const SET_UP_DEVICE = 'Set up an authenticator app first.';

/** Nobody is signed in. */
export function unauthorised(): UnauthorizedException {
  return new UnauthorizedException({ message: 'unauthorised' });
}

/** The session may not do this before the user has done what the message says. */
export function invalidClaim(message: string): ForbiddenException {
  return new ForbiddenException({
    message: 'invalid claim',
    claimValidationErrors: [{ id: 'st-mfa', reason: { message, factorId: 'totp' } }],
  });
}
