import { type MigrationInterface, type QueryRunner, Table, type TableColumnOptions } from 'typeorm';
import { ENTITIES_MISSING, TotpConfigurationError } from '../../totp.errors.js';
import { TotpAccountEntity } from '../account.entity.js';
import { TotpSessionCompletionEntity } from '../session-completion.entity.js';

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
    await createTable(queryRunner, TotpSessionCompletionEntity, {
      id: { type: 'varchar', length: '64', isPrimary: true },
      completedAt: { type: 'bigint' },
      expiresAt: { type: 'bigint', isIndexed: true },
    });
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable(metadataOf(queryRunner, TotpSessionCompletionEntity).tablePath);
    await queryRunner.dropTable(metadataOf(queryRunner, TotpAccountEntity).tablePath);
  }
}

type Entity = new () => object;
type ColumnOptions = Omit<TableColumnOptions, 'name' | 'type'> & {
  readonly type: 'int' | 'bigint' | 'varchar' | 'text';
  readonly isIndexed?: boolean;
};

/** Columns by the names of the entity's properties, so that later changes of the entity do not change this migration. */
async function createTable(
  queryRunner: QueryRunner,
  entity: Entity,
  columns: Readonly<Record<string, ColumnOptions>>,
): Promise<void> {
  const { driver } = dataSourceOf(queryRunner);
  const metadata = metadataOf(queryRunner, entity);
  const databaseName = (property: string) => metadata.findColumnWithPropertyName(property)?.databaseName ?? property;
  await queryRunner.createTable(
    new Table({
      name: metadata.tablePath,
      columns: Object.entries(columns).map(([property, { type, ...options }]) => ({
        ...options,
        name: databaseName(property),
        type: driver.normalizeType({ type }),
      })),
      indices: Object.entries(columns)
        .filter(([, { isIndexed }]) => isIndexed)
        .map(([property]) => ({ columnNames: [databaseName(property)] })),
    }),
  );
}

function metadataOf(queryRunner: QueryRunner, entity: Entity) {
  const dataSource = dataSourceOf(queryRunner);
  if (!dataSource.hasMetadata(entity)) throw new TotpConfigurationError(ENTITIES_MISSING);
  return dataSource.getMetadata(entity);
}

function dataSourceOf(queryRunner: QueryRunner) {
  // `connection` is what TypeORM 0.3 and 1 both have.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  return queryRunner.connection;
}
