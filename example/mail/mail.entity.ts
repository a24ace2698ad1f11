/** A mail to a user. The example sends none: it keeps them, for the user to read on a page. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity('mails')
export class Mail {
  /** The id of the event that it is about: an event that comes twice makes one mail. */
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string;

  @Index('mails_user_id')
  @Column({ name: 'user_id', type: 'varchar', length: 36 })
  userId!: string;

  /** Epoch milliseconds. */
  @Column({ name: 'sent_at', type: 'bigint' })
  sentAt!: number;

  @Column({ type: 'varchar', length: 200 })
  subject!: string;

  @Column({ type: 'text' })
  text!: string;
}
