/** Signing in with the password, and signing out. */
import { Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common';
import { type Request, type Response } from 'express';
import { UsersService } from '../users/users.service.js';
import { SESSION_COOKIE } from '../sessions/session-store.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { destination } from './destination.js';
import { formText } from './form-text.js';

@Controller()
export class SignInController {
  constructor(
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
  ) {}

  @Get('sign-in')
  async form(
    @Req() request: Request,
    @Res() response: Response,
    @Query('next') query: unknown,
    @Query('reason') reason: unknown,
  ): Promise<void> {
    const next = destination(query);
    if ((await this.users.ofSession(request.session)) === null) response.render('sign-in', { next, reason });
    else response.redirect(303, next);
  }

  @Post('sign-in')
  async signIn(@Body() body: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const [email, password] = [formText(body, 'email'), formText(body, 'password')];
    const next = destination(formText(body, 'next'));
    const user = await this.users.authenticate(email, password);
    if (user === null) {
      const errors = { form: 'The e-mail address or the password is wrong.' };
      response.status(401).render('sign-in', { email, next, errors });
      return;
    }
    await this.sessions.begin(request, user.id);
    // Whether a code is asked for next is up to the page's TotpGuard.
    response.redirect(303, next);
  }

  @Post('sign-out')
  async signOut(@Req() request: Request, @Res() response: Response): Promise<void> {
    await this.sessions.end(request);
    response.clearCookie(SESSION_COOKIE);
    response.redirect(303, '/sign-in?reason=signed-out');
  }
}
