/** What the application's data source must know of the module. */
import { TotpAccountEntity } from './account.entity.js';
import { CreateTotpTables1764000000000 } from './migrations/1764000000000-create-totp-tables.js';
import { AddKeyIds1764000000001 } from './migrations/1764000000001-add-key-ids.js';
import { AddOutbox1764000000002 } from './migrations/1764000000002-add-outbox.js';
import { TotpOutboxClaimEntity } from '../outbox/outbox-claim.entity.js';
import { TotpOutboxEntryEntity } from '../outbox/outbox-entry.entity.js';
import { TotpSessionCompletionEntity } from './session-completion.entity.js';

/** The module's entities, for the data source's `entities`. */
export const TOTP_ENTITIES = [
  TotpAccountEntity,
  TotpSessionCompletionEntity,
  TotpOutboxEntryEntity,
  TotpOutboxClaimEntity,
];

/** The module's migrations, for the data source's `migrations`: they run on PostgreSQL, MySQL, MariaDB and SQLite, and revert. */
export const TOTP_MIGRATIONS = [CreateTotpTables1764000000000, AddKeyIds1764000000001, AddOutbox1764000000002];
