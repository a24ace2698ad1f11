/** The module's own outbox: a table beside the accounts. */
import type { DataSource, EntityManager } from 'typeorm';
import { type AnyTotpEvent, readEvent } from '../events/catalogue.js';
import type { TotpOutboxBacklog } from '../metrics/metrics.js';
import { type Claim, type OutboxEntry, type OutboxQueue, type ParkedTotpEvent, TotpOutbox } from './outbox.js';
import { TotpStorageError } from '../shared/errors.js';
import { BACKGROUND_STATEMENTS, Semaphore } from '../shared/semaphore.js';
import { asciiJson, MAX_TEXT_LENGTH } from '../storage/sql/text.js';
import { TotpOutboxClaimEntity } from './outbox-claim.entity.js';
import { TotpOutboxEntryEntity } from './outbox-entry.entity.js';
import { rowId } from '../storage/sql/row-id.js';
import type { StoreConnection } from '../storage/sql/connection.js';
import { Sql } from '../storage/sql/builder.js';
import { run, runUnlessConflict } from '../storage/sql/run.js';
import type { StatementResult, Value } from '../storage/sql/statement.js';
import { runWithin } from '../storage/sql/transaction.js';

/** The columns that an entry is written to. */
const WRITTEN = ['id', 'lane', 'account', 'position', 'dueAt', 'attempts', 'occurredAt', 'event'] as const;
/** PostgreSQL, MySQL and MariaDB take 65,535 parameters, SQLite 32,766. */
const ROWS_PER_INSERT = 500;
/** Of the entries of a destination that wait, or are parked. */
const MOST_COUNTED = 10_000;

/** Keeps events in the application's database, a row for each destination. */
export class TypeOrmTotpOutbox extends TotpOutbox implements OutboxQueue {
  private opened: Promise<{ readonly dataSource: DataSource; readonly sql: ReturnType<typeof statements> }> | undefined;
  private wake: () => void = () => undefined;
  /** Partitions are emptied side by side, and share these. */
  private readonly background = new Semaphore(BACKGROUND_STATEMENTS);

  /**
   * @param connection opened on first use: applications without an outbox, or with one of their own, never need it
   * @param destinations the names of those that events are kept for
   */
  constructor(
    private readonly connection: Pick<StoreConnection, 'open'>,
    private readonly destinations: () => readonly string[],
  ) {
    super();
  }

  private open() {
    this.opened ??= this.connection.open().then((dataSource) => ({ dataSource, sql: statements(dataSource) }));
    return this.opened;
  }

  /** @param wake called when there is something new */
  whenCommitted(wake: () => void): void {
    this.wake = wake;
  }

  override committed(): void {
    this.wake();
  }

  override async add(manager: EntityManager, events: readonly AnyTotpEvent[]): Promise<void> {
    const { sql } = await this.open();
    const positions = await countedPositions(
      sql.positions,
      manager,
      new Set(events.map(({ userId }) => rowId(userId))),
    );
    const destinations = this.destinations();
    const rows = events.flatMap((event) => {
      const { id, userId, occurredAt } = event;
      const account = rowId(userId);
      const position = (positions.get(account) ?? 0) + 1;
      positions.set(account, position);
      const json = fittingJson(event);
      return destinations.map((destination) => {
        const lane = `${destination}:${account.charAt(0)}`;
        return [`${id}:${destination}`, lane, account, position, occurredAt, 0, occurredAt, json];
      });
    });
    for (let n = 0; n < rows.length; n += ROWS_PER_INSERT) {
      const some = rows.slice(n, n + ROWS_PER_INSERT);
      await runWithin(manager, sql.insert(some.length), some.flat());
    }
  }

  async dueLanes(destination: string, now: number): Promise<{ lane: string; mark: string | undefined }[]> {
    const lanes = lanesOf(destination);
    const firstDue = (await this.run(({ firstDue }) => firstDue, lanes)).rows[0] ?? {};
    const due = lanes.filter((_, n) => isDue(firstDue[`due${String(n)}`], now));
    if (due.length === 0) return [];
    const { rows } = await this.run(({ claims }) => claims(due.length), due);
    const marks = new Map(rows.map(({ lane, mark }) => [String(lane), String(mark)]));
    return due.map((lane) => ({ lane, mark: marks.get(lane) }));
  }

  async claim({ lane, mark }: Claim, seen: string | undefined): Promise<boolean> {
    const { dataSource, sql } = await this.open();
    const written = await this.background.run(() =>
      seen === undefined
        ? runUnlessConflict(dataSource, sql.insertClaim, [mark, lane])
        : runUnlessConflict(dataSource, sql.updateClaim, [mark, lane, seen]),
    );
    return written?.affected === 1;
  }

