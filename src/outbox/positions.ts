/** Numbers the events of each user, in the transaction of their change: events are delivered in the order of their positions. */
import type { EntityManager } from 'typeorm';
import type { AnyTotpEvent } from '../events/catalogue.js';
import { rowId } from '../storage/sql/row-id.js';
import { runWithin } from '../storage/sql/transaction.js';
import type { outboxStatements } from './outbox-statements.js';

type Statements = ReturnType<typeof outboxStatements>;

/**
 * Reserves the positions of new events. The rows of the users are locked, so no concurrent call reserves the same ones.
 *
 * @returns by account, the position before that of its first new event
 */
export async function reservePositions(
  sql: Statements,
  manager: EntityManager,
  events: readonly AnyTotpEvent[],
): Promise<ReadonlyMap<string, number>> {
  const added = new Map<string, AnyTotpEvent[]>();
  for (const event of events) added.set(rowId(event.userId), [...(added.get(rowId(event.userId)) ?? []), event]);
  const reserved = await increaseLastPositions(sql, manager, added);
  for (const [account, ofAccount] of added) {
    const ended = ofAccount.findLastIndex(({ name }) => name === 'totp.user.removed') + 1;
    if (ended > 0 || !reserved.has(account)) {
      reserved.set(account, await positionByEntries(sql, manager, account, ended));
    }
  }
  return reserved;
}

/** The last positions of accounts before they were increased. Accounts that have no row are missing. */
async function increaseLastPositions(
  sql: Statements,
  manager: EntityManager,
  added: ReadonlyMap<string, readonly unknown[]>,
): Promise<Map<string, number>> {
  const { rows } = await runWithin(manager, sql.lastPositions(added.size), [...added.keys()]);
  const last = new Map(rows.map(({ account, position }) => [String(account), Number(position)]));
  // Usually one: each user of a batch has as many events.
  for (const count of new Set([...added.values()].map(({ length }) => length))) {
    const accounts = [...last.keys()].filter((account) => added.get(account)?.length === count);
    if (accounts.length > 0) await runWithin(manager, sql.addPositions(accounts.length), [count, ...accounts]);
  }
  return last;
}

/**
 * The position after which the new events of an account without a row follow. When the account was erased, its entries move to positions
 * below 1, in their order, because a later account of the same user begins at 1 again.
 *
 * @param ended how many of the new events belong to an account that they end
 */
async function positionByEntries(
  sql: Statements,
  manager: EntityManager,
  account: string,
  ended: number,
): Promise<number> {
  const { rows } = await runWithin(manager, sql.newestPosition, [account]);
  const newest = Number(rows[0]?.position ?? 0);
  if (ended === 0) return newest;
  if (newest > 0) await runWithin(manager, sql.lowerPositions, [newest + ended, account]);
  return -ended;
}
