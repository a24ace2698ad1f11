/** The pages behind the sign-in. */
import { Controller, Get, Redirect, Render, Req, UseGuards, UseInterceptors } from '@nestjs/common';
import { RequireTotp, TotpGuard, TotpService } from 'nestjs-totp';
import { SignedInGuard, type SignedInRequest } from '../sessions/signed-in.guard.js';
import { SignedInPage } from './signed-in-page.js';

@Controller()
@UseGuards(SignedInGuard, TotpGuard)
@UseInterceptors(SignedInPage)
export class PagesController {
  constructor(private readonly totp: TotpService) {}

  @Get()
  @Redirect('/security')
  start(): void {
    // The guards decide whether it is the sign-in page, or the page for the code.
  }

  @Get('security')
  @RequireTotp()
  @Render('security')
  security(): object {
    return {};
  }

  /** Who has no authenticator passes the guard (`enrolment: 'optional'`), and is told here that the vault needs one. */
  @Get('vault')
  @RequireTotp({ maxAge: 20 * 60 })
  @Render('vault')
  async vault(@Req() request: SignedInRequest): Promise<object> {
    const { enrolled } = await this.totp.getStatus({ userId: request.user.id });
    return { open: enrolled };
  }
}
