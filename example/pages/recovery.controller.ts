/** Signing in with a recovery code, and the recovery codes and trusted browsers of the security page. */
import { Body, Controller, Get, HttpCode, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import { type Response } from 'express';
import { TotpService } from 'nestjs-totp';
import { SessionsService } from '../sessions/sessions.service.js';
import { SignedInGuard } from '../sessions/signed-in.guard.js';
import { type TotpRequest, TotpSessionGuard } from '../sessions/totp-session.guard.js';
import { Changes } from './changes.js';
import { destination } from './destination.js';
import { formText } from './form-text.js';
import { RecoveryCodes } from './recovery-codes.js';
import { SignedInPages } from './signed-in-pages.js';

@Controller()
@UseGuards(SignedInGuard, TotpSessionGuard)
export class RecoveryController {
  constructor(
    private readonly totp: TotpService,
    private readonly sessions: SessionsService,
    private readonly pages: SignedInPages,
    private readonly changes: Changes,
    private readonly recoveryCodes: RecoveryCodes,
  ) {}

  @Get('code/recovery')
  async form(@Req() request: TotpRequest, @Res() response: Response, @Query('next') query: unknown): Promise<void> {
    await this.pages.show(request, response, 'recovery', { next: destination(query) });
  }

  @Post('code/recovery')
  async verify(@Req() request: TotpRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const next = destination(formText(body, 'next'));
    const answer = await this.totp.verifyRecoveryCode({
      userId: request.user.id,
      recoveryCode: formText(body, 'recoveryCode'),
      session: request.totp,
    });
    if (answer.status === 'INVALID_RECOVERY_CODE_ERROR') {
      const text = 'This recovery code is wrong, or was used before.';
      await this.sessions.tell(request, { tone: 'bad', form: 'recovery', text });
      response.redirect(303, `/code/recovery?next=${encodeURIComponent(next)}`);
      return;
    }
    if (answer.status === 'OK') {
      const left = answer.recoveryCodesLeft === 1 ? 'One code is left.' : `${answer.recoveryCodesLeft} codes are left.`;
      const text = `You signed in with a recovery code. ${left} If your authenticator is lost, remove it and add a new one.`;
      await this.sessions.tell(request, { tone: 'good', text });
    }
    response.redirect(303, '/security');
  }

  @Post('security/recovery-codes')
  @HttpCode(200)
  renew(@Req() request: TotpRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const message = { tone: 'good', text: 'The new codes replace the old ones.' } as const;
    return this.changes.make(request, response, body, { action: 'recovery-codes', fields: {} }, (session) =>
      this.recoveryCodes.showNew(request, response, session, message),
    );
  }

  @Post('security/forget')
  forget(@Req() request: TotpRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const id = formText(body, 'id');
    return this.changes.make(request, response, body, { action: 'forget', fields: { id } }, async (session) => {
      const userId = request.user.id;
      const { forgotten } = await this.totp.forgetTrustedBrowsers({ userId, session, ...(id === '' ? {} : { id }) });
      const text =
        forgotten === 1 ? 'The browser will ask for a code again.' : 'These browsers will ask for a code again.';
      return { tone: 'good', text };
    });
  }
}
