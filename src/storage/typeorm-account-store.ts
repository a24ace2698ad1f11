/** The account store on TypeORM. */
import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { type Account, sealedParts } from '../accounts/account.js';
import { keySetOf } from '../secrets/key-ids.js';
import type { AnyTotpEvent } from '../events/catalogue.js';
import type { TotpOutbox, WriteWithEvents } from '../outbox/outbox.js';
import { TotpStorageError } from '../shared/errors.js';
import { logError } from '../shared/log-error.js';
import { fromRow, readUserId, toRow } from './account-row.js';
import { accountStatements } from './account-statements.js';
import { deleteCompletionsOf } from './session-completion-store.js';
import {
  type AccountChange,
  type AccountListing,
  type KeySet,
  type LoadedAccount,
  TotpAccountStore,
} from './account-store.js';
import { rowId } from './sql/row-id.js';
import { asciiJson } from './sql/text.js';
import { runUnlessConflict, runWithRetries } from './sql/run.js';
import type { Statement } from './sql/statement.js';
import { keepTransaction, runTransaction, runWithin, type TransactionOutcome } from './sql/transaction.js';
import { isConflict, isUnsupported, isWithoutFunction } from './sql/driver-errors.js';

interface Write extends Statement {
  readonly userId: string;
  /** The revision of the row after the write; undefined when the row is deleted. */
  readonly written: string | undefined;
}

/**
 * Stores accounts in the application's database: one row per user, one statement per call. Only a batch, an erasure, or a change with
 * events that the outbox cannot store in the same statement takes a transaction.
 */
export class TypeOrmTotpAccountStore extends TotpAccountStore {
  private readonly logger = new Logger('TotpModule');
  private readonly sql: ReturnType<typeof accountStatements>;
  /** Whether the server has refused a compound statement, as MySQL does: it is asked only once. */
  private refusesCompounds = false;

