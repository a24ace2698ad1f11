/** The entities and migrations that an application adds to its data source. */
import { TotpAccountEntity } from './tables/account.entity.js';
import { CreateTotpInboxTable1764000000001 } from './migrations/1764000000001-create-totp-inbox-table.js';
import { CreateTotpTables1764000000000 } from './migrations/1764000000000-create-totp-tables.js';
import { TotpInboxEventEntity } from './tables/inbox-event.entity.js';
import { TotpOutboxLeaseEntity } from './tables/outbox-lease.entity.js';
import { TotpOutboxEntryEntity } from './tables/outbox-entry.entity.js';
import { TotpSessionCompletionEntity } from './tables/session-completion.entity.js';

/** The module's entities, for the data source's `entities`. */
export const TOTP_ENTITIES = [
  TotpAccountEntity,
  TotpSessionCompletionEntity,
  TotpOutboxEntryEntity,
  TotpOutboxLeaseEntity,
];

/** The module's migrations, for the data source's `migrations`. They run and revert on PostgreSQL, MySQL, MariaDB and SQLite. */
export const TOTP_MIGRATIONS = [CreateTotpTables1764000000000];

/** For services that consume events with `rememberEvent`, which need none of the module's other tables. */
export const TOTP_INBOX_ENTITIES = [TotpInboxEventEntity];
export const TOTP_INBOX_MIGRATIONS = [CreateTotpInboxTable1764000000001];
