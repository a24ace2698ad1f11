import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** When a bearer token's session completed TOTP: `TotpTokenSessionAdapter` stores it here until the token expires. */
@Entity({ name: 'totp_session_completions' })
export class TotpSessionCompletionEntity {
  /** Tenant, user and session handle as a `rowId`: the handle itself is not stored. */
  @PrimaryColumn({ type: 'varchar', length: 64 })
  id!: string;

  /** The user id as a `rowId`, so that `removeUser` finds the user's completions. */
  @Index()
  @Column({ type: 'varchar', length: 64 })
  account!: string;

  /** Epoch ms. */
  @Column({ name: 'completed_at', type: 'bigint' })
  completedAt!: string | number;

  /** When the token expires, in epoch ms. */
  @Index()
  @Column({ name: 'expires_at', type: 'bigint' })
  expiresAt!: string | number;
}
