/** The support desk: finds an account, and helps its owner. Every act has a reason, which its event carries. */
import { Body, Controller, Get, HttpCode, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import { type Response } from 'express';
import { type OperatorContext, TotpService } from 'nestjs-totp';
import { formText } from '../pages/form-text.js';
import { UsersService } from '../users/users.service.js';
import { SupportGuard, type SupportRequest } from './support.guard.js';

interface Message {
  tone: 'good' | 'bad';
  text: string;
  /** A temporary code, which is shown only once. */
  code?: string;
}

@Controller('support')
@UseGuards(SupportGuard)
export class SupportController {
  constructor(
    private readonly users: UsersService,
    private readonly totp: TotpService,
  ) {}

  @Get()
  async page(@Req() request: SupportRequest, @Res() response: Response, @Query('email') email: unknown): Promise<void> {
    await this.show(request, response, typeof email === 'string' ? email : '');
  }

  @Post('unlock')
  @HttpCode(200)
  unlock(@Req() request: SupportRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    return this.act(request, response, body, async (operator) => {
      const { wasLocked } = await this.totp.unlockUser(operator);
      return { tone: 'good', text: wasLocked ? 'The account is unlocked.' : 'The account was not locked.' };
    });
  }

  @Post('remove')
  @HttpCode(200)
  remove(@Req() request: SupportRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    return this.act(request, response, body, async (operator) => {
      const { didDeviceExist } = await this.totp.removeDevice({
        ...operator,
        deviceName: formText(body, 'deviceName'),
        onBehalfOf: 'application',
      });
      return { tone: 'good', text: didDeviceExist ? 'The authenticator was removed.' : 'It was already gone.' };
    });
  }

  @Post('code')
  @HttpCode(200)
  issue(@Req() request: SupportRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    return this.act(request, response, body, async (operator) => {
      const answer = await this.totp.createTemporaryCode(operator);
      if (answer.status !== 'OK')
        return { tone: 'bad', text: 'The account has no authenticator, so the password is enough.' };
      return { tone: 'good', text: 'Valid for one hour, and for one sign-in.', code: answer.temporaryCode };
    });
  }

  /** Does something for the owner of an account, on behalf of the agent and with a reason. */
  private async act(
    request: SupportRequest,
    response: Response,
    body: unknown,
    help: (operator: OperatorContext) => Promise<Message>,
  ): Promise<void> {
    const email = formText(body, 'email');
    const reason = formText(body, 'reason').trim().slice(0, 256);
    const user = await this.users.findByEmail(email);
    const missing: Message = { tone: 'bad', text: 'Write the reason, such as the number of the case.' };
    const message =
      user === null || reason === '' ? missing : await help({ userId: user.id, by: { actor: request.agent, reason } });
    await this.show(request, response, email, message);
  }

  private async show(request: SupportRequest, response: Response, email: string, message?: Message): Promise<void> {
    const user = email === '' ? null : await this.users.findByEmail(email);
    const status = user && (await this.totp.getStatus({ userId: user.id }));
    response.render('support', {
      agent: request.agent,
      email,
      account: user && { email: user.email, status },
      message,
    });
  }
}
