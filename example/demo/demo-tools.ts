/** The demo tools of a page: the phone, the clock, the attacks, the last requests and the tour. */
import { Injectable } from '@nestjs/common';
import { type Request } from 'express';
import { TotpClock } from 'nestjs-totp';
import { DemoClock, STEPS } from './demo-clock.js';
import { type LoggedRequest, RequestLog } from './request-log.js';
import { TOUR, type TourStop } from './tour.js';

export interface DemoView {
  /** The time by the example's clock, in epoch ms, and how far it is ahead of the machine's. */
  now: number;
  aheadMs: number;
  steps: readonly string[];
  tour: readonly TourStop[];
  requests: readonly LoggedRequest[];
  /** The last attack, in a sentence. */
  attack: string | undefined;
}

@Injectable()
export class DemoTools {
  constructor(
    private readonly clock: TotpClock,
    private readonly ownClock: DemoClock,
    private readonly log: RequestLog,
  ) {}

  of({ session }: Request): DemoView {
    return {
      now: this.clock.now(),
      aheadMs: this.ownClock.aheadMs,
      steps: Object.keys(STEPS),
      tour: TOUR,
      requests: this.log.ofSession(session.handle),
      attack: session.attack,
    };
  }
}
