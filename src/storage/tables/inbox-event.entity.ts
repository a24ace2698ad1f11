import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** An event that a consumer has handled: `rememberEvent` writes it in the transaction of what the consumer does. */
@Entity({ name: 'totp_inbox' })
export class TotpInboxEventEntity {
  /** Consumer and event as a `rowId`, since servers compare text in ways of their own: without regard to case, or to accents. */
  @PrimaryColumn({ type: 'varchar', length: 64 })
  id!: string;

  /** Epoch ms of the database's clock. */
  @Index()
  @Column({ name: 'handled_at', type: 'bigint' })
  handledAt!: string | number;
}
