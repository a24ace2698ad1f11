import type { MigrationInterface, QueryRunner } from 'typeorm';
import { TotpOutboxClaimEntity } from '../../outbox/outbox-claim.entity.js';
import { TotpOutboxEntryEntity } from '../../outbox/outbox-entry.entity.js';
import { createTable, metadataOf } from './tables.js';

/** Makes the tables of the outbox, which stay empty without `events: { outbox: true }`. */
export class AddOutbox1764000000002 implements MigrationInterface {
  readonly name = 'AddOutbox1764000000002';

  async up(queryRunner: QueryRunner): Promise<void> {
    const entry = {
      id: { type: 'varchar', length: '80', isPrimary: true },
      lane: { type: 'varchar', length: '40' },
      account: { type: 'varchar', length: '64' },
      position: { type: 'int' },
      dueAt: { type: 'bigint', isNullable: true },
      attempts: { type: 'int' },
      reason: { type: 'text', isNullable: true },
      occurredAt: { type: 'bigint' },
      event: { type: 'text' },
    } as const;
    const indices = [
      ['lane', 'dueAt'],
      ['account', 'position'],
    ];
    await createTable(queryRunner, TotpOutboxEntryEntity, entry, indices);
    await createTable(queryRunner, TotpOutboxClaimEntity, {
      lane: { type: 'varchar', length: '40', isPrimary: true },
      mark: { type: 'varchar', length: '36' },
    });
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable(metadataOf(queryRunner, TotpOutboxClaimEntity).tablePath);
    await queryRunner.dropTable(metadataOf(queryRunner, TotpOutboxEntryEntity).tablePath);
  }
}
