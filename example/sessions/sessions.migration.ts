/** Makes the table of sessions, on each of the supported databases. */
import { type MigrationInterface, type QueryRunner, Table, TableColumn, TableIndex } from 'typeorm';

export class CreateSessions1790000000002 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.createTable(
      new Table({
        name: 'sessions',
        columns: [
          { name: 'id', type: 'varchar', length: '64', isPrimary: true },
          { name: 'data', type: 'text' },
          { name: 'expires_at', type: 'bigint' },
        ],
        indices: [{ name: 'sessions_expires_at', columnNames: ['expires_at'] }],
      }),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('sessions');
  }
}

/** So that the sessions of a user can be listed and ended. Those from before end now. */
export class AddUserToSessions1790000000003 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.clearTable('sessions');
    const userId = new TableColumn({ name: 'user_id', type: 'varchar', length: '36', isNullable: true });
    await queryRunner.addColumn('sessions', userId);
    await queryRunner.createIndex('sessions', new TableIndex({ name: 'sessions_user_id', columnNames: ['user_id'] }));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropIndex('sessions', 'sessions_user_id');
    await queryRunner.dropColumn('sessions', 'user_id');
  }
}
