/** Signing in, with the password and then with a code, and signing out. */
import {
  Body,
  Controller,
  Get,
  Post,
  Query,
  Redirect,
  Render,
  Req,
  Res,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { type Request, type Response } from 'express';
import { TotpClock, TotpService } from 'nestjs-totp';
import { SignedInPage } from './signed-in-page.js';
import { formText } from './form-text.js';
import { UsersService } from '../users/users.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { SignedInGuard, type SignedInRequest } from '../sessions/signed-in.guard.js';

/** Where a person wanted to go. Only these: a link to the sign-in page must not lead elsewhere afterwards. */
const DESTINATIONS = ['/security', '/vault'];
const FIRST_DESTINATION = '/security';

@Controller()
export class SignInController {
  constructor(
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly totp: TotpService,
    private readonly clock: TotpClock,
  ) {}

  @Get('sign-in')
  @Render('sign-in')
  signInForm(@Query('next') next: unknown, @Query('signed-out') signedOut: unknown): object {
    return { next: destination(next), signedOut: signedOut !== undefined };
  }

  @Post('sign-in')
  async signIn(@Body() body: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const [email, password, next] = [formText(body, 'email'), formText(body, 'password'), formText(body, 'next')];
    const user = await this.users.authenticate(email, password);
    if (user === null) {
      const errors = { form: 'The e-mail address or the password is wrong.' };
      response.status(401).render('sign-in', { email, next: destination(next), errors });
      return;
    }
    await this.sessions.begin(request, user.id);
    // Whether a code is asked for next is up to the page's TotpGuard.
    response.redirect(303, destination(next));
  }

  @Post('sign-out')
  @Redirect('/sign-in?signed-out', 303)
  async signOut(@Req() request: Request): Promise<void> {
    await this.sessions.end(request);
  }

  @Get('code')
  @Render('code')
  @UseGuards(SignedInGuard)
  @UseInterceptors(SignedInPage)
  async code(@Req() request: SignedInRequest, @Query('next') next: unknown): Promise<object> {
    return { next: destination(next), retryAfterMs: await this.remainingWait(request.user.id) };
  }

  /** How long no code is taken: asked for after the last try was spent. */
  @Get('code/wait')
  @UseGuards(SignedInGuard)
  async wait(@Req() request: SignedInRequest): Promise<object> {
    return { retryAfterMs: await this.remainingWait(request.user.id) };
  }

  private async remainingWait(userId: string): Promise<number> {
    const { lock } = await this.totp.getStatus({ userId });
    if (lock === null) return 0;
    // A lock without an end is over when an administrator unlocks the user: look again in a day.
    return lock.until === null ? 86_400_000 : Math.max(0, lock.until - this.clock.now());
  }
}

function destination(next: unknown): string {
  return typeof next === 'string' && DESTINATIONS.includes(next) ? next : FIRST_DESTINATION;
}
