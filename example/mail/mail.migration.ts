/** Makes the table of mails, on each of the supported databases. */
import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';

export class CreateMails1790000000004 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.createTable(
      new Table({
        name: 'mails',
        columns: [
          { name: 'id', type: 'varchar', length: '36', isPrimary: true },
          { name: 'user_id', type: 'varchar', length: '36' },
          { name: 'sent_at', type: 'bigint' },
          { name: 'subject', type: 'varchar', length: '200' },
          { name: 'text', type: 'text' },
        ],
        indices: [{ name: 'mails_user_id', columnNames: ['user_id'] }],
      }),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('mails');
  }
}
