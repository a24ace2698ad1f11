/** Answers with a page when a page is refused or goes wrong; requests for data get Nest's JSON. */
import {
  type ArgumentsHost,
  Catch,
  ForbiddenException,
  HttpException,
  Logger,
  UnauthorizedException,
} from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { type Request, type Response } from 'express';

@Catch()
export class PageErrors extends BaseExceptionFilter {
  private readonly log = new Logger('Keepsake');

  override catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    // The module's routes answer in JSON, whoever asks.
    const wantsPage = !request.path.startsWith('/totp/') && request.accepts(['html', 'json']) === 'html';
    if (!wantsPage || response.headersSent) {
      super.catch(error, host);
      return;
    }
    const next = encodeURIComponent(request.path);
    if (error instanceof UnauthorizedException) response.redirect(303, `/sign-in?next=${next}`);
    else if (needsCode(error)) response.redirect(303, `/code?next=${next}`);
    else this.showPage(error, response);
  }

  private showPage(error: unknown, response: Response): void {
    const status = error instanceof HttpException ? error.getStatus() : 500;
    if (status === 404) {
      response.status(404).render('error', { title: 'Not here', message: 'There is no page at this address.' });
    } else if (error instanceof HttpException && status < 500) {
      response.status(status).render('error', { title: 'Refused', message: error.message });
    } else {
      this.log.error(error);
      response
        .status(500)
        .render('error', { title: 'Something broke', message: 'It is our fault. Try again in a moment.' });
    }
  }
}

/** Whether the module's TotpGuard refused: its 403 names the claim that the session lacks. */
function needsCode(error: unknown): boolean {
  if (!(error instanceof ForbiddenException)) return false;
  const body = error.getResponse();
  return typeof body === 'object' && 'claimValidationErrors' in body;
}
