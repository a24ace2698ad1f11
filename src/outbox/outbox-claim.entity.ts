import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The claim of a process on a lane of the outbox; there is no row when nobody works on it. */
@Entity({ name: 'totp_outbox_claims' })
export class TotpOutboxClaimEntity {
  @PrimaryColumn({ type: 'varchar', length: 40 })
  lane!: string;

  /** A random mark that its holder changes again and again: one that stays the same for long was left behind. */
  @Column({ type: 'varchar', length: 36 })
  mark!: string;
}
