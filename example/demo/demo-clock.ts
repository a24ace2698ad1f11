/** The example's own clock: the machine's time, and however far a visitor has stepped ahead of it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { TotpClock } from 'nestjs-totp';
import { dataFolder } from '../database.js';

/** How far a visitor may step at once, in milliseconds, by what the button says. */
export const STEPS = { '30 s': 30_000, '15 min': 900_000, '21 min': 1_260_000, '1 day': 86_400_000 } as const;

@Injectable()
export class DemoClock extends TotpClock {
  // Over a restart too: locks and used codes in the database have the time of this clock.
  private readonly file = join(dataFolder(), 'clock-ahead-ms');
  private ahead = existsSync(this.file) ? Number(readFileSync(this.file, 'utf8')) || 0 : 0;

  override now(): number {
    return Date.now() + this.ahead;
  }

  /** Milliseconds that this clock is ahead of the machine's. */
  get aheadMs(): number {
    return this.ahead;
  }

  stepAhead(ms: number): void {
    this.set(this.ahead + ms);
  }

  /** Back to the machine's time. What happened ahead of it, such as a lock, stays until that time. */
  reset(): void {
    this.set(0);
  }

  private set(ahead: number): void {
    this.ahead = ahead;
    writeFileSync(this.file, String(ahead));
  }
}
