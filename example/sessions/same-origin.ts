/** Refuses requests that another site makes in a visitor's name. */
import { ForbiddenException } from '@nestjs/common';
import { type NextFunction, type Request, type Response } from 'express';

const READS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Every browser sends `Origin` with a request that changes something. The session cookie is `SameSite=Lax`; this also
 * covers other ports and subdomains of the same site.
 */
export function sameOrigin(request: Request, _response: Response, next: NextFunction): void {
  if (READS.includes(request.method)) {
    next();
    return;
  }
  const { origin } = request.headers;
  // `request.host` is what a trusted proxy forwarded, or else the Host header.
  const same = origin !== undefined && URL.canParse(origin) && new URL(origin).host === request.host;
  next(same ? undefined : new ForbiddenException('This request did not come from a page of this site.'));
}
