/** Answers with a page when a page is refused or goes wrong; requests for data get Nest's JSON. */
import {
  type ArgumentsHost,
  Catch,
  ForbiddenException,
  HttpException,
  Logger,
  UnauthorizedException,
} from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { type Request, type Response } from 'express';
import { SESSION_COOKIE } from '../sessions/session-store.js';
import { UsersService } from '../users/users.service.js';
import { destination } from './destination.js';
import { formText } from './form-text.js';

@Catch()
export class PageErrors extends BaseExceptionFilter {
  private readonly log = new Logger('Keepsake');

  constructor(
    { httpAdapter }: HttpAdapterHost,
    private readonly users: UsersService,
  ) {
    super(httpAdapter);
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    // The module's routes answer in JSON to every client.
    const wantsPage = !request.path.startsWith('/totp/') && request.accepts(['html', 'json']) === 'html';
    if (!wantsPage || response.headersSent) {
      super.catch(error, host);
      return;
    }
    const next = encodeURIComponent(wantedPage(request));
    // A browser that still has the cookie was signed in: the session expired, or was ended elsewhere.
    const reason = request.headers.cookie?.includes(`${SESSION_COOKIE}=`) ? '&reason=ended' : '';
    if (error instanceof UnauthorizedException) response.redirect(303, `/sign-in?next=${next}${reason}`);
    else if (needsCode(error)) response.redirect(303, `/code?next=${next}`);
    else void this.showPage(error, request, response);
  }

  private async showPage(error: unknown, request: Request, response: Response): Promise<void> {
    const status = error instanceof HttpException ? error.getStatus() : 500;
    if (status >= 500) this.log.error(error);
    // No guard ran for an address that does not exist, and the database may be what failed.
    const user = await this.users.ofSession(request.session).catch(() => null);
    response.status(status).render('error', { ...words(status, error), user });
  }
}

function words(status: number, error: unknown): { title: string; message: string } {
  if (status === 404) return { title: 'Page not found', message: 'There is no page at this address.' };
  if (status < 500 && error instanceof HttpException) return { title: 'Not allowed', message: error.message };
  return { title: 'Something went wrong', message: 'This is our fault, not yours. Try again in a moment.' };
}

/** The page that a person was on the way to: itself, or what the code was asked for. */
function wantedPage(request: Request): string {
  if (request.path !== '/code') return destination(request.path);
  return destination(request.method === 'GET' ? request.query.next : formText(request.body, 'next'));
}

/** Whether the module's TotpGuard refused: its 403 names the claim that the session lacks. */
function needsCode(error: unknown): boolean {
  if (!(error instanceof ForbiddenException)) return false;
  const body = error.getResponse();
  return typeof body === 'object' && 'claimValidationErrors' in body;
}
