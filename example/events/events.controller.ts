/** Sends a signed-in person's own events to their open pages (server-sent events). */
import { Controller, type MessageEvent, Req, Sse, UseGuards } from '@nestjs/common';
import { map, type Observable, takeUntil } from 'rxjs';
import { renderPart } from '../pages/views.js';
import { type SignedInRequest, SignedInGuard } from '../sessions/signed-in.guard.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { EventFeed } from './event-feed.js';

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
      takeUntil(this.sessions.ended(request.session.handle)),
      map((entry) => ({ data: renderPart('event', entry) })),
    );
  }
}
