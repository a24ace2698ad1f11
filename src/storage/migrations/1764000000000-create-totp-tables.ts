/** The first migration: creates the module's tables. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { TotpOutboxLeaseEntity } from '../tables/outbox-lease.entity.js';
import { TotpOutboxEntryEntity } from '../tables/outbox-entry.entity.js';
import { TotpAccountEntity } from '../tables/account.entity.js';
import { TotpSessionCompletionEntity } from '../tables/session-completion.entity.js';
import { createTable, dropTable, type TableDefinition } from './tables.js';

const TABLES: readonly TableDefinition[] = [
  {
    entity: TotpAccountEntity,
    columns: {
      id: { type: 'varchar', length: '64', isPrimary: true },
      revision: { type: 'varchar', length: '36' },
      userId: { type: 'text' },
      failures: { type: 'int' },
      recentFailures: { type: 'text' },
      lockNumber: { type: 'int' },
      lockedUntil: { type: 'bigint', isNullable: true },
      forgivenAt: { type: 'bigint' },
      usedUntil: { type: 'bigint' },
      devices: { type: 'text' },
      extras: { type: 'text', isNullable: true },
      lastPosition: { type: 'bigint' },
      keyIds: { type: 'varchar', length: '255' },
    },
    indices: [['keyIds', 'id']],
  },
  {
    entity: TotpSessionCompletionEntity,
    columns: {
      id: { type: 'varchar', length: '64', isPrimary: true },
      account: { type: 'varchar', length: '64' },
      completedAt: { type: 'bigint' },
      expiresAt: { type: 'bigint' },
    },
    indices: [['account'], ['expiresAt']],
  },
  // The outbox's tables stay empty without `events: { outbox: true }`.
  {
    entity: TotpOutboxEntryEntity,
    columns: {
      id: { type: 'varchar', length: '80', isPrimary: true },
      partition: { type: 'varchar', length: '40' },
      account: { type: 'varchar', length: '64' },
      position: { type: 'bigint' },
      dueAt: { type: 'bigint', isNullable: true },
      attempts: { type: 'int' },
      history: { type: 'text', isNullable: true },
      occurredAt: { type: 'bigint' },
      event: { type: 'text' },
    },
    indices: [
      ['partition', 'dueAt', 'occurredAt'],
      ['account', 'partition', 'position'],
    ],
  },
  {
    entity: TotpOutboxLeaseEntity,
    columns: {
      partition: { type: 'varchar', length: '40', isPrimary: true },
      token: { type: 'varchar', length: '36' },
    },
    indices: [],
  },
];

/**
 * Creates the module's tables, under the names that the data source gives them: it may set a prefix, a schema or a naming strategy.
 *
 * MariaDB and MySQL commit each statement of a migration separately. So both directions can be run again after any of their
 * statements has failed, and `up` also accepts the tables that `synchronize` has created.
 */
export class CreateTotpTables1764000000000 implements MigrationInterface {
  readonly name = 'CreateTotpTables1764000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const table of TABLES) await createTable(queryRunner, table);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const { entity } of [...TABLES].reverse()) await dropTable(queryRunner, entity);
  }
}