  async release({ lane, mark }: Claim): Promise<void> {
    await this.run(({ deleteClaim }) => deleteClaim, [lane, mark]);
  }

  async heads(lane: string, now: number, limit: number): Promise<OutboxEntry[]> {
    const { rows } = await this.run(({ heads }) => heads(limit), [lane, now]);
    return rows.map(readEntry);
  }

  async remove({ lane, mark }: Claim, ids: readonly string[]): Promise<boolean> {
    const { affected } = await this.run(({ remove }) => remove(ids.length), [...ids, lane, mark]);
    return affected > 0;
  }

  async postpone({ lane, mark }: Claim, entry: OutboxEntry, dueAt: number | null, reason: string): Promise<boolean> {
    const values = [dueAt, entry.attempts, asciiJson(reason), entry.id, lane, mark];
    const { affected } = await this.run(({ postpone }) => postpone, values);
    return affected > 0;
  }

  async parked(limit: number): Promise<ParkedTotpEvent[]> {
    const { rows } = await this.run(({ parked }) => parked(limit), []);
    return rows.map((row) => ({
      ...readEntry(row),
      destination: String(row.lane).split(':', 1)[0] ?? '',
      reason: String(JSON.parse(String(row.reason))),
    }));
  }

  async unpark(ids: readonly string[] | undefined, now: number): Promise<number> {
    if (ids?.length === 0) return 0;
    const { affected } = await this.run(({ unpark }) => unpark(ids?.length), [now, ...(ids ?? [])]);
    return affected;
  }

  backlog(): Promise<TotpOutboxBacklog[]> {
    const backlogs = this.destinations().map(async (destination) => {
      const lanes = lanesOf(destination);
      const { rows } = await this.run(({ backlog }) => backlog, [...lanes, ...lanes]);
      const { waiting, parked, oldestAt } = rows[0] ?? {};
      return {
        destination,
        waiting: Number(waiting),
        parked: Number(parked),
        oldestAt: oldestAt === null ? undefined : Number(oldestAt),
      };
    });
    return Promise.all(backlogs);
  }

  private async run(
    statement: (sql: ReturnType<typeof statements>) => string,
    parameters: readonly Value[],
  ): Promise<StatementResult> {
    const { dataSource, sql } = await this.open();
    return this.background.run(() => run(dataSource, statement(sql), parameters));
  }
}

/** How far the entries of each user are counted. Others wait for the users' accounts, so nobody else counts meanwhile. */
async function countedPositions(
  statement: (accounts: number) => string,
  manager: EntityManager,
  accounts: ReadonlySet<string>,
): Promise<Map<string, number>> {
  const { rows } = await runWithin(manager, statement(accounts.size), [...accounts]);
  return new Map(rows.map(({ account, position }) => [String(account), Number(position)]));
}

/** The first digit of a user's row id, by which users are spread over lanes. */
const DIGITS = Array.from({ length: 16 }, (_, n) => n.toString(16));

function lanesOf(destination: string): string[] {
  return DIGITS.map((digit) => `${destination}:${digit}`);
}

function isDue(dueAt: unknown, now: number): boolean {
  return dueAt !== null && dueAt !== undefined && Number(dueAt) <= now;
}

function fittingJson(event: AnyTotpEvent): string {
  const json = asciiJson(event);
  if (json.length <= MAX_TEXT_LENGTH) return json;
  throw new TotpStorageError('The event does not fit into a row: give sessions and tenants shorter names.');
}

function readEntry(row: Readonly<Record<string, unknown>>): OutboxEntry {
  return { id: String(row.id), event: readEvent(String(row.event)), attempts: Number(row.attempts) };
}

