/** Builds the 401 and 403 responses in the form that SuperTokens' front ends expect. */
import { ForbiddenException, UnauthorizedException } from '@nestjs/common';

/** Shown to users by SuperTokens' front ends. */
export const ENTER_CODE = 'Enter the code from your authenticator app.';
export const SET_UP_DEVICE = 'Set up an authenticator app first.';

/** For a request without a signed-in user. */
export function unauthorised(): UnauthorizedException {
  return new UnauthorizedException({ message: 'unauthorised' });
}

/** For a session whose user must first do what the message says. */
export function invalidClaim(message: string): ForbiddenException {
  return new ForbiddenException({
    message: 'invalid claim',
    claimValidationErrors: [{ id: 'st-mfa', reason: { message, factorId: 'totp' } }],
  });
}
