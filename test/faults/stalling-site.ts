/**
 * Two services and an application that share a pool, whose statements are delayed, cut, locked out and killed as a random schedule says;
 * and what must hold afterwards.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type AnyTotpEvent, TOTP_ENTITIES, TOTP_MIGRATIONS, type TotpService } from 'nestjs-totp';
import { TestTotpClock, TotpEventRecorder } from 'nestjs-totp/testing';
import { DataSource, type DataSourceOptions, type Logger, type QueryRunner } from 'typeorm';
import { TypeOrmTotpOutbox } from '../../src/outbox/typeorm-outbox.js';
import { rowId } from '../../src/storage/sql/row-id.js';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import type { Answer, Call } from '../processes/fleet.js';
import type { OpenDatabase } from '../support/databases.js';
import { Random } from '../support/random.js';
import { Attack, NOW } from './attack.js';
import { serviceOver } from './site.js';
import { type Fault, TcpProxy } from './tcp-proxy.js';

/** Who gives up on a statement that takes too long. */
export type TimeOuts = 'the client' | 'the server';

export interface Setting {
  readonly timeOuts: TimeOuts;
  readonly outbox: boolean;
}

/** Long enough for every statement that nothing delays, on a machine that is not busy. */
const TIME_OUT_MS = 100;
const POOL_SIZE = 3;
const OBSERVERS = 2;
/** The application's connections on PostgreSQL. */
const APPLICATION = 'stalled';

interface Schedule {
  /** By the number of the statement, from 1, among all that pass the proxy. */
  readonly faults: ReadonlyMap<number, Fault>;
  /** How long another connection keeps the accounts from being written. */
  readonly lockMs: number;
  /** After how many milliseconds a connection of the pool is ended by the server. */
  readonly kills: readonly number[];
}

function scheduleFrom(random: Random): Schedule {
  const fault = (): Fault => {
    const milliseconds = random.integer(TIME_OUT_MS / 2, 2 * TIME_OUT_MS);
    return random.pick<Fault>([
      { delay: 'the statement', milliseconds },
      { delay: 'the reply', milliseconds },
      { delay: 'the reply', milliseconds },
      { cut: 'before the statement' },
      { cut: 'before the reply' },
      { cut: 'for the caller' },
    ]);
  };
  const faults = Array.from({ length: random.integer(0, 5) }, () => [random.integer(1, 60), fault()] as const);
  return {
    faults: new Map(faults),
    lockMs: random.chance(0.5) ? random.integer(TIME_OUT_MS, 3 * TIME_OUT_MS) : 0,
    kills: random.chance(0.3) ? [random.integer(0, 50), random.integer(0, 50)] : [],
  };
}

export class StallingSite {
  /** Connections of the observers, which no schedule ends. */
  private observerIds: readonly number[] = [];

  private constructor(
    private readonly setting: Setting,
    private readonly database: OpenDatabase,
    private readonly proxy: TcpProxy,
    /** The application's, through the proxy. */
    private readonly application: DataSource,
    /** Somebody else's, which meets no fault. */
    private readonly observer: DataSource,
    private readonly services: readonly [TotpService, TotpService],
  ) {}

  static async open(database: OpenDatabase, setting: Setting): Promise<StallingSite> {
    const observer = await new DataSource({
      ...onServer(database),
      poolSize: OBSERVERS,
      entities: TOTP_ENTITIES,
      migrations: TOTP_MIGRATIONS,
    }).initialize();
    await observer.runMigrations();
    await observer.query('CREATE TABLE orders (id varchar(36) PRIMARY KEY)');
    const proxy = await TcpProxy.to(database);
    const options = withTimeOuts(database, setting.timeOuts, proxy.port);
    const application = await initialise(options);
    if (setting.timeOuts === 'the server') limitStatements(application);
    const outbox = setting.outbox
      ? new TypeOrmTotpOutbox({ open: () => Promise.resolve(application) }, () => ['nowhere'])
      : undefined;
    // Two, as in two processes: calls about one user take turns within a service.
    const service = () => serviceOver(application, new TotpEventRecorder(), new TestTotpClock(), outbox);
    const site = new StallingSite(setting, database, proxy, application, observer, [service(), service()]);
    site.observerIds = await site.openObservers();
    return site;
  }

  async close(): Promise<void> {
    await this.application.destroy();
    await this.proxy.close();
    await this.observer.destroy();
    await this.database.drop();
  }

