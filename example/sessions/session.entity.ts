/** A session as it is stored, so that a restart does not end sessions. */
import { type SessionData } from 'express-session';
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity('sessions')
export class SessionEntity {
  /** The SHA-256 hash of the session id: who reads the table cannot use the sessions in it. */
  @PrimaryColumn({ type: 'varchar', length: 64 })
  id!: string;

  /** The user who gave the right password; null for the support desk. */
  @Index('sessions_user_id')
  @Column({ name: 'user_id', type: 'varchar', length: 36, nullable: true })
  userId!: string | null;

  @Column({ type: 'simple-json' })
  data!: SessionData;

  /** Epoch milliseconds. */
  @Index('sessions_expires_at')
  @Column({ name: 'expires_at', type: 'bigint' })
  expiresAt!: number;
}