  /**
   * @param dataSource an initialised data source that knows `TOTP_ENTITIES`
   * @param outbox stores the events that are committed with a change
   */
  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox?: TotpOutbox,
  ) {
    super();
    this.sql = accountStatements(dataSource);
  }

  override async load(userId: string): Promise<LoadedAccount | null> {
    const { rows } = await runWithRetries(this.dataSource, { ...this.sql.selectOne, parameters: [rowId(userId)] });
    const row = rows[0];
    if (row === undefined) return null;
    // An error may be logged, so it contains only what erasing the row needs.
    return { account: fromRow(row, `${String(row.revision)} `), revision: revisionOf(row) };
  }

  override async loadMany(userIds: readonly string[]): Promise<ReadonlyMap<string, Account>> {
    if (userIds.length === 0) return new Map();
    const byRowId = new Map(userIds.map((userId) => [rowId(userId), userId]));
    const { rows } = await runWithRetries(this.dataSource, {
      sql: this.sql.selectMany(byRowId.size),
      parameters: [...byRowId.keys()],
    });
    return new Map(rows.map((row) => [byRowId.get(String(row.id)) ?? '', fromRow(row)]));
  }

  override async commit(
    userId: string,
    revision: string | null,
    account: Account | 'erased',
    events: readonly AnyTotpEvent[] = [],
  ): Promise<boolean> {
    const change = { userId, revision, account };
    if (account === 'erased') return this.commitAll([change], events);
    const write = this.write(userId, revision, account, events.length);
    if (events.length === 0) return this.commitOne(write, write);
    const both = await this.outbox?.withEvents?.(write, events);
    if (both === undefined) return this.commitAll([change], events);
    const isWritten = await this.commitBoth(write, both);
    if (isWritten) this.tellOutbox();
    return isWritten;
  }

  private async commitBoth(write: Write, { asOne, inTransaction }: WriteWithEvents): Promise<boolean> {
    if (asOne !== undefined && !this.refusesCompounds) {
      try {
        return await this.commitOne(write, asOne);
      } catch (error) {
        if (!isUnsupported(error)) throw error;
        this.refusesCompounds = true;
      }
    }
    return this.committed(write, await runTransaction(this.dataSource, inTransaction()));
  }

  /** @param statement the write, or one that contains it */
  private async commitOne(write: Write, statement: Statement): Promise<boolean> {
    try {
      const result = await runUnlessConflict(this.dataSource, statement);
      return result !== undefined && result.affected > 0;
    } catch (error) {
      // The reply may have been lost after the row was written: then the row has the new revision.
      if (await this.isWritten(write)) return true;
      throw error;
    }
  }

  override async commitAll(changes: readonly AccountChange[], events: readonly AnyTotpEvent[] = []): Promise<boolean> {
    if (changes.length === 0) return true;
    // Sorted, so that two processes lock rows in the same order and do not deadlock.
    const inOrder = [...changes].sort((one, other) => (rowId(one.userId) < rowId(other.userId) ? -1 : 1));
    const writes = inOrder.flatMap(({ userId, revision, account }) =>
      account === 'erased' ? this.deletion(userId, revision) : [this.write(userId, revision, account)],
    );
    const erased = changes.filter(({ account }) => account === 'erased').map(({ userId }) => userId);
    const isWritten = await this.writeAll(writes, erased, events);
    if (isWritten && events.length > 0) this.tellOutbox();
    return isWritten;
  }

  private async writeAll(
    writes: readonly Write[],
    erased: readonly string[],
    events: readonly AnyTotpEvent[],
  ): Promise<boolean> {
    const addEvents = events.length === 0 ? undefined : this.adderOf(events);
    const outcome = await runTransaction(this.dataSource, writes, async (manager) => {
      for (const userId of erased) {
        const { sql, parameters } = deleteCompletionsOf(this.dataSource, userId);
        await runWithin(manager, sql, parameters);
      }
      await addEvents?.(manager);
    });
    return this.committed(
      writes.find(({ written }) => written !== undefined),
      outcome,
    );
  }

  /** @param marked a write whose row shows whether the transaction was committed; undefined when there is none */
  private async committed(marked: Write | undefined, outcome: TransactionOutcome): Promise<boolean> {
    if (outcome.status !== 'unknown') return outcome.status === 'committed';
    if (marked !== undefined && (await this.isWritten(marked))) return true;
    if (isConflict(outcome.error)) return false;
    throw outcome.error;
  }

  /** Writes events after the accounts. The rows are locked until the commit, so events are stored in the order of the changes. */
  private adderOf(events: readonly AnyTotpEvent[]): (manager: EntityManager) => Promise<void> {
    const { outbox } = this;
    if (outbox === undefined) throw new TotpStorageError('The events of this change have no outbox.');
    if (outbox.keepsTransaction) return (manager) => outbox.add(manager, events);
    return (manager) => keepTransaction(manager, () => outbox.add(manager, events));
  }

  /** Runs after the commit, so a failure is only logged. */
  private tellOutbox(): void {
    new Promise<void>((resolve) => {
      resolve(this.outbox?.committed());
    }).catch((error: unknown) => {
      logError(this.logger, 'TotpOutbox.committed failed', error);
    });
  }

  /** Does nothing for a user without a row. */
  private deletion(userId: string, revision: string | null): Write[] {
    if (revision === null) return [];
    const parameters = [rowId(userId), readRevision(revision).mark];
    return [{ userId, written: undefined, ...this.sql.delete, parameters }];
  }

  /** @param events how many of the user's events are stored with it */
  private write(userId: string, revision: string | null, account: Account, events = 0): Write {
    // Random, not a counter: an account that is erased and created again never has an earlier revision.
    const written = randomUUID();
    const { check, extras } = toRow(account);
    const [id, keySet] = [rowId(userId), keySetOf(sealedParts(account))];
    const all = [...check, extras, written, keySet, events, id];
    if (revision === null) return { userId, written, ...this.sql.insert, parameters: [...all, asciiJson(userId)] };
    const { mark, noted } = readRevision(revision);
    return noted === notes(keySet, extras)
      ? { userId, written, ...this.sql.updateCheck, parameters: [...check, written, events, id, mark] }
      : { userId, written, ...this.sql.update, parameters: [...all, mark] };
  }

  /** Whether the row has the revision of a write. A missing row proves nothing: another call may have deleted it. */
  private async isWritten({ userId, written }: Write): Promise<boolean> {
    if (written === undefined) return false;
    const loaded = await this.load(userId).catch(() => null);
    return loaded !== null && readRevision(loaded.revision).mark === written;
  }

  override async nextKeySet(after: KeySet | undefined): Promise<KeySet | undefined> {
    const { firstKeySet, nextKeySet } = this.sql;
    const { rows } = await (after === undefined
      ? runWithRetries(this.dataSource, { sql: firstKeySet, parameters: [] })
      : runWithRetries(this.dataSource, { sql: nextKeySet, parameters: [after] }));
    const keySet = rows[0]?.keyIds;
    return typeof keySet === 'string' ? keySet : undefined;
  }

  override async countAccounts(keySet: KeySet): Promise<number> {
    const { rows } = await runWithRetries(this.dataSource, { sql: this.sql.countAccounts, parameters: [keySet] });
    return Number(rows[0]?.accounts);
  }

  override async listAccounts(keySet: KeySet, after = '', limit = 1): Promise<readonly AccountListing[]> {
    const { rows } = await runWithRetries(this.dataSource, {
      sql: this.sql.listAccounts(limit),
      parameters: [keySet, after],
    });
    return rows.map((row) => {
      const [cursor, userId] = [String(row.id), readUserId(row.userId)];
      // A row that names another user is damaged: no look-up of that user would find it.
      return { cursor, userId: userId !== undefined && rowId(userId) === cursor ? userId : undefined };
    });
  }

  override async now(): Promise<number> {
    const { rows } = await runWithRetries(this.dataSource, { sql: this.sql.now, parameters: [] });
    return Number(rows[0]?.now);
  }

  override async serverHistory(): Promise<string | undefined> {
    const { timeline } = this.sql;
    if (timeline === undefined) return undefined;
    try {
      const { rows } = await runWithRetries(this.dataSource, { sql: timeline, parameters: [] });
      return String(rows[0]?.timeline);
    } catch (error) {
      // Some servers that speak PostgreSQL's protocol have no timelines.
      if (isWithoutFunction(error)) return undefined;
      throw error;
    }
  }
}

/**
 * The revision as callers see it: the row's own, and what else was read that most writes do not change. They can then omit those columns.
 * Otherwise, each check of a code would write the recovery codes, and SQLite would rewrite the index on the key set.
 */
function revisionOf({ revision, keyIds, extras }: Record<string, unknown>): string {
  return `${String(revision)} ${notes(keyIds, extras)}`;
}

function notes(keySet: unknown, extras: unknown): string {
  return `${String(keySet)} ${String(extras)}`;
}

function readRevision(revision: string): { readonly mark: string; readonly noted: string } {
  const [mark = ''] = revision.split(' ', 1);
  return { mark, noted: revision.slice(mark.length + 1) };
}
