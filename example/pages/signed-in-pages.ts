/** Renders the pages of signed-in people: with their name, a message about what they just did, and their account's events. */
import { Injectable } from '@nestjs/common';
import { type Response } from 'express';
import { TotpService } from 'nestjs-totp';
import { DemoTools } from '../demo/demo-tools.js';
import { EventFeed } from '../events/event-feed.js';
import { type Flash, takeFlash } from '../sessions/flash.js';
import { type TotpRequest } from '../sessions/totp-session.guard.js';

@Injectable()
export class SignedInPages {
  constructor(
    private readonly feed: EventFeed,
    private readonly totp: TotpService,
    private readonly demo: DemoTools,
  ) {}

  /** @param flash the message to show; by default the one that the last form left, which is then gone */
  async show(
    request: TotpRequest,
    response: Response,
    view: string,
    data: object,
    flash: Flash | undefined = takeFlash(request),
  ): Promise<void> {
    const { user, session } = request;
    const { enrolled } = await this.totp.getStatus({ userId: user.id });
    // Events name devices and tell when codes are used: the password alone does not show them once there is an authenticator.
    const mayWatch = !enrolled || (await request.totp.getCompletedAt()) !== undefined;
    response.render(view, {
      ...data,
      flash,
      user: { email: user.email },
      events: mayWatch ? this.feed.recent(user.id) : undefined,
      demo: this.demo.of(request),
      canAttack: enrolled && mayWatch,
      startedAt: this.feed.startedAt,
      // One connection serves all open pages of this session: they find each other by this name.
      channel: session.handle,
    });
  }
}
