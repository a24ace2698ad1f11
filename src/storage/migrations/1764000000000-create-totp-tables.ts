import type { MigrationInterface, QueryRunner } from 'typeorm';
import { TotpAccountEntity } from '../account.entity.js';
import { TotpSessionCompletionEntity } from '../session-completion.entity.js';
import { createTable, metadataOf } from './tables.js';

/** Makes both tables, under the names that the data source gives them: it may set a prefix, a schema or its own style. */
export class CreateTotpTables1764000000000 implements MigrationInterface {
  readonly name = 'CreateTotpTables1764000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await createTable(queryRunner, TotpAccountEntity, {
      id: { type: 'varchar', length: '64', isPrimary: true },
      revision: { type: 'varchar', length: '36' },
      userId: { type: 'text' },
      failures: { type: 'int' },
      recentFailures: { type: 'text' },
      lockNumber: { type: 'int' },
      lockedUntil: { type: 'bigint', isNullable: true },
      usedUntil: { type: 'bigint' },
      devices: { type: 'text' },
    });
    const completion = {
      id: { type: 'varchar', length: '64', isPrimary: true },
      completedAt: { type: 'bigint' },
      expiresAt: { type: 'bigint' },
    } as const;
    await createTable(queryRunner, TotpSessionCompletionEntity, completion, [['expiresAt']]);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable(metadataOf(queryRunner, TotpSessionCompletionEntity).tablePath);
    await queryRunner.dropTable(metadataOf(queryRunner, TotpAccountEntity).tablePath);
  }
}