  /** Calls and orders at once under a random schedule; then everything that was answered must be what is committed. */
  async run(seed: number): Promise<void> {
    const random = new Random(seed);
    const schedule = scheduleFrom(random);
    const attack = new Attack(2);
    const undisturbed = serviceOver(this.observer, new TotpEventRecorder(), new TestTotpClock());
    for (const call of attack.enrolments) await answerOf(undisturbed, call);
    const store = new TypeOrmTotpAccountStore(this.observer);

    const unlock = await this.lock(schedule.lockMs, attack);
    let statements = 0;
    this.proxy.plan = () => schedule.faults.get(++statements);
    const calls = attack.calls(4).map((call) => answerOf(this.services[random.chance(0.5) ? 0 : 1], call));
    const orders = Array.from({ length: 10 }, () => this.order());
    const kills = schedule.kills.map((milliseconds) => pause(milliseconds).then(() => this.killOne(random)));
    attack.note(await Promise.all(calls));
    const ordered = await Promise.all(orders);
    await Promise.all(kills);
    await unlock();
    this.proxy.plan = undefined;
    await this.untilIdle();

    // The next caller that gets a connection of the pool has its writes committed.
    ordered.push(...(await Promise.all(Array.from({ length: 2 * POOL_SIZE }, () => this.order()))));
    await this.untilIdle();
    await attack.expectExact(store);
    await this.expectOrders(ordered);
    if (this.setting.outbox) await this.expectEvents(attack, store);
    await attack.expectRefusedAgain((call) => answerOf(undisturbed, call));
  }

  /** A row that the application writes: its id once the database has said that it is written. */
  private async order(): Promise<string | undefined> {
    const id = randomUUID();
    try {
      await this.application.query(`INSERT INTO orders (id) VALUES ('${id}')`);
      return id;
    } catch {
      return undefined;
    }
  }

  private async expectOrders(ordered: readonly (string | undefined)[]): Promise<void> {
    const rows: { id: string }[] = await this.observer.query('SELECT id FROM orders');
    const written = new Set(rows.map(({ id }) => id));
    expect(ordered.filter((id) => id !== undefined && !written.has(id))).toEqual([]);
    await this.observer.query('DELETE FROM orders');
  }

  /** Each change has its events, and no event is there without its change. */
  private async expectEvents(attack: Attack, store: TypeOrmTotpAccountStore): Promise<void> {
    const rows: { event: string }[] = await this.observer.query('SELECT event FROM totp_outbox');
    const events = rows.map(({ event }) => JSON.parse(event) as AnyTotpEvent);
    for (const userId of attack.userIds) {
      const account = (await store.load(userId))?.account;
      const count = (name: string) => events.filter((event) => event.userId === userId && event.name === name).length;
      const failures = account?.budget.failures ?? 0;
      expect({
        accepted: count('totp.code.accepted'),
        rejected: count('totp.code.rejected'),
        locked: count('totp.user.locked'),
      }).toEqual({
        accepted: account?.devices[0]?.usedUntil === NOW + 30_000 ? 1 : 0,
        rejected: failures,
        locked: failures === 5 ? 1 : 0,
      });
    }
    await this.observer.query('DELETE FROM totp_outbox');
  }

  /** Keeps the attacked accounts from being written. @returns what waits until that is over */
  private async lock(milliseconds: number, { userIds }: Attack): Promise<() => Promise<void>> {
    if (milliseconds === 0) return () => Promise.resolve();
    const holder = this.observer.createQueryRunner();
    await holder.startTransaction();
    const ids = userIds.map((userId) => `'${rowId(userId)}'`).join(', ');
    await holder.query(
      this.isPostgres
        ? 'LOCK TABLE totp_accounts IN SHARE MODE'
        : `SELECT id FROM totp_accounts WHERE id IN (${ids}) FOR UPDATE`,
    );
    const over = pause(milliseconds).then(() => letGo(holder));
    return () => over;
  }

  private get isPostgres(): boolean {
    return this.observer.options.type === 'postgres';
  }

