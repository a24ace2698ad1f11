/** Listens to the module's events as they come from the outbox, and keeps the last ones for the pages to show. */
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type AnyTotpEvent, OnTotpEvent, TOTP_EVENT_NAMES } from 'nestjs-totp';
import { filter, Observable, Subject } from 'rxjs';
import { describeEvent, type EventEntry } from './event-entry.js';

/** Of all users together. They are in memory: a restart forgets them, and of several processes one gets each. */
const KEPT = 1000;
const SHOWN = 30;

interface OwnedEntry {
  userId: string;
  entry: EventEntry;
}

/** From the outbox, so that no event is lost. */
function OnEveryTotpEvent() {
  return (target: object, key: string, handler: TypedPropertyDescriptor<(event: AnyTotpEvent) => void>): void => {
    for (const name of TOTP_EVENT_NAMES) OnTotpEvent(name, { durable: true })(target, key, handler);
  };
}

@Injectable()
export class EventFeed implements OnModuleDestroy {
  /** Nothing that happened before is shown. */
  readonly startedAt = new Date();
  private readonly entries: OwnedEntry[] = [];
  private readonly news = new Subject<OwnedEntry>();

  @OnEveryTotpEvent()
  record(event: AnyTotpEvent): void {
    // From the outbox an event may come more than once.
    if (this.entries.some(({ entry }) => entry.id === event.id)) return;
    const owned = { userId: event.userId, entry: describeEvent(event) };
    this.entries.unshift(owned);
    this.entries.length = Math.min(this.entries.length, KEPT);
    this.news.next(owned);
  }

  /** The user's last events, newest first. */
  recent(userId: string): EventEntry[] {
    const own = this.entries.filter((owned) => owned.userId === userId);
    return own.slice(0, SHOWN).map(({ entry }) => entry);
  }

  /** The user's last events, oldest first, and then each one as it happens. */
  follow(userId: string): Observable<EventEntry> {
    return new Observable((subscriber) => {
      for (const entry of this.recent(userId).reverse()) subscriber.next(entry);
      const news = this.news.subscribe({
        next: (owned) => {
          if (owned.userId === userId) subscriber.next(owned.entry);
        },
        complete: () => {
          subscriber.complete();
        },
      });
      return () => {
        news.unsubscribe();
      };
    });
  }

  /** Emits when the user confirms an authenticator: from then on, the password alone does not show events. */
  confirmations(userId: string): Observable<unknown> {
    return this.news.pipe(filter((owned) => owned.userId === userId && owned.entry.name === 'totp.device.verified'));
  }

  onModuleDestroy(): void {
    this.news.complete();
  }
}
