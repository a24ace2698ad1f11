/** Where the example keeps its data: an SQLite file, or the database that `DATABASE_URL` names. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { TOTP_ENTITIES, TOTP_MIGRATIONS } from 'nestjs-totp';
import { CreateMails1790000000004 } from './mail/mail.migration.js';
import { Mail } from './mail/mail.entity.js';
import { SettingError } from './settings.js';
import { AddUserToSessions1790000000003, CreateSessions1790000000002 } from './sessions/sessions.migration.js';
import { SessionEntity } from './sessions/session.entity.js';
import { CreateUsers1790000000001 } from './users/users.migration.js';
import { User } from './users/user.entity.js';

/** A git-ignored folder for what must outlive the process; `EXAMPLE_DATA` names another one. */
export function dataFolder(): string {
  const folder = resolve(process.env.EXAMPLE_DATA ?? join('example', 'data'));
  mkdirSync(folder, { recursive: true });
  return folder;
}

export function databaseOptions(): TypeOrmModuleOptions {
  const common = {
    entities: [...TOTP_ENTITIES, User, SessionEntity, Mail],
    migrations: [
      ...TOTP_MIGRATIONS,
      CreateUsers1790000000001,
      CreateSessions1790000000002,
      AddUserToSessions1790000000003,
      CreateMails1790000000004,
    ],
    migrationsRun: true,
    retryAttempts: 0,
  };
  const url = process.env.DATABASE_URL ?? '';
  if (url === '') {
    return { ...common, type: 'better-sqlite3', database: join(dataFolder(), 'keepsake.sqlite'), enableWAL: true };
  }
  if (/^postgres(ql)?:/.test(url)) return { ...common, type: 'postgres', url };
  if (/^(mysql|mariadb):/.test(url)) return { ...common, type: 'mysql', url, charset: 'utf8mb4' };
  throw new SettingError(
    'DATABASE_URL must start with postgres:// or mysql://; without it, the example uses an SQLite file.',
  );
}
