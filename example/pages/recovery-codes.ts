/** Creates recovery codes, and shows them on the one page that ever does. */
import { Injectable } from '@nestjs/common';
import { type Response } from 'express';
import { type ActingSession, TotpService } from 'nestjs-totp';
import { type Flash } from '../sessions/flash.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { type TotpRequest } from '../sessions/totp-session.guard.js';
import { SignedInPages } from './signed-in-pages.js';

@Injectable()
export class RecoveryCodes {
  constructor(
    private readonly totp: TotpService,
    private readonly pages: SignedInPages,
    private readonly sessions: SessionsService,
  ) {}

  /**
   * Shows a first set, and keeps the message for the page after it.
   *
   * @returns the message when there is a set already
   */
  async showFirst(
    request: TotpRequest,
    response: Response,
    before: ActingSession,
    message: Flash,
  ): Promise<Flash | undefined> {
    const { total } = await this.totp.getRecoveryCodes({ userId: request.user.id });
    if (total > 0) return message;
    // The session has just entered the first code of the authenticator.
    const { completedAt } = await request.totp.acting();
    return this.showNew(request, response, { ...before, completedAt }, message, true);
  }

  /**
   * Shows a new set, and keeps the message for the page after it.
   *
   * @param first whether it is the last step of adding the first authenticator
   * @returns a message for another page when there is no set to show
   */
  async showNew(
    request: TotpRequest,
    response: Response,
    session: ActingSession,
    message: Flash,
    first = false,
  ): Promise<Flash | undefined> {
    const answer = await this.totp.createRecoveryCodes({ userId: request.user.id, session });
    if (answer.status !== 'OK') return { tone: 'bad', text: 'Add an authenticator first.' };
    await this.sessions.tell(request, message);
    await this.pages.show(request, response, 'recovery-codes', { codes: answer.recoveryCodes, first }, message);
    return undefined;
  }
}
