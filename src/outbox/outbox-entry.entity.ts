import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * An event that waits for one destination: with two destinations there are two rows, so that each goes on by itself. A row that was
 * handed on is deleted.
 */
@Entity({ name: 'totp_outbox' })
@Index(['lane', 'dueAt'])
@Index(['account', 'position'])
export class TotpOutboxEntryEntity {
  /** The event's id and the destination's name, with a colon between. */
  @PrimaryColumn({ type: 'varchar', length: 80 })
  id!: string;

  /** The destination's name and the first digit of `account`, with a colon between: what one process works on at a time. */
  @Column({ type: 'varchar', length: 40 })
  lane!: string;

  /** The id of the user's row in `totp_accounts`. */
  @Column({ type: 'varchar', length: 64 })
  account!: string;

  /** Counts up, from change to change of the user that has events in here. */
  @Column({ type: 'int' })
  position!: number;

  /** When it is to be tried, in epoch ms; null when it is parked. */
  @Column({ name: 'due_at', type: 'bigint', nullable: true })
  dueAt!: string | number | null;

  /** Tries that failed. */
  @Column({ type: 'int' })
  attempts!: number;

  /** Why the last try failed, in JSON. */
  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  /** When the event happened, in epoch ms. */
  @Column({ name: 'occurred_at', type: 'bigint' })
  occurredAt!: string | number;

  /** The event in JSON. */
  @Column({ type: 'text' })
  event!: string;
}