  private async killOne(random: Random): Promise<void> {
    const sessions = await this.sessions();
    const { id } = sessions[random.integer(0, sessions.length - 1)] ?? {};
    if (id === undefined) return;
    // It may have ended by itself meanwhile.
    const kill = this.isPostgres ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`;
    await this.observer.query(kill).catch(() => undefined);
  }

  /** The server's sessions of the application's pool. */
  private async sessions(): Promise<{ readonly id: number | string }[]> {
    if (this.isPostgres) {
      return this.observer.query(
        `SELECT pid AS id FROM pg_stat_activity WHERE application_name = '${APPLICATION}' AND datname = current_database()`,
      );
    }
    const rows: { id: number | string }[] = await this.observer.query(
      'SELECT id FROM information_schema.processlist WHERE db = DATABASE()',
    );
    return rows.filter(({ id }) => !this.observerIds.includes(Number(id)));
  }

  private async openObservers(): Promise<number[]> {
    if (this.isPostgres) return [];
    const runners = Array.from({ length: OBSERVERS }, () => this.observer.createQueryRunner());
    const ids = await Promise.all(
      runners.map((runner) => runner.query('SELECT CONNECTION_ID() AS id') as Promise<{ id: number | string }[]>),
    );
    await Promise.all(runners.map((runner) => runner.release()));
    return ids.flat().map(({ id }) => Number(id));
  }

  /** Waits until no session of the application runs a statement or is in a transaction. A connection left in one never gets there. */
  private async untilIdle(): Promise<void> {
    const giveUpAt = Date.now() + 5_000;
    for (;;) {
      const busy: object[] = await this.observer.query(
        this.isPostgres
          ? `SELECT pid, state, query FROM pg_stat_activity WHERE application_name = '${APPLICATION}'` +
              " AND datname = current_database() AND state <> 'idle'"
          : 'SELECT id, command, info, trx_state FROM information_schema.processlist' +
              ' LEFT JOIN information_schema.innodb_trx ON id = trx_mysql_thread_id' +
              " WHERE db = DATABASE() AND id <> CONNECTION_ID() AND (command <> 'Sleep' OR trx_state IS NOT NULL)",
      );
      if (busy.length === 0) return;
      if (Date.now() > giveUpAt) throw new Error(`Sessions are still in transactions: ${JSON.stringify(busy)}`);
      // InnoDB repeats its last answer unless nobody has asked for a tenth of a second.
      await pause(this.isPostgres ? 5 : 110);
    }
  }
}

async function letGo(holder: QueryRunner): Promise<void> {
  await holder.rollbackTransaction();
  await holder.release();
}

async function answerOf(totp: TotpService, { name, input }: Call): Promise<Answer> {
  try {
    return await (totp[name] as (input: Call['input']) => Promise<Answer>)(input);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { status: 'FAULT', ...(code !== undefined && { code }), message };
  }
}

function onServer({ options }: OpenDatabase) {
  if (options.type === 'better-sqlite3') throw new Error('There is no network to an SQLite file.');
  return options;
}

/** TypeORM logs slow statements in any case. */
const SILENT: Logger = {
  logQuery: () => undefined,
  logQueryError: () => undefined,
  logQuerySlow: () => undefined,
  logSchemaBuild: () => undefined,
  logMigration: () => undefined,
  log: () => undefined,
};

/** The time-outs hold for TypeORM's own statements at start-up too: on a busy machine they run out, and it starts again. */
export async function initialise(options: DataSourceOptions): Promise<DataSource> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new DataSource({ ...options, entities: TOTP_ENTITIES }).initialize();
    } catch (error) {
      if (attempt === 50) throw error;
    }
  }
}

/**
 * @param port of the proxy
 * @param timeOut of a statement, in ms
 */
export function withTimeOuts(
  { options }: OpenDatabase,
  timeOuts: TimeOuts,
  port: number,
  poolSize = POOL_SIZE,
  timeOut = TIME_OUT_MS,
): DataSourceOptions {
  switch (options.type) {
    case 'postgres': {
      const limits =
        timeOuts === 'the client'
          ? {}
          : {
              statement_timeout: timeOut,
              lock_timeout: timeOut / 2,
              idle_in_transaction_session_timeout: timeOut,
            };
      const patience = timeOuts === 'the client' ? { query_timeout: timeOut } : {};
      const extra = { connectionTimeoutMillis: 10 * timeOut, ...limits, ...patience };
      return { ...options, port, poolSize, applicationName: APPLICATION, extra, logger: SILENT };
    }
    case 'mysql':
    case 'mariadb': {
      const patience = timeOuts === 'the client' ? { enableQueryTimeout: true, maxQueryExecutionTime: timeOut } : {};
      return { ...options, port, poolSize, logger: SILENT, ...patience };
    }
    default:
      throw new Error('There is no network to an SQLite file.');
  }
}

/** MariaDB ends statements by itself; MySQL only those that wait for a row. */
function limitStatements({ options, driver }: DataSource): void {
  if (options.type !== 'mysql' && options.type !== 'mariadb') return;
  const { pool } = driver as unknown as { pool: { on(event: 'connection', listener: (it: Connection) => void): void } };
  interface Connection {
    query(sql: string): void;
  }
  pool.on('connection', (connection) => {
    connection.query('SET SESSION innodb_lock_wait_timeout = 1');
    if (options.type === 'mariadb') connection.query(`SET SESSION max_statement_time = ${TIME_OUT_MS / 1_000}`);
  });
}
