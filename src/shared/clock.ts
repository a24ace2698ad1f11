/** The clock that the module reads, and that tests replace. */
import { Injectable } from '@nestjs/common';

/**
 * Supplies the time to the module, which reads it once per call and never takes it from a client (RFC 6238 §5.2, ASVS 6.5.8).
 *
 * @example
 * // In a test, a clock that the test sets:
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(TotpClock).useValue(new TestTotpClock());
 */
export abstract class TotpClock {
  /** The time in epoch milliseconds. */
  abstract now(): number;
}

/** The clock of the machine. */
@Injectable()
export class SystemTotpClock extends TotpClock {
  override now(): number {
    return Date.now();
  }
}
