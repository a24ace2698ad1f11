import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The row of a user: everything that the module knows of one person's second factor.
 *
 * One row, because each answer rests on all of it: one conditional update then makes a decision true, on every database and
 * at every isolation level, without a transaction or a lock.
 */
@Entity({ name: 'totp_accounts' })
@Index(['keyIds', 'id'])
export class TotpAccountEntity {
  /** The user id as a `rowId`, which compares byte for byte under any collation, and spreads over partitions. */
  @PrimaryColumn({ type: 'varchar', length: 64 })
  id!: string;

  /** A random mark that every write changes. */
  @Column({ type: 'varchar', length: 36 })
  revision!: string;

  /** The user id in JSON, for whoever reads the table; nothing is looked up by it. */
  @Column({ name: 'user_id', type: 'text' })
  userId!: string;

  /** Failures in a row. */
  @Column({ type: 'int' })
  failures!: number;

  /** A JSON array of epoch ms: the failures that count towards the next lock. */
  @Column({ name: 'recent_failures', type: 'text' })
  recentFailures!: string;

  /** Which lock of the streak the newest one is; 0 when there was none. */
  @Column({ name: 'lock_number', type: 'int' })
  lockNumber!: number;

  /** When the newest lock ends, in epoch ms; null, with a `lock_number`, is a hard lock. */
  @Column({ name: 'locked_until', type: 'bigint', nullable: true })
  lockedUntil!: string | number | null;

  /** Up to when codes of removed devices were used, in epoch ms. */
  @Column({ name: 'used_until', type: 'bigint' })
  usedUntil!: string | number;

  /** A JSON array of `Device`, oldest first, each with its sealed secret. */
  @Column({ type: 'text' })
  devices!: string;

  /** Which keys the devices' secrets are sealed with: `keySetOf`. */
  @Column({ name: 'key_ids', type: 'varchar', length: 255 })
  keyIds!: string;
}
