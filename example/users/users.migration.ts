/** Makes the table of users, on each of the supported databases. */
import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';

export class CreateUsers1790000000001 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // MySQL's usual collations take `ä` for `a`: two people's addresses would be one account.
    const exact = queryRunner.dataSource.options.type === 'mysql' ? { collation: 'utf8mb4_bin' } : {};
    await queryRunner.createTable(
      new Table({
        name: 'users',
        columns: [
          { name: 'id', type: 'varchar', length: '36', isPrimary: true },
          { name: 'email', type: 'varchar', length: '254', isUnique: true, ...exact },
          { name: 'password_hash', type: 'varchar', length: '255' },
        ],
      }),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('users');
  }
}
