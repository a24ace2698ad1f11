/** The last requests of a session, for an open page to bring its list up to date. */
import { Controller, Get, Header, Req, UseGuards } from '@nestjs/common';
import { renderPart } from '../pages/views.js';
import { SignedInGuard, type SignedInRequest } from '../sessions/signed-in.guard.js';
import { RequestLog } from './request-log.js';

@Controller('demo/requests')
@UseGuards(SignedInGuard)
export class RequestsController {
  constructor(private readonly log: RequestLog) {}

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  list(@Req() { session }: SignedInRequest): string {
    return renderPart('demo-requests', { requests: this.log.ofSession(session.handle) });
  }
}
