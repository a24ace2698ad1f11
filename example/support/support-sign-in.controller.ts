/** Signing in to the support desk: with a password of its own, which no account opens. */
import { Body, Controller, Get, Post, Req, Res } from '@nestjs/common';
import { type Request, type Response } from 'express';
import { formText } from '../pages/form-text.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { isSupportPassword } from './support-password.js';

@Controller('support')
export class SupportSignInController {
  constructor(private readonly sessions: SessionsService) {}

  @Get('sign-in')
  form(@Res() response: Response): void {
    response.render('support-sign-in', {});
  }

  @Post('sign-in')
  async signIn(@Req() request: Request, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const agent = formText(body, 'agent').trim().slice(0, 100);
    if (agent === '' || !isSupportPassword(formText(body, 'password'))) {
      const problem = agent === '' ? 'Enter your name.' : 'The password is wrong.';
      response.status(401).render('support-sign-in', { agent, problem });
      return;
    }
    await this.sessions.beginSupport(request, agent);
    response.redirect(303, '/support');
  }

  @Post('sign-out')
  async signOut(@Req() request: Request, @Res() response: Response): Promise<void> {
    await this.sessions.end(request);
    response.redirect(303, '/support/sign-in');
  }
}
