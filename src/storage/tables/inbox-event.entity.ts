import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** An event that a consumer has handled: `rememberEvent` writes it in the transaction of what the consumer does. */
@Entity({ name: 'totp_inbox' })
export class TotpInboxEventEntity {
  @PrimaryColumn({ type: 'varchar', length: 64 })
  consumer!: string;

  /** The event's id. */
  @PrimaryColumn({ name: 'event_id', type: 'varchar', length: 64 })
  eventId!: string;

  /** Epoch ms of the database's clock. */
  @Index()
  @Column({ name: 'handled_at', type: 'bigint' })
  handledAt!: string | number;
}
