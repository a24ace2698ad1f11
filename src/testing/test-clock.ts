import { TotpClock } from '../shared/clock.js';

/**
 * A clock that stops until a test moves it.
 *
 * @example
 * const clock = new TestTotpClock();
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(TotpClock).useValue(clock);
 * clock.advance(30);
 */
export class TestTotpClock extends TotpClock {
  /** @param time epoch ms; default 2026-01-01T00:00:00Z */
  constructor(private time = Date.UTC(2026, 0, 1)) {
    super();
  }

  override now(): number {
    return this.time;
  }

  /** @param time epoch ms */
  set(time: number): void {
    this.time = time;
  }

  /** @param seconds moves the clock forward, or back when negative */
  advance(seconds: number): void {
    this.time += seconds * 1000;
  }
}
