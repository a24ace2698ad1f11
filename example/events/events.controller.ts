/** Sends a signed-in person's own events to their open pages (server-sent events). */
import { Controller, type MessageEvent, Req, Sse, UseGuards } from '@nestjs/common';
import { map, merge, type Observable, takeUntil, timer } from 'rxjs';
import { renderPart } from '../pages/views.js';
import { type SignedInRequest, SignedInGuard } from '../sessions/signed-in.guard.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { EventFeed } from './event-feed.js';

/** After this many milliseconds the browser has to connect anew, so that the guard looks at the session again. */
const LONGEST = 10 * 60 * 1000;

@Controller()
@UseGuards(SignedInGuard)
export class EventsController {
  constructor(
    private readonly feed: EventFeed,
    private readonly sessions: SessionsService,
  ) {}

  @Sse('events')
  events(@Req() request: SignedInRequest): Observable<MessageEvent> {
    return this.feed.follow(request.user.id).pipe(
      takeUntil(merge(this.sessions.ended(request.session.handle), timer(LONGEST))),
      map((entry) => ({ data: renderPart('event', entry) })),
    );
  }
}
