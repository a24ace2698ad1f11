import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The lease that a process has on a partition of the outbox. A partition that nobody works on has no row. */
@Entity({ name: 'totp_outbox_leases' })
export class TotpOutboxLeaseEntity {
  /** `PARTITION` is a reserved word of MySQL and MariaDB. */
  @PrimaryColumn({ name: 'partition_key', type: 'varchar', length: 40 })
  partition!: string;

  /** Random. The holder renews it again and again: a token that does not change for the length of a lease was left behind. */
  @Column({ type: 'varchar', length: 36 })
  token!: string;
}
