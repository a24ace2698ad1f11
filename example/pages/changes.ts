/** Makes changes of the second factor, which need a fresh code. */
import { Injectable } from '@nestjs/common';
import { type Response } from 'express';
import { type ActingSession, TotpArgumentError, TotpStepUpRequiredError } from 'nestjs-totp';
import { type Flash, type PendingChange } from '../sessions/flash.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { type TotpRequest } from '../sessions/totp-session.guard.js';
import { formText } from './form-text.js';
import { SecondStep } from './second-step.js';

@Injectable()
export class Changes {
  constructor(
    private readonly secondStep: SecondStep,
    private readonly sessions: SessionsService,
  ) {}

  /**
   * Makes a change, and asks for a fresh code first where the module wants one.
   *
   * @param make resolves to the message for the page, or to undefined when it has answered the request itself
   */
  async make(
    request: TotpRequest,
    response: Response,
    body: unknown,
    pending: PendingChange,
    make: (session: ActingSession) => Promise<Flash | undefined>,
  ): Promise<void> {
    if (has(body, 'code')) {
      const outcome = await this.secondStep.verify(request, formText(body, 'code'));
      if (outcome.status === 'refused' || outcome.status === 'locked') {
        const text = outcome.status === 'refused' ? outcome.text : '';
        await this.sessions.tell(request, { tone: 'bad', form: 'code', text, pending });
        response.redirect(303, '/security/verify');
        return;
      }
    }
    try {
      const flash = await make(await request.totp.acting());
      if (flash === undefined) return;
      await this.sessions.tell(request, flash);
    } catch (error) {
      if (error instanceof TotpStepUpRequiredError) {
        await this.sessions.tell(request, { tone: 'good', text: '', pending });
        response.redirect(303, '/security/verify');
        return;
      }
      if (!(error instanceof TotpArgumentError)) throw error;
      const { deviceName: device, newDeviceName: entered = device } = pending.fields;
      const text = 'This name cannot be used. Choose one of at most 256 characters.';
      await this.sessions.tell(request, { tone: 'bad', form: pending.action, device, entered, text });
    }
    response.redirect(303, '/security');
  }
}

export function has(body: unknown, field: string): boolean {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, field);
}
