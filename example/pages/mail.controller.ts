/** The mails to the owner of an account, which the example keeps instead of sending them. */
import { Controller, Get, Req, Res, UseGuards } from '@nestjs/common';
import { type Response } from 'express';
import { RequireTotp, TotpGuard } from 'nestjs-totp';
import { OwnersMail } from '../mail/owners-mail.js';
import { SignedInGuard } from '../sessions/signed-in.guard.js';
import { type TotpRequest, TotpSessionGuard } from '../sessions/totp-session.guard.js';
import { SignedInPages } from './signed-in-pages.js';

@Controller('mail')
@UseGuards(SignedInGuard, TotpGuard, TotpSessionGuard)
@RequireTotp()
export class MailController {
  constructor(
    private readonly mail: OwnersMail,
    private readonly pages: SignedInPages,
  ) {}

  @Get()
  async page(@Req() request: TotpRequest, @Res() response: Response): Promise<void> {
    await this.pages.show(request, response, 'mail', { mails: await this.mail.of(request.user.id) });
  }
}
