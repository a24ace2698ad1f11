/** Adds what every page after the password shows: who is signed in, and the module's last events. */
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import { EventFeed } from '../events/event-feed.js';
import { type SignedInRequest } from '../sessions/signed-in.guard.js';

@Injectable()
export class SignedInPage implements NestInterceptor<object, object> {
  constructor(private readonly feed: EventFeed) {}

  intercept(context: ExecutionContext, next: CallHandler<object>): Observable<object> {
    const { user } = context.switchToHttp().getRequest<SignedInRequest>();
    return next
      .handle()
      .pipe(map((data) => ({ ...data, user: { email: user.email }, events: this.feed.recent(user.id) })));
  }
}
