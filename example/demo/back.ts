/** Leads back to the page that a form of the demo tools was on. */
import { type Request, type Response } from 'express';

/** The page is in the `Referer`, which may be of this site only: a request must not lead elsewhere. */
export function back(request: Request, response: Response): void {
  const { referer = '' } = request.headers;
  const page = URL.canParse(referer) ? new URL(referer) : undefined;
  response.redirect(303, page?.host === request.host ? page.pathname + page.search : '/');
}
