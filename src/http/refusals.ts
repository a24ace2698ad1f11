/** How a request is refused, in the words that SuperTokens' front ends know. */
import { ForbiddenException, UnauthorizedException } from '@nestjs/common';

/** Nobody is signed in. */
export function unauthorised(): UnauthorizedException {
  return new UnauthorizedException({ message: 'unauthorised' });
}

/** The session has not completed TOTP, or not lately enough. */
export function invalidClaim(message: string): ForbiddenException {
  return new ForbiddenException({
    message: 'invalid claim',
    claimValidationErrors: [{ id: 'st-mfa', reason: { message, factorId: 'totp' } }],
  });
}
