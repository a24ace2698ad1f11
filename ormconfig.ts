/** The data source of TypeORM's command line: `npm run migration:run`, on SQLite or on what `DATABASE_URL` names. */
import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { TOTP_ENTITIES, TOTP_MIGRATIONS } from './src/storage/index.js';

const tables = { entities: TOTP_ENTITIES, migrations: TOTP_MIGRATIONS };
const url = process.env.DATABASE_URL ?? '';

function dataSource(): DataSource {
  if (url === '') return new DataSource({ ...tables, type: 'better-sqlite3', database: 'nestjs-totp.sqlite' });
  if (/^postgres(ql)?:/.test(url)) return new DataSource({ ...tables, type: 'postgres', url });
  if (url.startsWith('mysql:')) return new DataSource({ ...tables, type: 'mysql', url });
  if (url.startsWith('mariadb:')) return new DataSource({ ...tables, type: 'mariadb', url });
  throw new Error(
    'DATABASE_URL must start with postgres://, mysql:// or mariadb://; without it, an SQLite file is used.',
  );
}

export default dataSource();
