/** Changing the password, which takes a code of the last twenty minutes. */
import { Body, Controller, Get, Post, Req, Res, UseGuards } from '@nestjs/common';
import { type Response } from 'express';
import { RequireTotp, TotpClock, TotpGuard } from 'nestjs-totp';
import { OwnersMail } from '../mail/owners-mail.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { SignedInGuard } from '../sessions/signed-in.guard.js';
import { type TotpRequest, TotpSessionGuard } from '../sessions/totp-session.guard.js';
import { UsersService } from '../users/users.service.js';
import { SENSITIVE_MAX_AGE } from './destination.js';
import { formText } from './form-text.js';
import { SignedInPages } from './signed-in-pages.js';

@Controller('password')
@UseGuards(SignedInGuard, TotpGuard, TotpSessionGuard)
@RequireTotp({ maxAge: SENSITIVE_MAX_AGE })
export class PasswordController {
  constructor(
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly mail: OwnersMail,
    private readonly pages: SignedInPages,
    private readonly clock: TotpClock,
  ) {}

  @Get()
  async form(@Req() request: TotpRequest, @Res() response: Response): Promise<void> {
    await this.pages.show(request, response, 'password', {});
  }

  @Post()
  async change(@Req() request: TotpRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const [current, password] = [formText(body, 'current'), formText(body, 'password')];
    const errors = await this.users.changePassword(request.user, current, password);
    if (errors !== undefined) {
      response.status(422);
      await this.pages.show(request, response, 'password', { errors });
      return;
    }
    // Somebody who knows the old password may be signed in with it.
    await this.sessions.endOthers(request.user.id, request.session.handle);
    await this.mail.passwordChanged(request.user.id, this.clock.now());
    const text = 'Your password is changed, and your other sessions have ended.';
    await this.sessions.tell(request, { tone: 'good', text });
    response.redirect(303, '/security');
  }
}
