import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The row of a user: everything that the module knows about one person's second factor.
 *
 * It is one row because each decision depends on all of it: one conditional update then commits the decision, on every database and
 * at every isolation level from READ COMMITTED up, without a transaction or a lock.
 */
@Entity({ name: 'totp_accounts' })
@Index(['keyIds', 'id'])
export class TotpAccountEntity {
  /** The user id as a `rowId`, which is compared byte for byte under any collation, and is evenly distributed over partitions. */
  @PrimaryColumn({ type: 'varchar', length: 64 })
  id!: string;

  /** A random value that every write changes. */
  @Column({ type: 'varchar', length: 36 })
  revision!: string;

  /** The user id in JSON, for people who read the table. It is not used for look-ups. */
  @Column({ name: 'user_id', type: 'text' })
  userId!: string;

  /** Failures in a row. */
  @Column({ type: 'int' })
  failures!: number;

  /** A JSON array of epoch ms: the failures that count towards the next lock. */
  @Column({ name: 'recent_failures', type: 'text' })
  recentFailures!: string;

  /** The number of the newest lock in the failure streak; 0 without a lock. */
  @Column({ name: 'lock_number', type: 'int' })
  lockNumber!: number;

  /** When the newest lock ends, in epoch ms; null with a `lock_number` other than 0 is a hard lock. */
  @Column({ name: 'locked_until', type: 'bigint', nullable: true })
  lockedUntil!: string | number | null;

  /** When time will have forgiven all failures of the long run, in epoch ms. */
  @Column({ name: 'forgiven_at', type: 'bigint' })
  forgivenAt!: string | number;

  /** The latest `usedUntil` of removed devices, in epoch ms. */
  @Column({ name: 'used_until', type: 'bigint' })
  usedUntil!: string | number;

  /** A JSON array of `Device`, oldest first, each with its sealed secret. */
  @Column({ type: 'text' })
  devices!: string;

  /**
   * What an account may have besides its devices, in JSON: the recovery codes and the temporary code with their sealed hashes, the trusted
   * browsers, and a `FirstCode` while signing in takes two codes in a row; null without any.
   */
  @Column({ type: 'text', nullable: true })
  extras!: string | null;

  /** How many events of the user were stored in the outbox: the position of the newest one. */
  @Column({ name: 'last_position', type: 'bigint' })
  lastPosition!: string | number;

  /** Which keys all of it is sealed with: `keySetOf`. */
  @Column({ name: 'key_ids', type: 'varchar', length: 255 })
  keyIds!: string;
}