function statements(dataSource: DataSource) {
  const sql = new Sql(dataSource, TotpOutboxEntryEntity);
  const claims = new Sql(dataSource, TotpOutboxClaimEntity);
  const [id, lane, account, position] = [
    sql.column('id'),
    sql.column('lane'),
    sql.column('account'),
    sql.column('position'),
  ];
  const [dueAt, attempts, reason, occurredAt] = [
    sql.column('dueAt'),
    sql.column('attempts'),
    sql.column('reason'),
    sql.column('occurredAt'),
  ];
  const [claimLane, mark] = [claims.column('lane'), claims.column('mark')];
  const [first, second, third, fourth] = [sql.parameter(1), sql.parameter(2), sql.parameter(3), sql.parameter(4)];
  const columns = WRITTEN.map((property) => sql.column(property));
  const as = (property: string, of: Sql = sql) => `${of.column(property)} AS ${sql.name(property)}`;
  const entry = ['id', 'lane', 'attempts', 'reason', 'event'].map((property) => as(property)).join(', ');
  const some = (result: string, whetherDue: string, n: number) =>
    `(SELECT ${result} FROM ${sql.table} WHERE ${lane} IN (${sql.parameters(DIGITS.length, n).join(', ')})` +
    ` AND ${dueAt} ${whetherDue} LIMIT ${String(MOST_COUNTED)})`;
  const isHeld = (n: number) =>
    `EXISTS (SELECT 1 FROM ${claims.table} WHERE ${claimLane} = ${sql.parameter(n)} AND ${mark} = ${sql.parameter(n + 1)})`;
  return {
    insert: (rows: number) => {
      const row = (n: number) => `(${sql.parameters(columns.length, n * columns.length + 1).join(', ')})`;
      const values = Array.from({ length: rows }, (_, n) => row(n));
      return `INSERT INTO ${sql.table} (${columns.join(', ')}) VALUES ${values.join(', ')}`;
    },
    positions: (accounts: number) =>
      `SELECT ${as('account')}, MAX(${position}) AS ${sql.name('position')} FROM ${sql.table}` +
      ` WHERE ${account} IN (${sql.parameters(accounts).join(', ')}) GROUP BY ${account}`,
    // One look into the index for each lane, however many entries wait.
    firstDue: `SELECT ${DIGITS.map(
      (_, n) =>
        `(SELECT MIN(${dueAt}) FROM ${sql.table} WHERE ${lane} = ${sql.parameter(n + 1)}) AS ${sql.name(`due${String(n)}`)}`,
    ).join(', ')}`,
    claims: (lanes: number) =>
      `SELECT ${as('lane', claims)}, ${as('mark', claims)} FROM ${claims.table} WHERE ${claimLane} IN (${sql.parameters(lanes).join(', ')})`,
    insertClaim: `INSERT INTO ${claims.table} (${mark}, ${claimLane}) VALUES (${first}, ${second})`,
    updateClaim: `UPDATE ${claims.table} SET ${mark} = ${first} WHERE ${claimLane} = ${second} AND ${mark} = ${third}`,
    deleteClaim: `DELETE FROM ${claims.table} WHERE ${claimLane} = ${first} AND ${mark} = ${second}`,
    // One look into the index for each entry. Put as NOT EXISTS, servers join all entries of a user with one another.
    heads: (limit: number) =>
      `SELECT ${entry} FROM ${sql.table} e WHERE ${lane} = ${first} AND ${dueAt} <= ${second}` +
      ` AND ${position} = (SELECT o.${position} FROM ${sql.table} o WHERE o.${account} = e.${account} AND o.${lane} = e.${lane}` +
      ` AND o.${dueAt} IS NOT NULL ORDER BY o.${position} LIMIT 1) ORDER BY ${dueAt}, ${id} LIMIT ${String(limit)}`,
    remove: (ids: number) =>
      `DELETE FROM ${sql.table} WHERE ${id} IN (${sql.parameters(ids).join(', ')}) AND ${isHeld(ids + 1)}`,
    postpone:
      `UPDATE ${sql.table} SET ${dueAt} = ${first}, ${attempts} = ${second}, ${reason} = ${third}` +
      ` WHERE ${id} = ${fourth} AND ${isHeld(5)}`,
    parked: (limit: number) =>
      `SELECT ${entry} FROM ${sql.table} WHERE ${dueAt} IS NULL ORDER BY ${occurredAt}, ${id} LIMIT ${String(limit)}`,
    unpark: (ids: number | undefined) =>
      `UPDATE ${sql.table} SET ${dueAt} = ${first}, ${attempts} = 0 WHERE ${dueAt} IS NULL` +
      (ids === undefined ? '' : ` AND ${id} IN (${sql.parameters(ids, 2).join(', ')})`),
    // Entries of one destination stand together in the index, and no more of them are looked at than are counted.
    backlog:
      `SELECT COUNT(*) AS ${sql.name('waiting')}, MIN(happened_at) AS ${sql.name('oldestAt')},` +
      ` (SELECT COUNT(*) FROM ${some(dueAt, 'IS NULL', 1)} p) AS ${sql.name('parked')}` +
      ` FROM ${some(`${occurredAt} AS happened_at`, 'IS NOT NULL', DIGITS.length + 1)} w`,
  };
}
