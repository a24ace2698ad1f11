/** What the application's data source must know of the module. */
import { TotpAccountEntity } from './account.entity.js';
import { CreateTotpTables1764000000000 } from './migrations/1764000000000-create-totp-tables.js';
import { TotpSessionCompletionEntity } from './session-completion.entity.js';

/** The module's entities, for the data source's `entities`. */
export const TOTP_ENTITIES = [TotpAccountEntity, TotpSessionCompletionEntity];

/** The module's migrations, for the data source's `migrations`: they run on PostgreSQL, MySQL, MariaDB and SQLite, and revert. */
export const TOTP_MIGRATIONS = [CreateTotpTables1764000000000];
