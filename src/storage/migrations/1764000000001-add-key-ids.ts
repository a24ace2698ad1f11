import { type MigrationInterface, type QueryRunner, TableColumn, TableIndex } from 'typeorm';
import { TotpAccountEntity } from '../account.entity.js';
import { dataSourceOf, metadataOf } from './tables.js';

/**
 * Makes room to note at each account which keys its secrets are sealed with, so that a key's rows are found without reading all
 * others. What is there already is noted by `TotpKeyRotation`, beside live traffic, and not here, where everybody would wait for it.
 */
export class AddKeyIds1764000000001 implements MigrationInterface {
  readonly name = 'AddKeyIds1764000000001';

  async up(queryRunner: QueryRunner): Promise<void> {
    const { driver } = dataSourceOf(queryRunner);
    const { tablePath } = metadataOf(queryRunner, TotpAccountEntity);
    const [id, keyIds] = this.columns(queryRunner);
    // MySQL keeps what was done when a migration breaks off.
    if (!(await queryRunner.hasColumn(tablePath, keyIds))) {
      const type = driver.normalizeType({ type: 'varchar' });
      await queryRunner.addColumn(tablePath, new TableColumn({ name: keyIds, type, length: '255', default: "''" }));
    }
    await queryRunner.createIndex(tablePath, new TableIndex({ columnNames: [keyIds, id] }));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const { tablePath } = metadataOf(queryRunner, TotpAccountEntity);
    const [, keyIds] = this.columns(queryRunner);
    const table = await queryRunner.getTable(tablePath);
    const index = table?.indices.find(({ columnNames }) => columnNames.includes(keyIds));
    if (index !== undefined) await queryRunner.dropIndex(tablePath, index);
    await queryRunner.dropColumn(tablePath, keyIds);
  }

  private columns(queryRunner: QueryRunner): [id: string, keyIds: string] {
    const metadata = metadataOf(queryRunner, TotpAccountEntity);
    const databaseName = (property: string) => metadata.findColumnWithPropertyName(property)?.databaseName ?? property;
    return [databaseName('id'), databaseName('keyIds')];
  }
}
