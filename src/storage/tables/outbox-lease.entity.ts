import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The lease that a process has on a partition of the outbox. A partition without a lease has no row. */
@Entity({ name: 'totp_outbox_leases' })
export class TotpOutboxLeaseEntity {
  /** `PARTITION` is a reserved word of MySQL and MariaDB. */
  @PrimaryColumn({ name: 'partition_key', type: 'varchar', length: 40 })
  partition!: string;

  /** Random. The holder replaces it regularly: if it does not change for the duration of a lease, the holder has died. */
  @Column({ type: 'varchar', length: 36 })
  token!: string;
}
