/** Acquires and renews leases: the right of one process to deliver the entries of a partition. */
import { randomUUID } from 'node:crypto';
import type { MonotonicClock } from './monotonic-clock.js';
import type { LeaseToken, OutboxQueue } from './outbox.js';

/** A lease lasts as long as this many deliveries may take, so that it outlasts a batch that starts under it. */
const LEASE_IN_DELIVERIES = 3;

/**
 * A lease that this process holds. Its token is a fencing token: entries are written only while the database still has it.
 *
 * The holder writes a new token before the lease expires. Another process takes over once it has seen the same token for the
 * duration of a lease. Each process measures that by its own monotonic clock, so their clocks may differ.
 */
export class Lease {
  token: LeaseToken;
  private renewedAt = 0;

  private constructor(
    private readonly queue: OutboxQueue,
    partition: string,
    private readonly length: number,
    private readonly clock: MonotonicClock,
  ) {
    this.token = { partition, token: '' };
  }

  /** How long a lease lasts, in ms. */
  static lengthFor(deliveryTimeout: number): number {
    return LEASE_IN_DELIVERIES * deliveryTimeout;
  }

  /**
   * @param seen the token to replace; undefined when the partition had none
   * @returns undefined when another process was first
   */
  static async acquire(
    queue: OutboxQueue,
    partition: string,
    seen: string | undefined,
    length: number,
    clock: MonotonicClock,
  ): Promise<Lease | undefined> {
    const lease = new Lease(queue, partition, length, clock);
    return (await lease.replace(seen)) ? lease : undefined;
  }

  /** Renews the lease if necessary. @returns whether it lasts for a delivery of this length, and for the writes after it */
  async ensure(milliseconds: number): Promise<boolean> {
    const lasts = () => this.renewedAt + this.length - this.clock.elapsed() >= 2 * milliseconds;
    return lasts() || ((await this.replace(this.token.token)) && lasts());
  }

  release(): Promise<void> {
    return this.queue.release(this.token);
  }

  private async replace(seen: string | undefined): Promise<boolean> {
    const token = { partition: this.token.partition, token: randomUUID() };
    // The time before the statement is sent: other processes may see the token from then on.
    this.renewedAt = this.clock.elapsed();
    const isWritten = await this.queue.acquire(token, seen);
    if (isWritten) this.token = token;
    return isWritten;
  }
}
