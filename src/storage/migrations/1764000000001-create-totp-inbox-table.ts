/** Creates the table of consumers that handle each event once. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { TotpInboxEventEntity } from '../tables/inbox-event.entity.js';
import { createTable, dropTable } from './tables.js';

export class CreateTotpInboxTable1764000000001 implements MigrationInterface {
  readonly name = 'CreateTotpInboxTable1764000000001';

  up(queryRunner: QueryRunner): Promise<void> {
    return createTable(queryRunner, {
      entity: TotpInboxEventEntity,
      columns: {
        id: { type: 'varchar', length: '64', isPrimary: true },
        handledAt: { type: 'bigint' },
      },
      indices: [['handledAt']],
    });
  }

  down(queryRunner: QueryRunner): Promise<void> {
    return dropTable(queryRunner, TotpInboxEventEntity);
  }
}
