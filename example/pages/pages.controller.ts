/** A page that needs the second factor: the vault. */
import { Controller, Get, Req, Res, UseGuards } from '@nestjs/common';
import { type Response } from 'express';
import { RequireTotp, TotpGuard, TotpService } from 'nestjs-totp';
import { SignedInGuard } from '../sessions/signed-in.guard.js';
import { type TotpRequest, TotpSessionGuard } from '../sessions/totp-session.guard.js';
import { SENSITIVE_MAX_AGE } from './destination.js';
import { SignedInPages } from './signed-in-pages.js';

@Controller()
@UseGuards(SignedInGuard, TotpGuard, TotpSessionGuard)
export class PagesController {
  constructor(
    private readonly totp: TotpService,
    private readonly pages: SignedInPages,
  ) {}

  /** People without an authenticator pass the guard (`enrolment: 'optional'`); the page says that the vault needs one. */
  @Get('vault')
  @RequireTotp({ maxAge: SENSITIVE_MAX_AGE })
  async vault(@Req() request: TotpRequest, @Res() response: Response): Promise<void> {
    const { enrolled } = await this.totp.getStatus({ userId: request.user.id });
    await this.pages.show(request, response, 'vault', { open: enrolled });
  }
}
