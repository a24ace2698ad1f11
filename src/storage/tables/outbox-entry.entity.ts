import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * An event that waits for delivery to one destination. Each destination has a row of its own, delivered independently. A delivered row
 * is deleted.
 */
@Entity({ name: 'totp_outbox' })
@Index(['partition', 'dueAt', 'occurredAt'])
@Index(['account', 'partition', 'position'])
export class TotpOutboxEntryEntity {
  /** The event's id and the destination's name, separated by a colon. */
  @PrimaryColumn({ type: 'varchar', length: 80 })
  id!: string;

  /** The destination's name and the first digit of `account`, separated by a colon: one lease covers one partition. */
  @Column({ name: 'partition_key', type: 'varchar', length: 40 })
  partition!: string;

  /** The id of the user's row in `totp_accounts`. */
  @Column({ type: 'varchar', length: 64 })
  account!: string;

  /** The event's number among those of its user; 0 or less for those of an account that was erased. */
  @Column({ type: 'bigint' })
  position!: string | number;

  /**
   * When delivery is attempted next, in epoch ms of the database's clock. 0 means immediately: the clock of the machine that wrote the
   * event may differ. Null when the entry is dead-lettered.
   */
  @Column({ name: 'due_at', type: 'bigint', nullable: true })
  dueAt!: string | number | null;

  /** Failed attempts. */
  @Column({ type: 'int' })
  attempts!: number;

  /** What is known of the failed attempts, in JSON; null when there was none. */
  @Column({ type: 'text', nullable: true })
  history!: string | null;

  /** When the event happened, in epoch ms. */
  @Column({ name: 'occurred_at', type: 'bigint' })
  occurredAt!: string | number;

  /** The event in JSON. */
  @Column({ type: 'text' })
  event!: string;
}
