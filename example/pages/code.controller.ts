/** The second step of signing in: a code from the authenticator app. */
import { Body, Controller, Get, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import { type Response } from 'express';
import { InjectTotpOptions, TotpClock, type TotpConfig, TotpService } from 'nestjs-totp';
import { SessionsService } from '../sessions/sessions.service.js';
import { SignedInGuard, type SignedInRequest } from '../sessions/signed-in.guard.js';
import { type TotpRequest, TotpSessionGuard } from '../sessions/totp-session.guard.js';
import { destination, isFresh } from './destination.js';
import { formText } from './form-text.js';
import { SecondStep } from './second-step.js';
import { SignedInPages } from './signed-in-pages.js';

@Controller('code')
@UseGuards(SignedInGuard, TotpSessionGuard)
export class CodeController {
  constructor(
    private readonly secondStep: SecondStep,
    private readonly sessions: SessionsService,
    private readonly pages: SignedInPages,
    private readonly totp: TotpService,
    private readonly clock: TotpClock,
    @InjectTotpOptions() private readonly config: TotpConfig,
  ) {}

  @Get()
  async form(@Req() request: TotpRequest, @Res() response: Response, @Query('next') query: unknown): Promise<void> {
    const next = destination(query);
    const { enrolled } = await this.totp.getStatus({ userId: request.user.id });
    // No code is needed: the second step was taken already (the Back button leads here), or there is no authenticator.
    if (!enrolled || isFresh(await request.totp.getCompletedAt(), this.clock.now(), next)) {
      response.redirect(303, next);
      return;
    }
    const retryAfterMs = await this.secondStep.remainingWait(request.user.id);
    await this.pages.show(request, response, 'code', { next, retryAfterMs });
  }

  @Post()
  async verify(@Req() request: TotpRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const next = destination(formText(body, 'next'));
    const userAgent = request.headers['user-agent'];
    const trust = formText(body, 'trust') === '' ? undefined : userAgent === undefined ? {} : { userAgent };
    const outcome = await this.secondStep.verify(request, formText(body, 'totp'), trust);
    if (outcome.status === 'accepted' || outcome.status === 'missing') {
      if (outcome.status === 'accepted' && outcome.trustToken !== undefined) {
        this.keepToken(request, response, outcome.trustToken);
      }
      // Whether the code opens the page is up to the page's TotpGuard.
      response.redirect(303, next);
      return;
    }
    if (outcome.status === 'refused') {
      await this.sessions.tell(request, { tone: 'bad', form: 'code', text: outcome.text });
    }
    response.redirect(303, `/code?next=${encodeURIComponent(next)}`);
  }

  /** As the module's own routes do: scripts cannot read the cookie, and over HTTPS it is sent over HTTPS only. */
  private keepToken(request: TotpRequest, response: Response, token: string): void {
    const { policy, trustCookie } = this.config;
    response.cookie(trustCookie.name, token, {
      httpOnly: true,
      sameSite: 'lax',
      secure: request.secure,
      maxAge: policy.trustLifetimeMs,
    });
  }

  /** How long codes are refused, for open pages: a lock may have begun or ended elsewhere. */
  @Get('wait')
  async wait(@Req() request: SignedInRequest): Promise<object> {
    return { retryAfterMs: await this.secondStep.remainingWait(request.user.id) };
  }
}
