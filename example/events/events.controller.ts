/** Sends a person's own events to their open pages (server-sent events). */
import { Controller, type MessageEvent, Req, Sse, UseGuards } from '@nestjs/common';
import { RequireTotp, TotpGuard } from 'nestjs-totp';
import { concatMap, filter, interval, map, merge, type Observable, take, takeUntil, takeWhile, timer } from 'rxjs';
import { renderPart } from '../pages/views.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { SignedInGuard, type SignedInRequest } from '../sessions/signed-in.guard.js';
import { EventFeed } from './event-feed.js';

/** In milliseconds: how often a stream looks whether its session has expired, or was ended by another process. */
const SESSION_CHECK = 15_000;
/** After this many milliseconds the browser has to connect again, so that the guards run again. */
const LONGEST = 10 * 60 * 1000;

/** Events name devices and tell when codes are used: once there is an authenticator, the password alone does not show them. */
@Controller()
@UseGuards(SignedInGuard, TotpGuard)
@RequireTotp()
export class EventsController {
  constructor(
    private readonly feed: EventFeed,
    private readonly sessions: SessionsService,
  ) {}

  @Sse('events')
  events(@Req() { user, session, sessionID }: SignedInRequest): Observable<MessageEvent> {
    const expired = interval(SESSION_CHECK).pipe(
      concatMap(() => this.sessions.isOpen(sessionID)),
      filter((isOpen) => !isOpen),
    );
    // The browser connects again after each of these, and the guards decide again.
    const ended = merge(
      this.sessions.changesOf(session.handle),
      this.feed.confirmations(user.id),
      expired,
      timer(LONGEST),
    ).pipe(take(1));
    return this.feed.follow(user.id).pipe(
      concatMap(async (entry) => ({ entry, isOpen: await this.sessions.isOpen(sessionID) })),
      takeWhile(({ isOpen }) => isOpen),
      takeUntil(ended),
      map(({ entry }) => ({ data: renderPart('event', entry) })),
    );
  }
}
