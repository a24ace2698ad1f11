/** Listens to the module's events, and keeps the last ones for the pages to show. */
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type AnyTotpEvent, OnTotpEvent } from 'nestjs-totp';
import { Observable, Subject } from 'rxjs';
import { describeEvent, type EventEntry } from './event-entry.js';

/** Of all users together. They are in memory: a restart forgets them, and a process shows its own alone. */
const KEPT = 1000;
const SHOWN = 30;

interface OwnedEntry {
  userId: string;
  entry: EventEntry;
}

@Injectable()
export class EventFeed implements OnModuleDestroy {
  private readonly entries: OwnedEntry[] = [];
  private readonly news = new Subject<OwnedEntry>();

  @OnTotpEvent('totp.device.created')
  @OnTotpEvent('totp.device.verified')
  @OnTotpEvent('totp.device.renamed')
  @OnTotpEvent('totp.device.removed')
  @OnTotpEvent('totp.code.accepted')
  @OnTotpEvent('totp.code.rejected')
  @OnTotpEvent('totp.code.replayed')
  @OnTotpEvent('totp.user.locked')
  @OnTotpEvent('totp.user.unlocked')
  record(event: AnyTotpEvent): void {
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

  onModuleDestroy(): void {
    this.news.complete();
  }
}
